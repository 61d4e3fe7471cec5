/** What a draft becomes: the part of a task that never changes, as it is stored, and the task at its beginning. */

import type { Json } from "../protocol/task.ts";
import type { TaskDraft } from "../tasks/ports/task-store.ts";
import type { Task } from "../tasks/task.ts";

/** What never changes about a task, apart from what stores search by. */
export type Spec = Pick<
  Task,
  | "model"
  | "provider"
  | "providerModel"
  | "request"
  | "metadata"
  | "timeoutMs"
  | "maxAttempts"
  | "retryOf"
  | "baseUrl"
> & { webhook?: Json };

export function specOf(draft: TaskDraft): Spec {
  return {
    model: draft.model,
    provider: draft.provider,
    providerModel: draft.providerModel,
    request: draft.request,
    metadata: draft.metadata,
    timeoutMs: draft.timeoutMs,
    maxAttempts: draft.maxAttempts,
    retryOf: draft.retryOf,
    baseUrl: draft.baseUrl,
    ...(draft.webhook !== undefined && { webhook: draft.webhook }),
  };
}

/** The task of a draft at `now`: `queued`, with its first event at seq 1. */
export function newTask(draft: TaskDraft, epoch: string, now: number): Task {
  return {
    id: draft.id,
    tenant: draft.tenant,
    type: draft.type,
    model: draft.model,
    provider: draft.provider,
    providerModel: draft.providerModel,
    request: draft.request,
    priority: draft.priority,
    metadata: draft.metadata,
    retryOf: draft.retryOf,
    batchId: draft.batchId,
    baseUrl: draft.baseUrl,
    createdAt: now,
    updatedAt: now,
    startedAt: null,
    finishedAt: null,
    timeoutMs: draft.timeoutMs,
    deadlineAt: now + draft.maxWaitMs,
    status: "queued",
    progress: 0,
    message: null,
    attempt: 0,
    maxAttempts: draft.maxAttempts,
    dueAt: null,
    state: null,
    unsure: false,
    epoch,
    seq: 1,
    fence: 0,
    leaseUntil: null,
    result: null,
    error: null,
    cancellation: null,
    reservedMicros: draft.reservedMicros,
    costMicros: 0,
    settled: false,
    providerMs: 0,
    storeMs: 0,
  };
}
