/** What clients do with batches: submit, read, list, cancel. */

import { ApiError } from "../../protocol/error.ts";
import { isTaskId } from "../ids.ts";
import type { BatchStore, CreateBatchOutcome } from "../ports/batch-store.ts";
import type { Clock } from "../ports/clock.ts";
import type { Doorbell } from "../ports/doorbell.ts";
import { describeError, type Log } from "../ports/log.ts";
import type { MediaStore } from "../ports/media-store.ts";
import { type Publisher, publishUpdate } from "../ports/publisher.ts";
import type { RequestRate } from "../ports/start-refusal.ts";
import type { IdempotencyClaim } from "../ports/task-store.ts";
import { keyReused } from "../refusals.ts";
import type { TaskService, TaskServiceOptions } from "../service.ts";
import { draftOf, type Submission } from "../submission.ts";
import type { Task, TaskWebhook, Tenant, TenantScope } from "../task.ts";
import { type Batch, batchStatus } from "./batch.ts";
import { batchRefused } from "./refusal.ts";

/** Admitted requests that are accepted together. */
export type BatchSubmission = {
  tenant: Tenant;
  metadata: Record<string, string>;
  webhook: TaskWebhook | null;
  idempotency: IdempotencyClaim | null;
  /** Of the batch's tenant and without claims of their own. */
  tasks: readonly (Submission & { id: string })[];
};

/** `rate`: of the key's limits of requests the one that is nearer to its end; null where it has none, and for a repeat. */
export type SubmittedBatch = { batch: Batch; replayed: boolean; rate: RequestRate | null };

export type BatchServiceDependencies = {
  store: BatchStore;
  tasks: Pick<TaskService, "cancelMany" | "newId">;
  media: Pick<MediaStore, "removeTask">;
  publisher: Publisher;
  doorbell: Doorbell;
  clock: Clock;
  log: Log;
};

/**
 * Tasks of a new batch of which the doorbell is told: enough to begin on as many at once as most hosts do; each step that
 * ends rings for the next, and a ring is a message where an outside queue takes them.
 */
const MAX_RINGS = 10;
/** How often a cancel looks again for tasks that changed their status while it went over them. */
const MAX_CANCEL_ROUNDS = 3;

export class BatchService {
  readonly #dependencies: BatchServiceDependencies;
  readonly #options: Pick<TaskServiceOptions, "limits" | "maxWaitMs" | "maxQueuedPerKey">;

  constructor(dependencies: BatchServiceDependencies, options: TaskServiceOptions) {
    this.#dependencies = dependencies;
    this.#options = options;
  }

  /** The batch of a request that was accepted before, null when it was not. Rejects with `idempotency_key_reused`. */
  async repeated(tenant: Tenant, claim: IdempotencyClaim | null): Promise<Batch | null> {
    const outcome = claim === null ? null : await this.#dependencies.store.repeatedBatch(tenant, claim);
    if (outcome === null) return null;
    if (outcome.outcome === "conflict") throw keyReused();
    return outcome.batch;
  }

  /**
   * Accepts all of the tasks or none; when this resolves they are durable. Rejects as a single submit does, and removes the
   * inputs then.
   */
  async submit(submission: BatchSubmission): Promise<SubmittedBatch> {
    const { store, tasks } = this.#dependencies;
    const id = tasks.newId();
    const { tenant, metadata, webhook, idempotency } = submission;
    const drafts = submission.tasks.map((task) => draftOf(task, this.#options, id));
    const { maxQueuedPerKey } = this.#options;
    const outcome = await store.createBatch(
      { id, tenant, metadata, webhook, idempotency, tasks: drafts },
      { maxQueuedPerKey },
    );
    const own = outcome.outcome === "created" || (outcome.outcome === "replayed" && outcome.batch.id === id);
    // What the store has not answered may have been made: its files stay, and the sweep judges them.
    if (!own) await this.discardInputs(submission.tasks);
    return this.#answer(outcome, own, submission);
  }

  #answer(outcome: CreateBatchOutcome, own: boolean, submission: BatchSubmission): SubmittedBatch {
    const { publisher } = this.#dependencies;
    switch (outcome.outcome) {
      case "created":
        for (const update of outcome.updates) publishUpdate(publisher, update);
        this.#ring(outcome.updates.map(({ task }) => task));
        return { batch: outcome.batch, replayed: false, rate: outcome.rate };
      case "replayed":
        // Its own batch: the store was asked twice, because its first answer was lost.
        if (own) this.#ring(submission.tasks.map(({ id, type }) => ({ id, type, fence: 0 })));
        return { batch: outcome.batch, replayed: !own, rate: null };
      case "conflict":
        throw keyReused();
      case "refused":
        throw batchRefused(outcome, submission);
    }
  }

  /** Removes the files of tasks that were not made. Never rejects: the media sweep finds what is left. */
  async discardInputs(tasks: readonly { id: string; inputs?: readonly unknown[] }[]): Promise<void> {
    const { media, log } = this.#dependencies;
    const withFiles = tasks.filter(({ inputs = [] }) => inputs.length > 0);
    await Promise.all(
      withFiles.map(({ id }) =>
        media.removeTask(id).catch((error: unknown) => {
          const cause = describeError(error);
          log.warn("media of a batch that was not accepted could not be removed now", { taskId: id, cause });
        }),
      ),
    );
  }

  /** Rejects with `not_found`, also for batches of others. */
  async read(scope: TenantScope, batchId: string): Promise<Batch> {
    const batch = isTaskId(batchId) ? await this.#dependencies.store.getBatch(scope, batchId) : null;
    if (batch === null) throw batchNotFound(batchId);
    return batch;
  }

  list(
    scope: TenantScope,
    page: { limit: number; after: string | null },
  ): Promise<{ batches: Batch[]; hasMore: boolean }> {
    return this.#dependencies.store.listBatches(scope, page);
  }

  /**
   * Ends what the batch has unfinished and answers it as it is then; repeating it is no error, and goes on where a call before
   * it stopped. Rejects with `not_found`, or `task_already_finished` when all tasks had ended otherwise.
   */
  async cancel(scope: TenantScope, batchId: string): Promise<Batch> {
    const { store, tasks } = this.#dependencies;
    const marked = isTaskId(batchId) ? await store.cancelBatch(scope, batchId) : null;
    if (marked === null) throw batchNotFound(batchId);
    let batch = marked;
    for (let rounds = 0; batch.finishedAt === null && rounds < MAX_CANCEL_ROUNDS; rounds++) {
      await tasks.cancelMany(scope, { batchId });
      batch = await this.read(scope, batchId);
    }
    if (batchStatus(batch) !== "completed") return batch;
    throw new ApiError(
      "task_already_finished",
      "All tasks of the batch have ended already, so nothing is left to cancel. GET /v1/batches/{id} tells how.",
    );
  }

  #ring(tasks: readonly Pick<Task, "id" | "type" | "fence">[]): void {
    const { doorbell, clock } = this.#dependencies;
    const now = clock.now();
    for (const lane of new Set(tasks.map(({ type }) => type)))
      for (const task of tasks.filter(({ type }) => type === lane).slice(0, MAX_RINGS))
        doorbell.ring(lane, now, task);
  }
}

function batchNotFound(batchId: string): ApiError {
  const shown = isTaskId(batchId) ? batchId : "with that id";
  return new ApiError("not_found", `There is no batch ${shown}. Ids are answered when a batch is created.`);
}
