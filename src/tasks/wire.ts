/** From the stored task to the wire: the one place that knows the read shape and the event shape. */

import type { WireAttempt, WireEvent, WireResult, WireTask, WireTaskPage } from "../protocol/task.ts";
import { isTerminal } from "../protocol/task.ts";
import { dollars } from "./dollars.ts";
import type { TaskPage, TaskView } from "./ports/task-store.ts";
import { type Attempt, candidateOf, type MediaItem, type Task, type TaskEvent } from "./task.ts";
import { toWireRequest } from "./wire-request.ts";

export type WireContext = {
  /** Scheme and host of every URL handed out; null takes the one of the request that created the task. */
  publicUrl: string | null;
  /** What stands before the paths of results, without a slash at the end; absent, the gateway's own route. */
  mediaBaseUrl?: string | null;
  /** How long an ended task is kept. */
  tasksMs: number;
  /** Wall clock, for the estimate of the remaining time. */
  now(): number;
};

/** Below this many percent an estimate of the remaining time is noise. */
const ESTIMATE_FROM_PERCENT = 5;

/** The read shape. `b64` fills `b64_json` by item index, for reads of one task that asked for it. */
export function toWireTask(view: TaskView, context: WireContext, b64?: readonly string[]): WireTask {
  const { task } = view;
  const wire: WireTask = {
    taskId: task.id,
    task_id: task.id,
    type: task.type,
    status: task.status,
    created: isoTime(task.createdAt),
    updated: isoTime(task.updatedAt),
    progress: task.progress,
    message: task.message,
    queuePosition: view.queuePosition,
    estimatedSecondsRemaining: estimateSeconds(task, context.now()),
    attempt: task.attempt,
    maxAttempts: task.maxAttempts,
    nextAttemptAt: task.status === "queued" && task.dueAt !== null ? isoTime(task.dueAt) : null,
    model: task.model,
    priority: task.priority,
    metadata: task.metadata,
  };
  if (task.retryOf !== null) wire.retryOf = task.retryOf;
  if (task.batchId !== null) wire.batchId = task.batchId;
  if (!isTerminal(task.status)) return wire;
  const finishedAt = task.finishedAt ?? task.updatedAt;
  wire.finished = isoTime(finishedAt);
  wire.expiresAt = isoTime(finishedAt + context.tasksMs);
  wire.cost = dollars(task.costMicros);
  wire.settled = task.settled;
  wire.metrics = {
    queueMs: (task.startedAt ?? finishedAt) - task.createdAt,
    providerMs: task.providerMs,
    storeMs: task.storeMs,
  };
  if (task.error !== null) {
    wire.error = task.error.message;
    wire.errorCode = task.error.code;
  }
  if (task.cancellation !== null) wire.cancellation = task.cancellation;
  const result = toWireResult(task, context, b64);
  if (result !== null) wire.result = result;
  return wire;
}

export function toWireTaskPage({ tasks, hasMore }: TaskPage, context: WireContext): WireTaskPage {
  const data = tasks.map((view) => toWireTask(view, context));
  return { data, hasMore, after: data.at(-1)?.taskId ?? null };
}

/** The read shape of a task that is read alone. */
export function toWholeWireTask(
  view: TaskView,
  context: WireContext,
  b64?: readonly string[],
): WireTask & Required<Pick<WireTask, "attempts" | "request">> {
  const attempts = view.task.attempts.map(toWireAttempt);
  return { ...toWireTask(view, context, b64), attempts, request: toWireRequest(view.task) };
}

/** The read shape of a task that an operator reads alone: with the accounts that were used, and without what was asked for. */
export function toOperatorsWireTask(
  view: TaskView,
  context: WireContext,
): WireTask & Required<Pick<WireTask, "attempts">> {
  const attempts = view.task.attempts.map((attempt) => ({
    ...toWireAttempt(attempt),
    credential: attempt.credential,
  }));
  return { ...toWireTask(view, context), attempts };
}

