/** What the stores' logs share: how far behind a reader may be, and what an event says that is not stored with it. */

import type { TaskEventType, TaskStatus } from "../protocol/task.ts";
import type { Task, TaskEvent } from "../tasks/task.ts";

/** Further behind than this a follower of a tenant's log starts anew. */
export const TENANT_LOG_EVENTS = 1_000;
export const TENANT_LOG_MS = 60 * 60_000;

/** The status an event announces. */
export const STATUS_OF_EVENT: Record<TaskEventType, TaskStatus> = {
  queued: "queued",
  started: "running",
  progress: "running",
  retrying: "queued",
  completed: "completed",
  failed: "failed",
  cancelled: "cancelled",
};

/** The newest progress, as an event. It is the last event exactly when the task's position is beyond its last stored one. */
export function lastProgress(task: Task, at: number): TaskEvent {
  return {
    taskId: task.id,
    seq: task.seq,
    type: "progress",
    status: "running",
    progress: task.progress,
    message: task.message,
    at,
    keySeq: null,
    subjectSeq: null,
  };
}
