/** What clients do with tasks: submit, read, list, cancel, purge, retry, wait. The way in for every protocol. */

import { ApiError } from "../protocol/error.ts";
import { isTerminal, type TaskType } from "../protocol/task.ts";
import { localDueAtOf } from "./engine/scheduling.ts";
import { createTaskIds, isTaskId, type RandomFill } from "./ids.ts";
import type { Clock } from "./ports/clock.ts";
import type { Doorbell } from "./ports/doorbell.ts";
import type { EndWatch } from "./ports/end-watch.ts";
import { describeError, type Log } from "./ports/log.ts";
import type { MediaStore } from "./ports/media-store.ts";
import type { Publisher } from "./ports/publisher.ts";
import { publishUpdate } from "./ports/publisher.ts";
import type {
  CancelOutcome,
  CreateOutcome,
  ListQuery,
  TaskFilter,
  TaskPage,
  TaskStore,
  TaskView,
} from "./ports/task-store.ts";
import { creationRefused, keyReused } from "./refusals.ts";
import { type DraftLimits, draftOf, type Submission, type Submitted } from "./submission.ts";
import type { Task, TenantScope } from "./task.ts";

export type TaskServiceOptions = DraftLimits & {
  maxQueuedPerKey: number;
  /** Tasks that one call may cancel. Default 1,000. */
  cancelAtMost?: number;
};

/** What a call that cancels many came to. */
export type CancelledTasks = {
  taskIds: string[];
  /** Whether there are unfinished tasks left that match. */
  hasMore: boolean;
};

export type TaskServiceDependencies = {
  store: TaskStore;
  media: Pick<MediaStore, "removeTask">;
  publisher: Publisher;
  doorbell: Doorbell;
  endWatch: EndWatch;
  /** Ends the provider call of a task that was cancelled, where its worker can be reached from this process. */
  dropHeld(taskId: string): void;
  clock: Clock;
  log: Log;
  random?: RandomFill;
};

/** In the order in which many are cancelled. */
const UNFINISHED = ["queued", "running"] as const;
const CANCEL_AT_MOST = 1_000;
/** Tasks that are cancelled together: the store makes one write of them where it can. */
const CANCEL_STEP = 100;

export class TaskService {
  readonly #dependencies: TaskServiceDependencies;
  readonly #options: TaskServiceOptions;
  readonly #cancelAtMost: number;
  readonly #nextId: () => string;

  constructor(dependencies: TaskServiceDependencies, options: TaskServiceOptions) {
    this.#dependencies = dependencies;
    this.#options = options;
    this.#cancelAtMost = options.cancelAtMost ?? CANCEL_AT_MOST;
    this.#nextId = createTaskIds(() => dependencies.clock.now(), dependencies.random);
  }

  /** An id for a task to come, whose files have to be stored before it. */
  newId(): string {
    return this.#nextId();
  }

  /**
   * The task of a request that was accepted before, null when it was not. Rejects with `idempotency_key_reused`. A submit
   * of it answers the same; this is for what would be done in vain before it.
   */
  async repeated({ tenant, idempotency }: Submission): Promise<TaskView | null> {
    const outcome =
      idempotency === null ? null : await this.#dependencies.store.repeated(tenant, idempotency);
    if (outcome === null) return null;
    if (outcome.outcome === "conflict") throw keyReused();
    return outcome.task;
  }

