"""Uses a gateway's tools by the official Python library of the Model Context Protocol; says one line of JSON for each revision.

use_mcp.py <address> <key>
"""

import asyncio
import json
import sys

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

PICTURE = {
    "prompt": "a fox in the snow",
    "model": "local/canvas",
    "size": "64x64",
    "provider_options": {"steps": 4, "step_ms": 30},
}


async def use(address, key, mode):
    http = httpx2.AsyncClient(headers={"authorization": f"Bearer {key}"}, timeout=60)
    async with Client(streamable_http_client(f"{address}/mcp", http_client=http), mode=mode) as client:
        told = []

        async def progress(percent, total=None, message=None):
            told.append(percent)

        tools = await client.list_tools()
        made = await client.call_tool("generate_image", PICTURE, progress_callback=progress)
        wrong = await client.call_tool("generate_image", {**PICTURE, "model": "local/none"})
        said = {
            "revision": client.protocol_version,
            "tools": [tool.name for tool in tools.tools],
            "status": made.structured_content["status"],
            "content": [part.type for part in made.content],
            "progress": told,
            "wrong": wrong.is_error,
        }
        print(json.dumps(said), flush=True)


async def main():
    address, key = sys.argv[1:]
    for mode in ("auto", "legacy"):
        await use(address, key, mode)


asyncio.run(main())
