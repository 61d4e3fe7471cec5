/** What clients do with tasks: submit, read, list, cancel, purge, retry, wait. The way in for every protocol. */

import { ApiError } from "../protocol/error.ts";
import { isTerminal, type Json, type Priority, type TaskType } from "../protocol/task.ts";
import { localDueAtOf } from "./engine/scheduling.ts";
import { createTaskIds, isTaskId, type RandomFill } from "./ids.ts";
import type { Clock } from "./ports/clock.ts";
import type { Doorbell } from "./ports/doorbell.ts";
import type { EndWatch } from "./ports/end-watch.ts";
import { describeError, type Log } from "./ports/log.ts";
import type { MediaStore } from "./ports/media-store.ts";
import type { Publisher } from "./ports/publisher.ts";
import { publishUpdate } from "./ports/publisher.ts";
import type { IdempotencyClaim, ListQuery, TaskPage, TaskStore, TaskView } from "./ports/task-store.ts";
import type { Candidate, JobRequest, Task, Tenant, TenantScope } from "./task.ts";

/** An admitted request: who pays, where it runs and what is held back for it are already decided. */
export type Submission = {
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
  idempotency: IdempotencyClaim | null;
};

export type TypeLimits = { timeoutMs: number; maxAttempts: number };

export type TaskServiceOptions = {
  limits: Readonly<Record<TaskType, TypeLimits>>;
  /** How long a task may wait for its first start, ms. */
  maxWaitMs: number;
  maxQueuedPerKey: number;
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

/** Seconds a client is asked to wait when the queue of its key is full. */
const QUEUE_FULL_RETRY_SECONDS = 10;

export class TaskService {
  readonly #dependencies: TaskServiceDependencies;
  readonly #options: TaskServiceOptions;
  readonly #nextId: () => string;

  constructor(dependencies: TaskServiceDependencies, options: TaskServiceOptions) {
    this.#dependencies = dependencies;
    this.#options = options;
    this.#nextId = createTaskIds(() => dependencies.clock.now(), dependencies.random);
  }

  /**
   * Accepts a task; when this resolves it is durable. A repeat of an idempotent request answers the first one's task.
   * Rejects with `idempotency_key_reused`, `queue_full`, `budget_exceeded`, or the key's own refusals.
   */
  async submit(submission: Submission): Promise<{ view: TaskView; replayed: boolean }> {
    const { store, publisher, doorbell, clock } = this.#dependencies;
    const limits = this.#options.limits[submission.type];
    const id = this.#nextId();
    const outcome = await store.create(
      {
        id,
        tenant: submission.tenant,
        type: submission.type,
        model: submission.model,
        route: submission.route,
        request: submission.request,
        inputs: [],
        priority: submission.priority,
        metadata: submission.metadata,
        timeoutMs: submission.timeoutMs ?? limits.timeoutMs,
        maxAttempts: limits.maxAttempts,
        retryOf: submission.retryOf,
        batchId: null,
        customer: null,
        webhook: null,
        baseUrl: submission.baseUrl,
        reservedMicros: submission.reservedMicros,
        price: submission.price,
        maxWaitMs: this.#options.maxWaitMs,
        idempotency: submission.idempotency,
      },
      { maxQueuedPerKey: this.#options.maxQueuedPerKey },
    );
    switch (outcome.outcome) {
      case "created": {
        const { task } = outcome.update;
        publishUpdate(publisher, outcome.update);
        doorbell.ring(task.type, clock.now(), task);
        return { view: { task, queuePosition: null }, replayed: false };
      }
      case "replayed": {
        const { task } = outcome.task;
        // Its own task: the store was asked twice, because its first answer was lost.
        if (task.id === id) doorbell.ring(task.type, clock.now(), task);
        return { view: outcome.task, replayed: task.id !== id };
      }
      case "conflict":
        throw new ApiError(
          "idempotency_key_reused",
          "This Idempotency-Key was used with another body. Send a new key for a new request, or the same body to repeat it.",
        );
      case "queue_full":
        throw new ApiError(
          "queue_full",
          `${outcome.queued} tasks of this key are waiting, which is as many as may. Wait for some to start, or cancel some.`,
          { retryAfterSeconds: QUEUE_FULL_RETRY_SECONDS },
        );
      case "budget_exceeded":
        throw new ApiError("budget_exceeded", "The key's budget does not cover this request.");
      case "key_refused":
        throw keyRefused(outcome.reason);
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
    const { store, publisher } = this.#dependencies;
    const outcome = isTaskId(taskId)
      ? await store.cancel(scope, taskId)
      : ({ outcome: "not_found" } as const);
    switch (outcome.outcome) {
      case "cancelled":
        publishUpdate(publisher, outcome.update);
        this.#dependencies.dropHeld(taskId);
        // A slot of its key may have become free.
        this.#dependencies.doorbell.ring(
          outcome.update.task.type,
          this.#dependencies.clock.now(),
          outcome.update.task,
        );
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

  /** Removes a finished task and its media. Rejects with `task_not_found`, or `invalid_parameter` while it is unfinished or unsettled. */
  async purge(scope: TenantScope, taskId: string): Promise<void> {
    const { store, media, log } = this.#dependencies;
    const outcome = isTaskId(taskId) ? await store.purge(scope, taskId) : "not_found";
    if (outcome === "not_found") throw taskNotFound(taskId);
    if (outcome === "not_finished") {
      throw new ApiError(
        "invalid_parameter",
        "Only a task that is finished and settled can be purged. Cancel one that is unfinished; after a cancel, wait until its `settled` is true.",
        { param: "purge" },
      );
    }
    // The files of a task that is gone are found by the sweep too: failing here would answer for work that is done.
    await media.removeTask(taskId).catch((error: unknown) => {
      log.warn("media of a purged task could not be removed now", { taskId, cause: describeError(error) });
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

  /** The task as it is when it has ended, the time is up or the signal aborts. */
  async waitUntilEnded(
    scope: TenantScope,
    taskId: string,
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<TaskView> {
    const before = await this.read(scope, taskId);
    if (isTerminal(before.task.status)) return before;
    await this.#dependencies.endWatch.untilEnded(scope, taskId, timeoutMs, signal);
    return this.read(scope, taskId);
  }
}

function taskNotFound(taskId: string): ApiError {
  const shown = isTaskId(taskId) ? taskId : "with that id";
  return new ApiError(
    "task_not_found",
    `There is no task ${shown}. Ids are answered when a task is created.`,
  );
}

function keyRefused(reason: "disabled" | "expired" | "unknown"): ApiError {
  switch (reason) {
    case "disabled":
      return new ApiError("key_disabled", "This API key is disabled. An administrator can enable it again.");
    case "expired":
      return new ApiError("expired_api_key", "This API key has expired. Use a key that is still valid.");
    case "unknown":
      return new ApiError("invalid_api_key", "The API key is not known here any more.");
  }
}
