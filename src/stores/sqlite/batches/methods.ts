/** The steps of the batch store. */

import { assertBatch } from "../../../tasks/batches/batch.ts";
import type {
  BatchDraft,
  BatchRefusal,
  BatchStore,
  CreateBatchOutcome,
  RepeatedBatch,
} from "../../../tasks/ports/batch-store.ts";
import type { RequestRate } from "../../../tasks/ports/start-refusal.ts";
import type { CreateLimits, IdempotencyClaim } from "../../../tasks/ports/task-store.ts";
import type { TaskUpdate, Tenant } from "../../../tasks/task.ts";
import { measuredSpec } from "../../sizes.ts";
import { createTask, keyRefusalOf } from "../tasks/creation.ts";
import { heldBy, takeKey } from "../tasks/idempotency.ts";
import type { Transaction } from "../transaction.ts";
import type { Transactions } from "../transactions.ts";
import { batchById, insertBatch, listBatches, markCancelled, visibleBatch } from "./rows.ts";

type Spec = { text: string; bytes: number };

export function batchMethods(transactions: Transactions): BatchStore {
  return {
    async createBatch(draft, limits) {
      assertBatch(draft.tasks);
      const specs = draft.tasks.map((task) => measuredSpec(transactions.specText(task)));
      try {
        return await transactions.write((tx) => createBatch(tx, draft, specs, limits));
      } catch (error) {
        if (error instanceof RefusedHalfway) return error.refusal;
        throw error;
      }
    },
    repeatedBatch: (tenant, claim) => transactions.read((tx) => repeatedBatch(tx, tenant, claim)),
    getBatch: (scope, id) => transactions.read((tx) => visibleBatch(tx, scope, id)),
    listBatches: (scope, page) => transactions.read((tx) => listBatches(tx, scope, page)),
    cancelBatch: (scope, id) => transactions.write((tx) => markCancelled(tx, scope, id)),
  };
}

/** Takes back the tasks that the step has made before. */
class RefusedHalfway extends Error {
  readonly refusal: BatchRefusal;

  constructor(refusal: BatchRefusal) {
    super("A batch was refused after some of its tasks were made");
    this.refusal = refusal;
  }
}

function createBatch(
  tx: Transaction,
  draft: BatchDraft,
  specs: readonly Spec[],
  limits: CreateLimits,
): CreateBatchOutcome {
  const { id, tenant, tasks, idempotency } = draft;
  const before = batchById(tx.sql, id);
  if (before !== null) {
    if (before.tenant.keyId !== tenant.keyId || before.tenant.subject !== tenant.subject)
      throw new Error("Another tenant has a batch of the id that the new one was to have");
    return { outcome: "replayed", batch: before };
  }
  // A repeat of a key that is off is refused too, as one of a single request is.
  if (idempotency !== null && keyRefusalOf(tx, tenant.keyId) === null) {
    const repeated = repeatedBatch(tx, tenant, idempotency);
    if (repeated !== null) return repeated;
  }
  const updates: TaskUpdate[] = [];
  let rate: RequestRate | null = null;
  for (const [index, task] of tasks.entries()) {
    const made = createTask(tx, task, specs[index] as Spec, limits);
    if (made.outcome === "created") {
      updates.push(made.update);
      rate = made.rate;
      continue;
    }
    if (made.outcome === "replayed" || made.outcome === "conflict")
      throw new Error("A task of a new batch was there before");
    const refusal: BatchRefusal = { outcome: "refused", index, refusal: made };
    if (index === 0) return refusal;
    throw new RefusedHalfway(refusal);
  }
  if (idempotency !== null) takeKey(tx, tenant, idempotency, id);
  return { outcome: "created", batch: insertBatch(tx, draft), updates, rate };
}

function repeatedBatch(tx: Transaction, tenant: Tenant, claim: IdempotencyClaim): RepeatedBatch | null {
  const batch = heldBy(tx, tenant, claim, {
    load: (id) => batchById(tx.sql, id),
    finishedAt: ({ finishedAt }) => finishedAt,
  });
  if (batch === null) return null;
  return batch === "conflict" ? { outcome: "conflict" } : { outcome: "replayed", batch };
}
