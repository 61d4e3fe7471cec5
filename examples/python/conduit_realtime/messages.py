"""What the client says, and how it is read from the gateway's events."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class ConduitError(Exception):
    """The gateway refused, or could not be reached. `status` is the HTTP status where there was one."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class TaskStatus(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class ProgressUpdate:
    task_id: str
    progress: int
    """0 to 100, never lower than before."""
    message: str | None = None
    estimated_seconds_remaining: float | None = None


@dataclass(frozen=True)
class TaskResult:
    task_id: str
    status: TaskStatus
    image_url: str | None = None
    """Of the first picture."""
    video_url: str | None = None
    """Of the first film."""
    error: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    """The task's own, and the `provider` and `model` its result came from."""


ENDS = {TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELLED}


def progress_of(state: dict[str, Any]) -> ProgressUpdate:
    """Of an event, or of the task in a snapshot."""
    return ProgressUpdate(
        task_id=state["taskId"],
        progress=state.get("progress", 0),
        message=state.get("message"),
        estimated_seconds_remaining=state.get("estimatedSecondsRemaining"),
    )


def result_of(state: dict[str, Any]) -> TaskResult:
    """Of the last event of a task, or of a task that is over in a snapshot."""
    result: dict[str, Any] = state.get("result") or {}
    image, video = ((result.get(kind) or [{}])[0].get("url") for kind in ("images", "videos"))
    made_by = {name: result[name] for name in ("provider", "model") if name in result}
    return TaskResult(
        task_id=state["taskId"],
        status=TaskStatus(state["status"]),
        image_url=image,
        video_url=video,
        error=state.get("error") or ("Task was cancelled" if state["status"] == "cancelled" else None),
        metadata={**(state.get("metadata") or {}), **made_by},
    )
