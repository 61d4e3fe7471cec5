"""Paints a picture over plain HTTP and follows it by Server-Sent Events. Needs httpx.

Run it so: CONDUIT_KEY=condt_... python plain.py "a lighthouse in a storm" lighthouse.png
"""

import asyncio
import json
import os
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx

BASE = os.environ.get("CONDUIT_URL", "http://localhost:8787")
HEADERS = {"Authorization": f"Bearer {os.environ['CONDUIT_KEY']}"}
PROMPT = sys.argv[1] if len(sys.argv) > 1 else "a fox crossing a snowy forest at night"
FILE = sys.argv[2] if len(sys.argv) > 2 else "picture.png"
ENDS = ("completed", "failed", "cancelled")
# A silent stream carries a comment line every 15 s: silence for longer is a dead connection.
STREAM_TIMEOUT = httpx.Timeout(10, read=40)


async def main() -> None:
    async with httpx.AsyncClient(base_url=BASE, headers=HEADERS) as http:
        created = await http.post(
            "/v1/images/generations/async",
            json={
                "model": "local/canvas",
                "prompt": PROMPT,
                # Slows the built-in painter down, so that there is a progress to see; leave it out with other models.
                "provider_options": {"steps": 10, "step_ms": 300},
            },
            # The same key makes the same task, however often a lost answer is asked for again.
            headers={"Idempotency-Key": str(uuid.uuid4())},
        )
        if created.is_error:
            sys.exit(created.json()["error"]["message"])
        async for event in follow(http, created.json()["taskId"]):
            print(f"{event['status']} {event['progress']}%", flush=True)
    if event["status"] != "completed":
        sys.exit(event["error"])
    # A result's address needs no key, and the key is not for wherever results are kept.
    async with httpx.AsyncClient() as http:
        picture = await http.get(event["result"]["images"][0]["url"])
    Path(FILE).write_bytes(picture.raise_for_status().content)
    print(f"saved {FILE}")


async def follow(http: httpx.AsyncClient, task_id: str) -> AsyncIterator[dict[str, Any]]:
    """The events of a task until its end; goes on behind the last one it saw when the connection breaks."""
    last_id = ""
    while True:
        headers = {"Last-Event-ID": last_id} if last_id else {}
        try:
            async with http.stream(
                "GET", f"/v1/tasks/{task_id}/events", headers=headers, timeout=STREAM_TIMEOUT
            ) as stream:
                if stream.is_client_error:
                    sys.exit((await stream.aread()).decode())
                async for event_id, message in server_sent_events(stream.raise_for_status()):
                    last_id = event_id
                    if message["type"] == "reset":
                        continue  # Events were lost; a snapshot follows.
                    event = message["task"] if message["type"] == "snapshot" else message
                    yield event
                    if event["status"] in ENDS:
                        return
        except (httpx.TransportError, httpx.HTTPStatusError):
            pass  # The log is on the server.
        await asyncio.sleep(1)


async def server_sent_events(stream: httpx.Response) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    event_id, data = "", ""
    async for line in stream.aiter_lines():
        field, _, value = line.partition(": ")
        if field == "id":
            event_id = value
        elif field == "data":
            data = value
        elif line == "" and data:
            yield event_id, json.loads(data)
            data = ""


asyncio.run(main())
