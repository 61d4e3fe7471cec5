"""Follows a task through the SignalR hub with signalrcore. Needs signalrcore and httpx.

Run it so: CONDUIT_KEY=condt_... python with_signalrcore.py "a balloon over mountains"
"""

import os
import queue
import sys

import httpx
from signalrcore.hub_connection_builder import HubConnectionBuilder

BASE = os.environ.get("CONDUIT_URL", "http://localhost:8787")
KEY = os.environ["CONDUIT_KEY"]
PROMPT = sys.argv[1] if len(sys.argv) > 1 else "a balloon over mountains"

created = httpx.post(
    f"{BASE}/v1/images/generations/async",
    headers={"Authorization": f"Bearer {KEY}"},
    json={
        "model": "local/canvas",
        "prompt": PROMPT,
        "provider_options": {"steps": 10, "step_ms": 300},  # Slows the built-in painter down.
    },
)
if created.is_error:
    sys.exit(created.json()["error"]["message"])
task_id = created.json()["taskId"]

# The hub calls from a thread of its own: it hands over what it hears.
heard: queue.Queue[tuple[str, str]] = queue.Queue()

hub = (
    HubConnectionBuilder()
    .with_url(f"{BASE}/hubs/image-generation", options={"access_token_factory": lambda: KEY})
    .with_automatic_reconnect({"type": "raw", "keep_alive_interval": 15, "reconnect_interval": 2, "max_attempts": 10})
    .build()
)


def on_subscribed(answer) -> None:
    if answer.error:
        heard.put(("failed", answer.error))


def subscribe() -> None:
    """On every connection, the first and those after a loss: a new connection follows nothing yet."""
    hub.send("SubscribeToTask", [task_id], on_subscribed)


hub.on_open(subscribe)
hub.on_reconnect(subscribe)
hub.on("TaskProgress", lambda arguments: heard.put(("progress", arguments[1])))
hub.on("TaskCompleted", lambda arguments: heard.put(("completed", arguments[1]["image_url"])))
hub.on("TaskFailed", lambda arguments: heard.put(("failed", arguments[1])))
hub.start()

while True:
    what, said = heard.get()
    if what == "progress":
        print(f"{said}%", flush=True)
        continue
    print(said, flush=True)
    break
# The library notices that it is to stop with the next message that comes: a ping, within 15 s.
hub.stop()
sys.exit(0 if what == "completed" else 1)
