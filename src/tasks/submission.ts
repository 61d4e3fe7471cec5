/** What comes in: an admitted request, and the task it asks the store for. */

import type { Json, Priority, TaskType } from "../protocol/task.ts";
import type { RequestRate } from "./ports/start-refusal.ts";
import type { IdempotencyClaim, TaskDraft, TaskView } from "./ports/task-store.ts";
import type { Candidate, JobRequest, TaskInput, TaskWebhook, Tenant } from "./task.ts";

/** An admitted request: who pays, where it runs and what is held back for it are already decided. */
export type Submission = {
  /** An id of `newId`, where files are stored under it already. Absent: one is made. */
  id?: string;
  /** Files the caller handed in, stored under `id`. They are removed again when no task comes of it. Absent: none. */
  inputs?: readonly TaskInput[];
  tenant: Tenant;
  type: TaskType;
  /** The name the caller used. */
  model: string;
  route: readonly Candidate[];
  request: JobRequest;
  priority: Priority;
  /** From the first start, over all attempts; the type's default when null. */
  timeoutMs: number | null;
  metadata: Record<string, string>;
  baseUrl: string;
  reservedMicros: number;
  /** The price by which that was reckoned; null for what is free. */
  price: Json;
  retryOf: string | null;
  /** The end user of the key's owner on whose budget it counts; null where none is named. */
  customer: string | null;
  /** Where word of it goes, if it was named. Absent: nowhere. */
  webhook?: TaskWebhook | null;
  idempotency: IdempotencyClaim | null;
};

/** An accepted task. */
export type Submitted = {
  view: TaskView;
  /** Whether it was accepted before. */
  replayed: boolean;
  /** Of the key's limits of requests the one that is nearer to its end; null where it has none, and for a replay. */
  rate: RequestRate | null;
};

export type TypeLimits = { timeoutMs: number; maxAttempts: number };

/** What holds for every task of this gateway. */
export type DraftLimits = {
  limits: Readonly<Record<TaskType, TypeLimits>>;
  /** How long a task may wait for its first start, ms. */
  maxWaitMs: number;
};

/** The draft of a submission's task, with the defaults of its type. */
export function draftOf(
  submission: Submission & { id: string },
  { limits, maxWaitMs }: DraftLimits,
  batchId: string | null = null,
): TaskDraft {
  const { timeoutMs, maxAttempts } = limits[submission.type];
  return {
    id: submission.id,
    tenant: submission.tenant,
    type: submission.type,
    model: submission.model,
    route: submission.route,
    request: submission.request,
    inputs: submission.inputs ?? [],
    priority: submission.priority,
    metadata: submission.metadata,
    timeoutMs: submission.timeoutMs ?? timeoutMs,
    maxAttempts,
    retryOf: submission.retryOf,
    batchId,
    customer: submission.customer,
    webhook: submission.webhook ?? null,
    baseUrl: submission.baseUrl,
    reservedMicros: submission.reservedMicros,
    price: submission.price,
    maxWaitMs,
    idempotency: submission.idempotency,
  };
}
