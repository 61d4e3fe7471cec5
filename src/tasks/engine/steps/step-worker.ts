/**
 * The engine's work without its loop, for hosts that run steps by call (a queue's request, an alarm, a cron run):
 * claims the fairest due tasks, runs one step of each under its lease, and says what is due next.
 *
 * The worker that holds a task may be anywhere, and nobody can tell it that the task was cancelled: it finds out by the
 * first write that is refused. A provider that reports progress is stopped within `progressIntervalMs`, a silent one
 * when its lease is renewed, `renewMs` at most.
 */

import type { TaskType } from "../../../protocol/task.ts";
import type { HookAddresses } from "../../hook-addresses.ts";
import type { Billing } from "../../ports/billing.ts";
import type { Clock } from "../../ports/clock.ts";
import { describeError, type Log } from "../../ports/log.ts";
import type { MediaProvider } from "../../ports/media-provider.ts";
import type { MediaStore } from "../../ports/media-store.ts";
import type { Publisher } from "../../ports/publisher.ts";
import { publishUpdate } from "../../ports/publisher.ts";
import type { Claim, TaskStore } from "../../ports/task-store.ts";
import type { RetryPolicy } from "../../retry-policy.ts";
import type { Task } from "../../task.ts";
import { WorkRunners, type WorkRunnersDependencies } from "../due-work/runners.ts";
import { LeaseKeeper } from "../lease-keeper.ts";
import type { ProviderHealth } from "../provider-health.ts";
import { CRON_SWEEP_BATCHES, localDueAt, localDueAtOf, SWEEP_BATCH, workAgainAt } from "../scheduling.ts";
import type { UsualDurations } from "../usual-durations.ts";
import { StepExecutor } from "./step-executor.ts";
import { type StepDependencies, StepRun } from "./step-run.ts";

export type StepWorkerOptions = {
  /** Provider calls open at once in the whole deployment, by lane. */
  maxHeld: Readonly<Record<TaskType, number>>;
  /** How long a claim holds without renewal, ms. */
  leaseMs: number;
  /** How often the lease is renewed while the call is open, ms. */
  renewMs: number;
  /** The least time between two stored progress values of one task, ms. */
  progressIntervalMs: number;
  /** The least time between two stored estimates of progress of one task, ms. */
  estimateIntervalMs: number;
  retry: RetryPolicy;
};

export type StepWorkerDependencies = {
  store: TaskStore;
  media: Pick<MediaStore, "put" | "get">;
  providers: ReadonlyMap<string, MediaProvider>;
  publisher: Publisher;
  /** What a finished job costs. */
  bill: Billing;
  clock: Clock;
  log: Log;
  /** 0 ≤ n < 1, for jitter. */
  random?: () => number;
  /** How the providers' accounts are doing, where others look at it as well. */
  health?: ProviderHealth | undefined;
  /** Addresses at which providers may call back. Absent: none can reach the gateway. */
  hooks?: Pick<HookAddresses, "urlOf"> | undefined;
  /** How long jobs usually take. Absent: progress is never estimated. */
  durations?: UsualDurations | undefined;
} & Pick<WorkRunnersDependencies, "otherWork">;

/** What one step came to. */
export type StepReport = {
  /** The task after the step; as it was claimed where its lease was lost and nothing could be written. */
  readonly task: Task;
  /** Wall clock, ms: when the same task's next step is due; null when it has none, or is claimable at once by anybody. */
  readonly dueAt: number | null;
  /** Whether the step may have left deliveries to webhooks: `clean` sends them. */
  readonly leftDelivery: boolean;
};

/** What a sweep found. */
export type SweepReport = {
  /** Tasks whose worker was gone, claimable again. */
  readonly requeued: number;
  /** Wall clock, ms, by lane: when its next work is due, 0 when now; null when nothing waits. */
  readonly dueAt: Readonly<Record<TaskType, number | null>>;
};

/** How long new cancel calls are begun, ms: an alarm and a queue's request are to end. What is left waits for the next run. */
const CLEAN_MS = 30_000;
/** How long a cancel call under way may go on after that, ms: its own limit and a little. */
const CLEAN_GRACE_MS = 12_000;

export class StepWorker {
  readonly #dependencies: StepWorkerDependencies;
  readonly #options: StepWorkerOptions;
  readonly #steps: StepDependencies;
  readonly #executor: StepExecutor;
  /** What this deployment can run. */
  readonly #providers: readonly string[];

