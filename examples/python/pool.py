"""Paints ten pictures over a pool of three connections. Needs httpx and websockets.

Run it so: CONDUIT_KEY=condt_... python pool.py
"""

import asyncio
import os
import sys
from typing import Any

from conduit_realtime import ConduitConnectionPool, ConduitError, TaskResult

PROMPTS = [
    f"{animal} in the snow"
    for animal in "a fox,an owl,a hare,a wolf,a bear,a lynx,a deer,a crow,an elk,a seal".split(",")
]


async def paint(pool: ConduitConnectionPool, prompt: str) -> None:
    async with pool.connection() as client:
        ended: asyncio.Queue[TaskResult | dict[str, Any]] = asyncio.Queue()
        for event in ("completed", "failed", "disconnected"):
            client.on(event, ended.put_nowait)
        try:
            await client.generate_image("local/canvas", prompt, size="256x256")
            result = await ended.get()
        finally:
            # The next one who holds the connection has listeners of its own.
            for event in ("completed", "failed", "disconnected"):
                client.off(event, ended.put_nowait)
    if isinstance(result, dict):
        raise ConduitError(f"The connection was lost: {result['error']}")
    print(f"{prompt}: {result.image_url or result.error}", flush=True)


async def main() -> None:
    pool = ConduitConnectionPool(
        os.environ["CONDUIT_KEY"], pool_size=3, base_url=os.environ.get("CONDUIT_URL", "http://localhost:8787")
    )
    try:
        await pool.initialize()
        await asyncio.gather(*(paint(pool, prompt) for prompt in PROMPTS))
    except ConduitError as error:
        sys.exit(str(error))
    finally:
        await pool.close()


asyncio.run(main())