  /**
   * Accepts a task; when this resolves it is durable. A repeat of an idempotent request answers the first one's task.
   * Rejects with `idempotency_key_reused`, `rate_limit_exceeded`, `queue_full`, `budget_exceeded`, or the key's own refusals.
   */
  async submit(submission: Submission): Promise<Submitted> {
    const { store, publisher, doorbell, clock } = this.#dependencies;
    const { id = this.#nextId(), inputs = [] } = submission;
    const { maxQueuedPerKey } = this.#options;
    const draft = draftOf({ ...submission, id }, this.#options);
    // Where a place is free the task is begun in the step that makes it: one write and one wait for the disk less.
    const place = doorbell.keepPlace?.(draft.type) ?? null;
    let outcome: CreateOutcome;
    try {
      outcome = await store.create(draft, { maxQueuedPerKey }, place?.claim);
    } catch (error) {
      place?.end([]);
      throw error;
    }
    if (outcome.outcome !== "created") place?.end([]);
    const made =
      outcome.outcome === "created" || (outcome.outcome === "replayed" && outcome.task.task.id === id);
    // What the store has not answered may have been made: its files stay, and the sweep judges them.
    if (!made && inputs.length > 0) await this.#removeMedia(id, "of a request that made no task");
    switch (outcome.outcome) {
      case "created": {
        const { task } = outcome.update;
        publishUpdate(publisher, outcome.update);
        const { claimed = [] } = outcome;
        place?.end(claimed);
        if (!claimed.some((claim) => claim.task.id === task.id)) doorbell.ring(task.type, clock.now(), task);
        return { view: { task, queuePosition: null }, replayed: false, rate: outcome.rate };
      }
      case "replayed": {
        const { task } = outcome.task;
        // Its own task: the store was asked twice, because its first answer was lost.
        if (task.id === id) doorbell.ring(task.type, clock.now(), task);
        return { view: outcome.task, replayed: task.id !== id, rate: null };
      }
      default:
        throw creationRefused(outcome, submission.reservedMicros, submission.tenant);
    }
  }

  /** Rejects with `task_not_found`, also for tasks of others. */
  async read(scope: TenantScope, taskId: string): Promise<TaskView> {
    const view = isTaskId(taskId) ? await this.#dependencies.store.get(scope, taskId) : null;
    if (view === null) throw taskNotFound(taskId);
    return view;
  }

  list(scope: TenantScope, query: ListQuery): Promise<TaskPage> {
    return this.#dependencies.store.list(scope, query);
  }

  /**
   * Cancels at any time before the end; repeating it is no error. Rejects with `task_not_found`, or
   * `task_already_finished` for a task that completed or failed.
   */
  async cancel(scope: TenantScope, taskId: string): Promise<TaskView> {
    const outcome = isTaskId(taskId) ? await this.#end(scope, taskId) : ({ outcome: "not_found" } as const);
    switch (outcome.outcome) {
      case "cancelled":
        this.#ringFor(outcome.update.task);
        return { task: outcome.update.task, queuePosition: null };
      case "already_cancelled":
        return { task: outcome.task, queuePosition: null };
      case "already_finished":
        throw new ApiError(
          "task_already_finished",
          `The task is already ${outcome.task.status} and cannot be cancelled. DELETE /v1/tasks/{id}?purge=true removes it.`,
        );
      case "not_found":
        throw taskNotFound(taskId);
    }
  }

  /**
   * Cancels the unfinished tasks that match, as many as one call may, and says which: the waiting ones first, so that none
   * of them is started in the place of another. Where the store fails halfway it rejects; what was ended stays so, and the same
   * again ends the rest.
   */
  async cancelMany(scope: TenantScope, filter: TaskFilter): Promise<CancelledTasks> {
    const { store } = this.#dependencies;
    const statuses = UNFINISHED.filter((status) => filter.statuses?.includes(status) ?? true);
    const last = new Map<TaskType, Task>();
    const taskIds: string[] = [];
    for (const status of statuses) {
      const query: ListQuery = { ...filter, statuses: [status], limit: CANCEL_STEP };
      for (let more = true; more && taskIds.length < this.#cancelAtMost; ) {
        query.limit = Math.min(CANCEL_STEP, this.#cancelAtMost - taskIds.length);
        const page = await store.list(scope, query);
        const outcomes = await Promise.all(page.tasks.map(({ task }) => this.#end(scope, task.id)));
        for (const outcome of outcomes) {
          if (outcome.outcome !== "cancelled") continue;
          const { task } = outcome.update;
          taskIds.push(task.id);
          last.set(task.type, task);
        }
        const oldest = page.tasks.at(-1);
        more = page.hasMore && oldest !== undefined;
        if (oldest !== undefined) query.after = oldest.task.id;
      }
    }
    for (const task of last.values()) this.#ringFor(task);
    const left = statuses.length === 0 ? null : await store.list(scope, { ...filter, statuses, limit: 1 });
    return { taskIds, hasMore: left !== null && left.tasks.length > 0 };
  }

  async #end(scope: TenantScope, taskId: string): Promise<CancelOutcome> {
    const { store, publisher, dropHeld } = this.#dependencies;
    const outcome = await store.cancel(scope, taskId);
    if (outcome.outcome === "cancelled") {
      publishUpdate(publisher, outcome.update);
      dropHeld(taskId);
    }
    return outcome;
  }

  /** After its end: a slot of its key may have become free, and an upstream job may be left to end. */
  #ringFor(task: Task): void {
    const { doorbell, clock } = this.#dependencies;
    doorbell.ring(task.type, clock.now(), task);
  }

  /**
   * A provider says that something happened to the task's job: it is asked what, soon. A task that is unknown, has ended
   * or waits for nothing is left alone.
   */
  async hint(taskId: string): Promise<void> {
    const { store, doorbell, clock } = this.#dependencies;
    const task = await store.hint(taskId);
    if (task === null) return;
    const now = clock.now();
    doorbell.ring(task.type, localDueAtOf(task, now) ?? now, task);
  }

  /**
   * Removes a finished task and its media. Rejects with `task_not_found`, with `permission_denied` for a task of another
   * subject that the scope was only granted, or with `invalid_parameter` while it is unfinished or unsettled.
   */
  async purge(scope: TenantScope, taskId: string): Promise<void> {
    const { store } = this.#dependencies;
    const { keyId, subject } = scope;
    const outcome = isTaskId(taskId) ? await store.purge({ keyId, subject }, taskId) : "not_found";
    if (outcome === "not_found") {
      // Rejects for what cannot be seen.
      await this.read(scope, taskId);
      throw notYoursToPurge();
    }
    if (outcome === "not_finished") {
      throw new ApiError(
        "invalid_parameter",
        "Only a task that is finished and settled can be purged. Cancel one that is unfinished; after a cancel, wait until its `settled` is true.",
        { param: "purge" },
      );
    }
    await this.#removeMedia(taskId, "of a purged task");
  }

  /** The files of a task that is gone are found by the sweep too: failing here would answer for work that is done. */
  async #removeMedia(taskId: string, whose: string): Promise<void> {
    const { media, log } = this.#dependencies;
    await media.removeTask(taskId).catch((error: unknown) => {
      log.warn(`media ${whose} could not be removed now`, { taskId, cause: describeError(error) });
    });
  }

  /** The failed or cancelled task that a retry repeats. Rejects with `task_not_found` or `invalid_parameter`. */
  async retryable(scope: TenantScope, taskId: string): Promise<Task> {
    const { task } = await this.read(scope, taskId);
    if (task.status === "failed" || task.status === "cancelled") return task;
    throw new ApiError(
      "invalid_parameter",
      `Only a failed or cancelled task can be retried; this one is ${task.status}.`,
      { param: "id", shouldRetry: false },
    );
  }

  /** The task as it is when it has ended, the time is up or the signal aborts; `view` as it was submitted or read. */
  async waitUntilEnded(
    scope: TenantScope,
    view: TaskView,
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<TaskView> {
    if (isTerminal(view.task.status)) return view;
    const ended = await this.#dependencies.endWatch.untilEnded(scope, view.task.id, timeoutMs, signal);
    return ended === null ? this.read(scope, view.task.id) : { task: ended, queuePosition: null };
  }
}

function notYoursToPurge(): ApiError {
  return new ApiError(
    "permission_denied",
    "This key may read, follow and cancel the task, and not remove it. Purge it with the key that created it.",
    { param: "purge" },
  );
}

function taskNotFound(taskId: string): ApiError {
  const shown = isTaskId(taskId) ? taskId : "with that id";
  return new ApiError(
    "task_not_found",
    `There is no task ${shown}. Ids are answered when a task is created.`,
  );
}