  constructor(dependencies: StepWorkerDependencies, options: StepWorkerOptions) {
    this.#dependencies = dependencies;
    this.#options = options;
    this.#providers = [...dependencies.providers.keys()];
    const { store, media, publisher, clock, log, hooks, durations } = dependencies;
    this.#steps = {
      store,
      media,
      publisher,
      clock,
      log,
      durations,
      progressIntervalMs: options.progressIntervalMs,
      estimateIntervalMs: options.estimateIntervalMs,
      ...(hooks && { hookUrl: (provider: string, taskId: string) => hooks.urlOf(provider, taskId) }),
    };
    this.#executor = new StepExecutor(dependencies, options.retry);
  }

  /**
   * Claims the fairest due tasks of the lane, `max` (≥ 1) at most, and begins one step of each, a provider call with its
   * own limits; answers the steps under way, none when nothing is due or as many are held as may be. When `stop` aborts,
   * the calls are aborted and their tasks handed back. Rejects when the store cannot be asked. A step rejects when its
   * outcome could not be stored before the task's deadline; its claim then runs out and a sweep finds the task.
   */
  async start(
    lane: TaskType,
    max: number,
    stop?: AbortSignal,
  ): Promise<readonly { readonly report: Promise<StepReport> }[]> {
    const { store, publisher, clock } = this.#dependencies;
    const { leaseMs, maxHeld } = this.#options;
    const from = clock.monotonic();
    const claims = await store.claim({
      lane,
      providers: this.#providers,
      leaseMs,
      max,
      maxHeld: maxHeld[lane],
    });
    return claims.map((claim) => {
      if (claim.update !== null) publishUpdate(publisher, claim.update);
      return { report: this.#run(claim, from + leaseMs, stop) };
    });
  }

  /**
   * Runs one step of the fairest due task to its end, as `start` begins it; null when nothing could be claimed. A cancel rings
   * the doorbell too: then there may be an upstream job to end (`clean`) and no task to claim.
   */
  async runNext(lane: TaskType): Promise<StepReport | null> {
    const [step] = await this.start(lane, 1);
    return step === undefined ? null : step.report;
  }

  /** When the lane's next work is due (wall clock, ms): 0 when now, null when nothing waits. */
  async nextDueAt(lane: TaskType): Promise<number | null> {
    const { store, clock } = this.#dependencies;
    return localDueAt(await store.nextDueIn(lane, this.#providers), clock.now());
  }

  /** Ends what deadlines ended and frees what dead workers held. Bounded; rejects when the store cannot be asked. */
  async sweep(): Promise<SweepReport> {
    const { store, publisher, log } = this.#dependencies;
    let requeued = 0;
    for (let step = 0, more = true; more && step < CRON_SWEEP_BATCHES; step += 1) {
      const outcome = await store.sweep(SWEEP_BATCH);
      more = outcome.more;
      requeued += outcome.requeued;
      for (const update of outcome.updates) publishUpdate(publisher, update);
    }
    if (requeued > 0) log.warn("took over tasks whose worker was gone", { tasks: requeued });
    const [image, video] = await Promise.all([this.nextDueAt("image"), this.nextDueAt("video")]);
    return { requeued, dueAt: { image, video } };
  }

  /**
   * Does the due work there is - upstream jobs that ended tasks left behind, deliveries to webhooks - for 30 s. Answers when
   * the first of what was put off is due again (wall clock, ms), null when that is left to the cron sweep. Never rejects.
   */
  async clean(): Promise<number | null> {
    const { clock, log } = this.#dependencies;
    const dueWork = new WorkRunners(this.#dependencies, { leaseMs: this.#options.leaseMs });
    const enough = clock.after(CLEAN_MS, () => void dueWork.stop(CLEAN_GRACE_MS));
    try {
      await dueWork.sweep();
      await dueWork.drained();
      return workAgainAt(dueWork.triedAgainAt, clock.now());
    } catch (error) {
      log.error("due work could not be done", { cause: describeError(error) });
      return null;
    } finally {
      enough.cancel();
    }
  }

  async #run(claim: Claim, leaseEndsAt: number, stop: AbortSignal | undefined): Promise<StepReport> {
    const { store, clock, log } = this.#dependencies;
    const { leaseMs, renewMs } = this.#options;
    const run = new StepRun(claim.task, claim.lease, leaseEndsAt, this.#steps);
    const keeper = new LeaseKeeper({ store, clock, log, held: () => [run] }, { leaseMs, renewMs });
    const handBack = () => run.stop("shutdown");
    let leftJob = false;
    let leftDelivery = false;
    keeper.start();
    stop?.addEventListener("abort", handBack);
    if (stop?.aborted) handBack();
    try {
      const { task } = await this.#executor.run(run, {
        claimNext: () => undefined,
        stopped: () => stop?.aborted === true,
        storeFailed: () => {},
        leftJob: () => {
          leftJob = true;
        },
        leftDelivery: () => {
          leftDelivery = true;
        },
      });
      const dueAt = task === null ? null : localDueAtOf(task, clock.now());
      return { task: task ?? claim.task, dueAt, leftDelivery };
    } finally {
      stop?.removeEventListener("abort", handBack);
      keeper.stop();
      if (leftJob) await this.clean();
    }
  }
}
