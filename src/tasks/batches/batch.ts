/** Tasks that were accepted together, as the store keeps them beside the tasks. Times are milliseconds since the epoch. */

import type { BatchStatus } from "../../protocol/batch.ts";
import type { TaskStatus } from "../../protocol/task.ts";
import type { TaskWebhook, Tenant } from "../task.ts";

/** Tasks that one batch may have. */
export const MAX_BATCH_TASKS = 100;

/** How many of the tasks have which status. It changes in the same step of the store as the task's own status. */
export type BatchCounts = Readonly<Record<TaskStatus, number>>;

export type Batch = {
  readonly id: string;
  readonly tenant: Tenant;
  /** In the order of the request; it goes on naming tasks that were purged. */
  readonly taskIds: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  /** Where word of its end goes, as its creator asked. */
  readonly webhook: TaskWebhook | null;
  readonly createdAt: number;
  /** When its cancellation was asked for first; null while it was not, or came after its end. */
  readonly cancelledAt: number | null;
  /** When the last of its tasks ended. */
  readonly finishedAt: number | null;
  readonly counts: BatchCounts;
};

/**
 * `queued` until the first task starts or ends, then `running`. When all have ended: `cancelled` where the batch was cancelled
 * and that ended at least one of them, else `completed`, whatever became of each.
 */
export function batchStatus({ counts, finishedAt, cancelledAt }: Batch): BatchStatus {
  if (finishedAt !== null) return cancelledAt !== null && counts.cancelled > 0 ? "cancelled" : "completed";
  const begun = counts.running + counts.completed + counts.failed + counts.cancelled;
  return begun === 0 ? "queued" : "running";
}

/** Throws `TypeError` for a batch without tasks, or with more than a step of a store is bounded for. */
export function assertBatch({ length }: readonly unknown[]): void {
  if (length < 1 || length > MAX_BATCH_TASKS)
    throw new TypeError(`A batch has 1 to ${MAX_BATCH_TASKS} tasks, not ${length}`);
}
