/**
 * Waiting for the ends of tasks where one process writes all of them: what it commits it hears of itself, so a wait marks
 * nothing in the store, and the ended task need not be read again.
 */

import { isTerminal } from "../protocol/task.ts";
import type { Clock, TimerHandle } from "./ports/clock.ts";
import type { EndWatch } from "./ports/end-watch.ts";
import { describeError, type Log } from "./ports/log.ts";
import type { Publisher } from "./ports/publisher.ts";
import type { TaskStore } from "./ports/task-store.ts";
import type { Task, TaskUpdate, TenantScope } from "./task.ts";

/** How often tasks that are waited for are compared with the store, ms: an end that was not announced is late, not lost. */
const COMPARE_MS = 5_000;
/** Tasks that ended last, which a wait that begins after their end is told of at once; the comparison tells of older ones. */
const LAST_ENDS = 1_024;

export type LocalEndsDependencies = {
  /** Is told everything as well. */
  publisher: Publisher;
  store: Pick<TaskStore, "positions" | "get">;
  clock: Pick<Clock, "after">;
  log: Log;
};

type Waiter = { readonly scope: TenantScope; resolve(task: Task | null): void };

/** Stands before the publisher that every committed transition of this process goes through. */
export class LocalEnds implements EndWatch, Publisher {
  readonly #dependencies: LocalEndsDependencies;
  readonly #waiters = new Map<string, Set<Waiter>>();
  /** Where the logs of waited-for tasks stood when they were last compared. */
  readonly #seen = new Map<string, number>();
  readonly #lastEnds = new Set<string>();
  #timer: TimerHandle | null = null;
  #closed = false;

  constructor(dependencies: LocalEndsDependencies) {
    this.#dependencies = dependencies;
  }

  publish(update: TaskUpdate): void {
    this.#dependencies.publisher.publish(update);
  }

  committed(update: TaskUpdate): void {
    this.#dependencies.publisher.committed?.(update);
    const { task } = update;
    if (!isTerminal(task.status)) return;
    this.#lastEnds.add(task.id);
    for (const oldest of this.#lastEnds) {
      if (this.#lastEnds.size <= LAST_ENDS) break;
      this.#lastEnds.delete(oldest);
    }
    this.#tell(task);
  }

  /** Whether anybody waits for the task's end. */
  isAwaited(taskId: string): boolean {
    return this.#waiters.has(taskId);
  }

  async untilEnded(
    scope: TenantScope,
    taskId: string,
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<Task | null> {
    if (this.#closed || signal?.aborted || this.#lastEnds.has(taskId)) return null;
    const { promise, resolve } = Promise.withResolvers<Task | null>();
    const waiter: Waiter = { scope, resolve };
    const stop = () => resolve(null);
    const timer = this.#dependencies.clock.after(timeoutMs, stop);
    signal?.addEventListener("abort", stop, { once: true });
    this.#add(taskId, waiter);
    try {
      return await promise;
    } finally {
      timer.cancel();
      signal?.removeEventListener("abort", stop);
      this.#remove(taskId, waiter);
    }
  }

  /** Ends the waits in the name of a key that is gone. */
  closeKey(keyId: string): void {
    for (const waiters of this.#waiters.values()) {
      for (const { scope, resolve } of waiters) if (scope.keyId === keyId) resolve(null);
    }
  }

  /** Ends all waits, and those to come at once. */
  close(): void {
    this.#closed = true;
    for (const waiters of this.#waiters.values()) for (const { resolve } of waiters) resolve(null);
  }

  #add(taskId: string, waiter: Waiter): void {
    const waiters = this.#waiters.get(taskId);
    if (waiters === undefined) this.#waiters.set(taskId, new Set([waiter]));
    else waiters.add(waiter);
    this.#arm();
  }

  #remove(taskId: string, waiter: Waiter): void {
    const waiters = this.#waiters.get(taskId);
    waiters?.delete(waiter);
    if (waiters?.size !== 0) return;
    this.#waiters.delete(taskId);
    this.#seen.delete(taskId);
  }

  #tell(task: Task): void {
    for (const { resolve } of this.#waiters.get(task.id) ?? []) resolve(task);
  }

  #arm(): void {
    this.#timer ??= this.#dependencies.clock.after(COMPARE_MS, () => {
      void this.#compare().finally(() => {
        this.#timer = null;
        if (this.#waiters.size > 0) this.#arm();
      });
    });
  }

  async #compare(): Promise<void> {
    const { store, log } = this.#dependencies;
    try {
      const ids = [...this.#waiters.keys()];
      const positions = await store.positions(ids);
      for (const id of ids) {
        const waiters = this.#waiters.get(id);
        const [waiter] = waiters ?? [];
        const seq = positions.get(id)?.seq;
        if (waiter === undefined || waiters === undefined) continue;
        if (seq !== undefined && this.#seen.get(id) === seq) continue;
        const task = seq === undefined ? null : ((await store.get(waiter.scope, id))?.task ?? null);
        if (seq !== undefined) this.#seen.set(id, seq);
        if (task === null || isTerminal(task.status)) for (const { resolve } of waiters) resolve(task);
      }
    } catch (error) {
      log.warn("tasks that are waited for could not be compared with the store", {
        tasks: this.#waiters.size,
        cause: describeError(error),
      });
    }
  }
}
