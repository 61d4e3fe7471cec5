/**
 * Renews the leases of a living worker by a timer, not by progress: pictures are silent for minutes. A lease ends
 * locally before the store's does, so that a worker that cannot renew does not go on as if it held its tasks.
 */

import type { Clock, TimerHandle } from "./clock.ts";
import { describeError, type Log } from "./log.ts";
import type { StepRun } from "./step-run.ts";
import type { TaskStore } from "./task-store.ts";

/** A failed renewal is repeated after this part of the usual interval. */
const RENEW_AGAIN_FRACTION = 3;

export type LeaseKeeperDependencies = {
  store: Pick<TaskStore, "renew">;
  clock: Clock;
  log: Log;
  /** The steps that are held now. */
  held(): Iterable<StepRun>;
};

export class LeaseKeeper {
  readonly #dependencies: LeaseKeeperDependencies;
  readonly #leaseMs: number;
  readonly #renewMs: number;
  #timer: TimerHandle | null = null;
  #stopped = false;

  constructor(dependencies: LeaseKeeperDependencies, options: { leaseMs: number; renewMs: number }) {
    this.#dependencies = dependencies;
    this.#leaseMs = options.leaseMs;
    this.#renewMs = options.renewMs;
  }

  start(): void {
    this.#arm(this.#renewMs);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #arm(waitMs: number): void {
    this.#timer = this.#dependencies.clock.after(waitMs, () => {
      void this.#renew().then((renewed) => {
        if (!this.#stopped) this.#arm(renewed ? this.#renewMs : this.#renewAgainMs);
      });
    });
  }

  get #renewAgainMs(): number {
    return Math.max(1, Math.floor(this.#renewMs / RENEW_AGAIN_FRACTION));
  }

  /** Whether the store could be asked. */
  async #renew(): Promise<boolean> {
    const { store, clock, log, held } = this.#dependencies;
    const runs = [...held()].filter((run) => run.stopped !== "lost");
    if (runs.length === 0) return true;
    const from = clock.monotonic();
    try {
      const lost = new Set(
        await store.renew(
          runs.map((run) => run.lease),
          this.#leaseMs,
        ),
      );
      for (const run of runs) {
        // A step that ended meanwhile has no lease to lose: stopping it does nothing.
        if (lost.has(run.lease.taskId)) run.stop("lost");
        else run.leaseEndsAt = from + this.#leaseMs;
      }
      return true;
    } catch (error) {
      log.error("leases could not be renewed", { held: runs.length, cause: describeError(error) });
      const nextTryAt = clock.monotonic() + this.#renewAgainMs;
      for (const run of runs) if (nextTryAt >= run.leaseEndsAt) run.stop("lost");
      return false;
    }
  }
}
