/**
 * Renews the leases of a living worker by a timer, not by progress: pictures are silent for minutes. While the store is
 * away no lease can be taken over either, so open calls go on until a fence refuses them: to end them would pay for the
 * same work twice. What a lease that has run out locally forbids is a new call (see `StepRun.run`).
 */

import type { Clock, TimerHandle } from "../ports/clock.ts";
import { describeError, type Log } from "../ports/log.ts";
import type { TaskStore } from "../ports/task-store.ts";
import type { StepRun } from "./steps/step-run.ts";

/** A renewal that is this many intervals late was held up with the whole process. */
const LATE_INTERVALS = 2;
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
  /** Wall clock, ms: when the leases were last renewed, or nothing was held. Leases run out by it, asleep or not. */
  #renewedAt: number;

  constructor(dependencies: LeaseKeeperDependencies, options: { leaseMs: number; renewMs: number }) {
    this.#dependencies = dependencies;
    this.#leaseMs = options.leaseMs;
    this.#renewMs = options.renewMs;
    this.#renewedAt = dependencies.clock.now();
  }

  start(): void {
    this.#arm(this.#renewMs);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /**
   * Renews at once if the usual renewal is overdue. A process that was stopped, or whose machine slept, still works
   * on what it held: to be called before the sweep looks for leases that ran out, else it would take its own for lost.
   * False when that failed; the leases end locally before long, so it does not go on failing.
   */
  async catchUp(): Promise<boolean> {
    const lateMs = this.#dependencies.clock.now() - this.#renewedAt;
    return lateMs < this.#renewMs * LATE_INTERVALS || (await this.#renew());
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
    const renewedAt = clock.now();
    const from = clock.monotonic();
    if (runs.length === 0) {
      this.#renewedAt = renewedAt;
      return true;
    }
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
      this.#renewedAt = renewedAt;
      return true;
    } catch (error) {
      log.error("leases could not be renewed", { held: runs.length, cause: describeError(error) });
      return false;
    }
  }
}
