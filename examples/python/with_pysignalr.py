"""Follows a task through the SignalR hub with pysignalr. Needs pysignalr and httpx.

Run it so: CONDUIT_KEY=condt_... python with_pysignalr.py "a balloon over mountains"
"""

import asyncio
import os
import sys

import httpx
from pysignalr.client import SignalRClient
from pysignalr.messages import CompletionMessage

BASE = os.environ.get("CONDUIT_URL", "http://localhost:8787")
KEY = os.environ["CONDUIT_KEY"]
PROMPT = sys.argv[1] if len(sys.argv) > 1 else "a balloon over mountains"


async def create() -> str:
    async with httpx.AsyncClient(base_url=BASE, headers={"Authorization": f"Bearer {KEY}"}) as http:
        created = await http.post(
            "/v1/images/generations/async",
            json={
                "model": "local/canvas",
                "prompt": PROMPT,
                "provider_options": {"steps": 10, "step_ms": 300},  # Slows the built-in painter down.
            },
        )
    if created.is_error:
        sys.exit(created.json()["error"]["message"])
    return created.json()["taskId"]


async def main() -> None:
    task_id = await create()
    ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def end(text: str, failed: bool = False) -> None:
        if ended.done():
            return
        if failed:
            ended.set_exception(RuntimeError(text))
        else:
            ended.set_result(text)

    hub = SignalRClient(
        f"{BASE}/hubs/image-generation",
        # The first is for the negotiation, the second for the socket.
        headers={"Authorization": f"Bearer {KEY}"},
        access_token_factory=lambda: KEY,
    )

    # Called on every connection, the first and those after a loss: a new connection follows nothing yet, and is
    # told the state of what it subscribes to, so that an end in between is not missed.
    async def subscribe() -> None:
        await hub.send("SubscribeToTask", [task_id], on_subscribed)

    async def on_subscribed(answer: CompletionMessage) -> None:
        if answer.error:
            end(answer.error, failed=True)

    async def on_progress(arguments: list) -> None:
        print(f"{arguments[1]}%", flush=True)

    async def on_completed(arguments: list) -> None:
        end(arguments[1]["image_url"])

    async def on_failed(arguments: list) -> None:
        end(arguments[1], failed=True)

    hub.on_open(subscribe)
    hub.on("TaskProgress", on_progress)
    hub.on("TaskCompleted", on_completed)
    hub.on("TaskFailed", on_failed)

    running = asyncio.create_task(hub.run())
    await asyncio.wait({running, ended}, return_when=asyncio.FIRST_COMPLETED)
    if not ended.done():
        await running  # It could not connect, and says why.
    running.cancel()
    await asyncio.wait({running})
    print(ended.result())


asyncio.run(main())
