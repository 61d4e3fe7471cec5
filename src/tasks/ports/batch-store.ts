/**
 * The batch port: tasks that are accepted together, all of them or none, and counted together. A batch's counts change in
 * the same step as its tasks; its end is the step in which its last task ends, and leaves its delivery.
 */

import type { Batch } from "../batches/batch.ts";
import type { TaskUpdate, TaskWebhook, Tenant, TenantScope } from "../task.ts";
import type { RequestRate } from "./start-refusal.ts";
import type { CreateLimits, CreateOutcome, IdempotencyClaim, TaskDraft } from "./task-store.ts";

export type BatchDraft = {
  /** UUIDv7, lower case. */
  id: string;
  tenant: Tenant;
  metadata: Record<string, string>;
  webhook: TaskWebhook | null;
  idempotency: IdempotencyClaim | null;
  /** 1 to `MAX_BATCH_TASKS`, all of the batch's tenant, with its id and without claims of their own. */
  tasks: readonly TaskDraft[];
};

/** How a batch that was sent before is answered. */
export type RepeatedBatch = { outcome: "replayed"; batch: Batch } | { outcome: "conflict" };

/** Why the store took none of the tasks: what the create step answers for one of them. */
export type BatchRefusal = {
  outcome: "refused";
  /** The task for which there was no room any more; those before it would have been taken. */
  index: number;
  /** As that task's create step saw it, after the tasks before it. */
  refusal: Exclude<CreateOutcome, { outcome: "created" | "replayed" | "conflict" }>;
};

export type CreateBatchOutcome =
  /** The updates in the order of the draft's tasks; the rate as the create step of the last one has it. */
  | { outcome: "created"; batch: Batch; updates: TaskUpdate[]; rate: RequestRate | null }
  | RepeatedBatch
  | BatchRefusal;

export interface BatchStore {
  /**
   * Creates all tasks of the draft, with the batch, or none: key, limits and budgets are looked at for the whole. A draft
   * given again, because the answer was lost, is answered as `replayed`.
   */
  createBatch(draft: BatchDraft, limits: CreateLimits): Promise<CreateBatchOutcome>;
  /** The batch that a repeated request made, as `createBatch` would answer it; null when it would make one. */
  repeatedBatch(tenant: Tenant, claim: IdempotencyClaim): Promise<RepeatedBatch | null>;
  /** Null also for a batch outside the scope. Tasks that were granted to the scope show nothing of their batches. */
  getBatch(scope: TenantScope, batchId: string): Promise<Batch | null>;
  /** Newest first; `after` is the last one of the page before. `limit` is 1 to 100. */
  listBatches(
    scope: TenantScope,
    page: { limit: number; after: string | null },
  ): Promise<{ batches: Batch[]; hasMore: boolean }>;
  /** Marks an unfinished batch as cancelled; its tasks are ended one by one. Answers it as it is then, null as `getBatch` does. */
  cancelBatch(scope: TenantScope, batchId: string): Promise<Batch | null>;
}
