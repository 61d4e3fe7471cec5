/**
 * The engine's sweep: ends what is past its deadline, frees what dead workers held, and looks for work that nobody rang for.
 * One at a time, every so often, as long as it is not stopped.
 */

import type { Clock, TimerHandle } from "../ports/clock.ts";
import { describeError, type Log } from "../ports/log.ts";
import { type Publisher, publishUpdate } from "../ports/publisher.ts";
import type { TaskStore } from "../ports/task-store.ts";
import { SWEEP_BATCH, SWEEP_PAUSE_MS } from "./scheduling.ts";

export type SweepDependencies = {
  store: Pick<TaskStore, "sweep">;
  publisher: Publisher;
  clock: Clock;
  log: Log;
  /** Renews the leases whose renewal is overdue; false when the store cannot be asked. */
  renewLeases(): Promise<boolean>;
  /** Looks for due work of other kinds. */
  sweepDueWork(): Promise<void>;
  /** A task was ended, whoever has its call open. */
  ended(taskId: string): void;
  /** Tasks of dead workers are claimable again. */
  tookOver(): void;
  /**
   * Looks for work that another process accepted and could not ring for, or whose timer died with it; and for work that
   * waited for a slot of its key, which a task of the other lane or a changed limit has made free.
   */
  lookForWork(): void;
};

export class Sweep {
  readonly #dependencies: SweepDependencies;
  readonly #everyMs: number;
  #stopped = false;
  #timer: TimerHandle | null = null;
  /** Monotonic, ms: when an outcome last could not be stored. */
  #storeFailedAt = Number.NEGATIVE_INFINITY;

  constructor(dependencies: SweepDependencies, everyMs: number) {
    this.#dependencies = dependencies;
    this.#everyMs = everyMs;
  }

  /** Sweeps once and then every so often; resolves after the first time. */
  async start(): Promise<void> {
    await this.#sweep();
    this.#arm();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** A write failed because the store is down: its retries go first when it comes back. */
  storeFailed(): void {
    this.#storeFailedAt = this.#dependencies.clock.monotonic();
  }

  #arm(): void {
    if (this.#stopped) return;
    this.#timer = this.#dependencies.clock.after(this.#everyMs, () => {
      void this.#sweep().finally(() => this.#arm());
    });
  }

  async #sweep(): Promise<void> {
    const { store, publisher, clock, log, ...engine } = this.#dependencies;
    if (clock.monotonic() - this.#storeFailedAt < SWEEP_PAUSE_MS) return;
    try {
      if (!(await engine.renewLeases())) return;
      for (let more = true; more && !this.#stopped; ) {
        const outcome = await store.sweep(SWEEP_BATCH);
        more = outcome.more;
        for (const update of outcome.updates) {
          publishUpdate(publisher, update);
          engine.ended(update.task.id);
        }
        if (outcome.requeued > 0) {
          log.warn("took over tasks whose worker was gone", { tasks: outcome.requeued });
          engine.tookOver();
        }
      }
      await engine.sweepDueWork();
      engine.lookForWork();
    } catch (error) {
      log.error("sweep failed", { cause: describeError(error) });
    }
  }
}
