/**
 * Tasks whose files could not be removed: remembered in this process, so that a sweep goes on without them and tries them
 * again ever more rarely. A bounded number; after a restart they are met again when their task is removed.
 */

import type { Clock } from "../ports/clock.ts";
import { describeError, type Log } from "../ports/log.ts";

/** Removes the files of one task that are to go. */
export type Removal = (taskId: string) => Promise<void>;

/** Tasks remembered at most. */
const MAX_REMEMBERED = 1_000;
/** Tasks tried again in one sweep at most. */
const RETRIES_PER_SWEEP = 20;
/** The wait before a task is tried again, ms; doubled each time. */
const FIRST_RETRY_MS = 3_600_000;
const LONGEST_RETRY_MS = 24 * 3_600_000;
/**
 * Nothing could be removed at all: the media store is away, and the sweep waits for it. A task with which that happens so
 * often in a row is the reason by itself.
 */
const MAX_FAILURES_ALONE = 3;

type Remembered = { readonly remove: Removal; failures: number; retryAt: number };

export class UnremovedMedia {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #log: Pick<Log, "warn">;
  readonly #tasks = new Map<string, Remembered>();

  constructor(clock: Pick<Clock, "monotonic">, log: Pick<Log, "warn">) {
    this.#clock = clock;
    this.#log = log;
  }

  get size(): number {
    return this.#tasks.size;
  }

  has(taskId: string): boolean {
    return this.#tasks.has(taskId);
  }

  /**
   * Removes the files of each task for itself; `again` does it later. Answers for how many it could. Rejects with the first reason when it could not
   * for any, or when too many would have to be remembered: then nothing of this may be taken as done.
   */
  async removeEach(taskIds: readonly string[], remove: Removal, again = remove): Promise<number> {
    const failed: { taskId: string; cause: unknown }[] = [];
    for (const taskId of taskIds) {
      try {
        await remove(taskId);
        this.#tasks.delete(taskId);
      } catch (cause) {
        failed.push({ taskId, cause });
      }
    }
    const [first] = failed;
    if (first === undefined) return taskIds.length;
    const remembered = failed.map(({ taskId, cause }) => this.#remember(taskId, again, cause));
    const alone = failed.length === taskIds.length;
    if (remembered.some((task) => task === null || (alone && task.failures < MAX_FAILURES_ALONE)))
      throw first.cause;
    return taskIds.length - failed.length;
  }

  /** Tries those again whose time has come. */
  async retry(): Promise<void> {
    const now = this.#clock.monotonic();
    const due = [...this.#tasks].filter(([, { retryAt }]) => retryAt <= now).slice(0, RETRIES_PER_SWEEP);
    for (const [taskId, { remove }] of due)
      await remove(taskId).then(
        () => this.#tasks.delete(taskId),
        (cause: unknown) => this.#remember(taskId, remove, cause),
      );
  }

  /** Null when there is no room for it. */
  #remember(taskId: string, remove: Removal, cause: unknown): Remembered | null {
    const before = this.#tasks.get(taskId);
    if (before === undefined) {
      if (this.#tasks.size >= MAX_REMEMBERED) return null;
      this.#log.warn("the media of a task could not be removed; it is tried again", {
        taskId,
        cause: describeError(cause),
      });
    }
    const failures = (before?.failures ?? 0) + 1;
    const waitMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1));
    const task = { remove, failures, retryAt: this.#clock.monotonic() + waitMs };
    this.#tasks.set(taskId, task);
    return task;
  }
}