function toWireAttempt({
  attempt,
  provider,
  model,
  startedAt,
  ms,
  outcome,
  errorCode,
}: Attempt): WireAttempt {
  return { attempt, provider, model, startedAt: isoTime(startedAt), ms, outcome, errorCode };
}

/** The result of a completed task; null for any other. */
export function toWireResult(task: Task, context: WireContext, b64?: readonly string[]): WireResult | null {
  if (task.result === null) return null;
  const wire: WireResult = {
    duration: Math.max(
      0,
      Math.round(((task.finishedAt ?? task.updatedAt) - (task.startedAt ?? task.createdAt)) / 100) / 10,
    ),
    cost: dollars(task.costMicros),
    provider: candidateOf(task).provider,
    model: task.model,
  };
  const base = context.mediaBaseUrl ?? `${context.publicUrl ?? task.baseUrl}/v1/media`;
  const { provider, model } = candidateOf(task);
  const shared = (item: MediaItem) => ({
    url: `${base}/${item.media.path}`,
    metadata: { provider, model, index: item.index },
  });
  if (task.type === "image") {
    wire.images = task.result.items.map((item) => {
      const encoded = b64?.[item.index];
      return {
        ...shared(item),
        ...(encoded === undefined ? {} : { b64_json: encoded }),
        ...(item.revisedPrompt === undefined ? {} : { revisedPrompt: item.revisedPrompt }),
      };
    });
  } else {
    wire.videos = task.result.items.map((item) => ({
      ...shared(item),
      ...(item.width === undefined ? {} : { width: item.width }),
      ...(item.height === undefined ? {} : { height: item.height }),
      ...(item.durationSeconds === undefined ? {} : { durationSeconds: item.durationSeconds }),
      ...(item.fps === undefined ? {} : { fps: item.fps }),
      mimeType: item.media.contentType,
    }));
  }
  if (task.result.errors.length > 0) wire.errors = task.result.errors;
  return wire;
}

/** The event shape; `id` is the event's position in the stream it goes out through, `task` the task after it. */
export function toWireEvent(event: TaskEvent, task: Task, id: string, context: WireContext): WireEvent {
  const wire: WireEvent = {
    id,
    taskId: event.taskId,
    seq: event.seq,
    type: event.type,
    status: event.status,
    progress: event.progress,
    message: event.message,
    at: isoTime(event.at),
  };
  if (event.type === "progress") {
    const leftMs = leftMsAt(event.at, event.progress, task.startedAt);
    if (leftMs !== null) wire.estimatedSecondsRemaining = Math.ceil(leftMs / 1000);
  }
  if (event.type === "completed") {
    const result = toWireResult(task, context);
    if (result !== null) wire.result = result;
  } else if (event.type === "failed" && task.error !== null) {
    wire.error = task.error.message;
    wire.errorCode = task.error.code;
  } else if (event.type === "cancelled") wire.error = CANCELLED_TEXT;
  return wire;
}

/** What subscribers that know only a failure are told about a cancelled task. */
export const CANCELLED_TEXT = "Task was cancelled";

/** ISO 8601, UTC, milliseconds. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

function estimateSeconds(task: Task, now: number): number | null {
  if (task.status !== "running") return null;
  const leftThenMs = leftMsAt(task.updatedAt, task.progress, task.startedAt);
  if (leftThenMs === null) return null;
  // The percentage is as old as the last change; since then time has passed and nothing is known.
  const silentMs = Math.max(0, now - task.updatedAt);
  // A silence that is longer than what was left makes it longer again.
  return Math.ceil(Math.max(leftThenMs - silentMs, (silentMs * (100 - task.progress)) / 100) / 1000);
}

/** What was left at a moment when so many percent were done, were all of them alike; null where that is noise. */
function leftMsAt(at: number, progress: number, startedAt: number | null): number | null {
  if (startedAt === null || progress < ESTIMATE_FROM_PERCENT) return null;
  return (Math.max(0, at - startedAt) * (100 - progress)) / progress;
}
