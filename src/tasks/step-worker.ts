/**
 * The engine's work without its loop, for hosts that run one step per call (a queue's request, an alarm, a cron run):
 * claims the fairest due task, runs one step of it under its lease, and says what is due next.
 */

import type { TaskType } from "../protocol/task.ts";
import { Cleaner } from "./cleaner.ts";
import type { Clock } from "./clock.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import { describeError, type Log } from "./log.ts";
import type { MediaProvider } from "./media-provider.ts";
import type { MediaStore } from "./media-store.ts";
import type { Publisher } from "./publisher.ts";
import type { RetryPolicy } from "./retry-policy.ts";
import { publishIfFollowed, type StepDependencies, StepRun } from "./step-run.ts";
import { StepSettlement } from "./step-settlement.ts";
import type { Task } from "./task.ts";
import type { TaskStore } from "./task-store.ts";

export type StepWorkerOptions = {
  /** Provider calls open at once in the whole deployment, by lane. */
  maxHeld: Readonly<Record<TaskType, number>>;
  /** How long a claim holds without renewal, ms. */
  leaseMs: number;
  /** How often the lease is renewed while the call is open, ms. */
  renewMs: number;
  /** The least time between two stored progress values of one task, ms. */
  progressIntervalMs: number;
  retry: RetryPolicy;
};

export type StepWorkerDependencies = {
  store: TaskStore;
  media: Pick<MediaStore, "put">;
  providers: ReadonlyMap<string, MediaProvider>;
  publisher: Publisher;
  clock: Clock;
  log: Log;
  /** 0 ≤ n < 1, for jitter. */
  random?: () => number;
};

/** What one step came to. */
export type StepReport = {
  /** The task after the step; as it was claimed where its lease was lost and nothing could be written. */
  readonly task: Task;
  /** Wall clock, ms: when the same task's next step is due; null when it has none, or is claimable at once by anybody. */
  readonly dueAt: number | null;
};

/** What a sweep found. */
export type SweepReport = {
  /** Tasks whose worker was gone, claimable again. */
  readonly requeued: number;
  /** Wall clock, ms, by lane: when its next work is due, 0 when now; null when nothing waits. */
  readonly dueAt: Readonly<Record<TaskType, number | null>>;
};

/** Deadlines and orphans handled in one step of the sweep. */
const SWEEP_LIMIT = 200;
/** Steps of one sweep at most: a cron run is bounded, the next one goes on. */
const SWEEP_STEPS = 50;
/** How long a sweep waits for the cancel calls it made, ms: one call's own limit and a little. */
const CLEAN_MS = 12_000;

export class StepWorker {
  readonly #dependencies: StepWorkerDependencies;
  readonly #options: StepWorkerOptions;
  readonly #steps: StepDependencies;
  readonly #settlement: StepSettlement;

  constructor(dependencies: StepWorkerDependencies, options: StepWorkerOptions) {
    this.#dependencies = dependencies;
    this.#options = options;
    const { store, media, publisher, clock, log } = dependencies;
    this.#steps = { store, media, publisher, clock, log, progressIntervalMs: options.progressIntervalMs };
    this.#settlement = new StepSettlement(dependencies, options.retry);
  }

  /**
   * Claims the fairest due task of the lane and runs one step of it, a provider call with its own limits. Null when
   * nothing is due or as many steps are under way as may be. Rejects when the store cannot be asked, or the outcome
   * could not be stored before the task's deadline; the claim then runs out and a sweep finds the task.
   */
  async runNext(lane: TaskType): Promise<StepReport | null> {
    const { store, publisher, clock, log } = this.#dependencies;
    const { leaseMs, renewMs, maxHeld } = this.#options;
    const from = clock.monotonic();
    const [claim] = await store.claim({ lane, leaseMs, max: 1, maxHeld: maxHeld[lane] });
    if (claim === undefined) {
      // A cancel rings too, and then there is a job to end and nothing to claim.
      await this.clean();
      return null;
    }
    if (claim.update !== null) publishIfFollowed(publisher, claim.update);
    const run = new StepRun(claim.task, claim.lease, from + leaseMs, this.#steps);
    const keeper = new LeaseKeeper({ store, clock, log, held: () => [run] }, { leaseMs, renewMs });
    let leftJob = false;
    keeper.start();
    try {
      const { task } = await this.#settlement.run(run, {
        claimNext: () => undefined,
        stopped: () => false,
        storeFailed: () => {},
        leftJob: () => {
          leftJob = true;
        },
      });
      return { task: task ?? claim.task, dueAt: task?.dueAt ?? null };
    } finally {
      keeper.stop();
      if (leftJob) await this.clean();
    }
  }

  /** When the lane's next work is due (wall clock, ms): 0 when now, null when nothing waits. */
  nextDueAt(lane: TaskType): Promise<number | null> {
    return this.#dependencies.store.nextDueAt(lane);
  }

  /** Ends what deadlines ended, frees what dead workers held, and cleans up upstream. Bounded; rejects when the store cannot be asked. */
  async sweep(): Promise<SweepReport> {
    const { store, publisher, log } = this.#dependencies;
    let requeued = 0;
    for (let step = 0, more = true; more && step < SWEEP_STEPS; step += 1) {
      const outcome = await store.sweep(SWEEP_LIMIT);
      more = outcome.more;
      requeued += outcome.requeued;
      for (const update of outcome.updates) publishIfFollowed(publisher, update);
    }
    if (requeued > 0) log.warn("took over tasks whose worker was gone", { tasks: requeued });
    await this.clean();
    const [image, video] = await Promise.all([store.nextDueAt("image"), store.nextDueAt("video")]);
    return { requeued, dueAt: { image, video } };
  }

  /** Works on the upstream jobs that ended tasks left behind, as far as they are due. Never rejects. */
  async clean(): Promise<void> {
    const cleaner = new Cleaner(this.#dependencies, { leaseMs: this.#options.leaseMs });
    try {
      await cleaner.sweep();
    } catch (error) {
      this.#dependencies.log.error("cleanup failed", { cause: describeError(error) });
    }
    await cleaner.stop(CLEAN_MS);
  }
}
