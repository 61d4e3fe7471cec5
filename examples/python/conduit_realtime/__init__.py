"""A client of Conduit's tasks hub for asyncio: live progress of pictures and films over one WebSocket. Needs httpx and websockets."""

from .client import ConduitRealtimeClient
from .messages import ConduitError, ProgressUpdate, TaskResult, TaskStatus
from .pool import ConduitConnectionPool

__all__ = [
    "ConduitConnectionPool",
    "ConduitError",
    "ConduitRealtimeClient",
    "ProgressUpdate",
    "TaskResult",
    "TaskStatus",
]
