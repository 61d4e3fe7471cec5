"""Follows a task with signalrcore, and once more over a new connection.

follow_signalrcore.py <hub> <key> <protocol> <task> <transport>
"""

import sys
import threading

from signalrcore.hub_connection_builder import HubConnectionBuilder
from signalrcore.types import HttpTransportType, HubProtocolEncoding

HUB, KEY, PROTOCOL, TASK, TRANSPORT = sys.argv[1:6]


def follow(told: str) -> None:
    builder = HubConnectionBuilder().with_url(
        HUB,
        options={
            "access_token_factory": lambda: KEY,
            "transport": HttpTransportType(TRANSPORT),
            "verify_ssl": False,
        },
    )
    binary = PROTOCOL == "messagepack"
    builder.with_hub_protocol(HubProtocolEncoding.binary if binary else HubProtocolEncoding.text)
    hub = builder.build()
    opened, completed = threading.Event(), threading.Event()

    def on_completed(args: list) -> None:
        print(told, args[0], args[1]["image_url"], flush=True)
        completed.set()

    hub.on_open(opened.set)
    hub.on("TaskProgress", lambda args: print("progress", args[1], flush=True))
    hub.on("TaskCompleted", on_completed)
    hub.start()
    opened.wait()
    hub.send("SubscribeToTask", [TASK])
    completed.wait()
    hub.stop()
    print("stopped", flush=True)


follow("completed")
follow("again")
