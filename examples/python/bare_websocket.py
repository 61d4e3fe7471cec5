"""Follows a task over a bare WebSocket in SignalR's JSON protocol, without a SignalR library. Needs websockets and httpx.

Run it so: CONDUIT_KEY=condt_... python bare_websocket.py "a balloon over mountains"
"""

import asyncio
import json
import os
import sys
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

BASE = os.environ.get("CONDUIT_URL", "http://localhost:8787")
HEADERS = {"Authorization": f"Bearer {os.environ['CONDUIT_KEY']}"}
PROMPT = sys.argv[1] if len(sys.argv) > 1 else "a balloon over mountains"
END = "\x1e"


async def main() -> None:
    async with httpx.AsyncClient(base_url=BASE, headers=HEADERS) as http:
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
    task_id = created.json()["taskId"]

    # Iterating connects again, with growing waits, whenever the connection was lost.
    address = BASE.replace("http", "ws", 1) + "/hubs/image-generation"
    async for socket in connect(address, additional_headers=HEADERS):
        async with socket:
            try:
                print(await follow(socket, task_id))
                return
            except (ConnectionClosed, EOFError):
                continue


async def follow(socket: ClientConnection, task_id: str) -> str:
    """The address of the picture. Raises `EOFError` when the hub says good-bye before."""
    await send(socket, {"protocol": "json", "version": 1})
    await send(socket, {"type": 1, "invocationId": "1", "target": "SubscribeToTask", "arguments": [task_id]})
    async for frame in socket:
        for text in filter(None, frame.split(END)):
            match json.loads(text):
                case {"type": 7, "allowReconnect": True}:
                    raise EOFError
                case {"error": str(reason)}:  # Of the handshake, of the call, or of a Close message.
                    sys.exit(reason)
                case {"type": 1, "target": "TaskProgress", "arguments": [_, percent]}:
                    print(f"{percent}%", flush=True)
                case {"type": 1, "target": "TaskCompleted", "arguments": [_, result]}:
                    return result["image_url"]
                case {"type": 1, "target": "TaskFailed", "arguments": [_, reason]}:
                    sys.exit(reason)
                # Besides: {} accepts the handshake, type 3 answers the call, type 6 is a ping, which needs no answer.
    raise EOFError


async def send(socket: ClientConnection, message: dict[str, Any]) -> None:
    await socket.send(json.dumps(message) + END)


asyncio.run(main())
