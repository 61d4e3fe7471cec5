"""Follows a task with pysignalr, and once more over a new connection: follow_pysignalr.py <hub> <key> <protocol> <task>"""

import asyncio
import sys

from pysignalr.client import SignalRClient
from pysignalr.protocol.json import JSONProtocol
from pysignalr.protocol.messagepack import MessagepackProtocol

HUB, KEY, PROTOCOL, TASK = sys.argv[1:5]


async def follow(told: str) -> None:
    client = SignalRClient(
        HUB,
        access_token_factory=lambda: KEY,
        headers={"Authorization": f"Bearer {KEY}"},
        protocol=MessagepackProtocol() if PROTOCOL == "messagepack" else JSONProtocol(),
    )
    completed = asyncio.Event()

    async def subscribe() -> None:
        await client.send("SubscribeToTask", [TASK])

    async def on_progress(args: list) -> None:
        print("progress", args[1], flush=True)

    async def on_completed(args: list) -> None:
        print(told, args[0], args[1]["image_url"], flush=True)
        completed.set()

    client.on_open(subscribe)
    client.on("TaskProgress", on_progress)
    client.on("TaskCompleted", on_completed)
    running = asyncio.create_task(client.run())
    await completed.wait()
    running.cancel()


async def main() -> None:
    await follow("completed")
    await follow("again")


asyncio.run(main())
