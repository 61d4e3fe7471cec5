"""Makes a picture and a film at once and follows both over one connection. Needs httpx and websockets.

Run it so: CONDUIT_KEY=condt_... python realtime.py "a lighthouse in a storm"
"""

import asyncio
import logging
import os
import sys
from pathlib import Path
from typing import Any

import httpx
from conduit_realtime import ConduitError, ConduitRealtimeClient, ProgressUpdate, TaskResult

PROMPT = sys.argv[1] if len(sys.argv) > 1 else "a lighthouse in a storm"
SLOWLY = {"steps": 10, "step_ms": 300}  # Slows the built-in models down.
BASE = os.environ.get("CONDUIT_URL", "http://localhost:8787")


async def main() -> None:
    names: dict[str, str] = {}
    results: asyncio.Queue[TaskResult | dict[str, Any]] = asyncio.Queue()

    def show(update: ProgressUpdate) -> None:
        print(f"{names.get(update.task_id, 'a task')} {update.progress}% {update.message or ''}", flush=True)

    async with ConduitRealtimeClient(os.environ["CONDUIT_KEY"], BASE) as client:
        client.on("progress", show)
        client.on("completed", results.put)
        client.on("failed", results.put)
        client.on("disconnected", results.put)  # For good: it could not be reached again.
        client.on("reconnecting", lambda _: print("reconnecting", flush=True))
        client.on("reconnected", lambda _: print("reconnected", flush=True))
        try:
            await client.connect("image")
            picture = await client.generate_image("local/canvas", PROMPT, provider_options=SLOWLY)
            names[picture] = "picture"
            film = await client.generate_video(
                "local/motion", PROMPT, duration=1, size="128x72", provider_options=SLOWLY
            )
            names[film] = "film"
        except ConduitError as error:
            sys.exit(str(error))
        for _ in names:
            await save(await results.get(), names)


async def save(result: TaskResult | dict[str, Any], names: dict[str, str]) -> None:
    if isinstance(result, dict):
        sys.exit(f"The connection was lost: {result['error']}")
    if result.error is not None:
        sys.exit(f"{names[result.task_id]}: {result.error}")
    async with httpx.AsyncClient() as http:
        made = await http.get(result.image_url or result.video_url or "")
    file = f"{names[result.task_id]}.{'png' if result.image_url else 'webm'}"
    Path(file).write_bytes(made.raise_for_status().content)
    print(f"saved {file}", flush=True)


logging.basicConfig(level=logging.WARNING)
asyncio.run(main())
