/**
 * A claimed step from its provider call to what is stored of it: what the outcome means for the task, the write under
 * the lease, and the hand-over to the cleanup where the lease was lost. Whoever drives it decides when it is called.
 */

import { upstreamJobOf } from "../due-work.ts";
import type { Billing, DoneOutcome } from "../ports/billing.ts";
import type { Clock } from "../ports/clock.ts";
import { describeError, type Log } from "../ports/log.ts";
import type { MediaProvider, StepOutcome } from "../ports/media-provider.ts";
import type { Publisher } from "../ports/publisher.ts";
import { publishUpdate } from "../ports/publisher.ts";
import { StoredValueTooLargeError, StoreUnavailableError } from "../ports/store-error.ts";
import type { Claim, ClaimOptions, TaskStore } from "../ports/task-store.ts";
import { overrunOf } from "../reducer.ts";
import { decide, type RetryPolicy } from "../retry-policy.ts";
import { candidateOf, type Task } from "../task.ts";
import { NOTHING_SPENT, type StepTransition, SUSPECT_FROM_TAKEOVERS } from "../transition.ts";
import { ProviderPauses } from "./provider-pauses.ts";
import { STORE_RETRY_MS } from "./scheduling.ts";
import type { StepEnd, StepRun } from "./step-run.ts";

/** What was stored of a step, and what the same write claimed besides. */
export type Committed = {
  /** The task after the write; null when the lease was lost and nothing was written. */
  readonly task: Task | null;
  readonly claims: readonly Claim[];
  /** The monotonic moment (ms) before the write, from which the new leases count. */
  readonly at: number;
};

export type StepExecutorDependencies = {
  store: Pick<TaskStore, "advance" | "reportLate" | "pauseProvider">;
  providers: ReadonlyMap<string, MediaProvider>;
  publisher: Publisher;
  /** What a finished job costs. */
  bill: Billing;
  clock: Clock;
  log: Log;
  /** 0 ≤ n < 1, for jitter. */
  random?: () => number;
};

/** The driver's part. */
export type StepDriver = {
  /** What to claim in the same step as the write; undefined claims nothing. */
  claimNext(): ClaimOptions | undefined;
  /** True once nothing may be tried again. */
  stopped(): boolean;
  /** A write failed because the store is down. */
  storeFailed(): void;
  /** A cleanup item may have become due. */
  leftJob(): void;
};

const NOTHING: Committed = { task: null, claims: [], at: 0 };

export class StepExecutor {
  readonly #dependencies: StepExecutorDependencies;
  readonly #retry: RetryPolicy;
  readonly #random: () => number;
  readonly #pauses: ProviderPauses;

  constructor(dependencies: StepExecutorDependencies, retry: RetryPolicy) {
    this.#dependencies = dependencies;
    this.#retry = retry;
    this.#pauses = new ProviderPauses(dependencies.clock);
    this.#random = dependencies.random ?? Math.random;
  }

  /** Makes the provider call and stores what came of it. Rejects when that could not be stored before the deadline. */
  async run(run: StepRun, driver: StepDriver): Promise<Committed> {
    const { task } = run;
    const { provider: name } = candidateOf(task);
    const provider = this.#dependencies.providers.get(name);
    if (provider === undefined)
      throw new Error(`A task of the provider ${name} was claimed, which is not here`);
    if (task.submitUnknown && task.state === null && !provider.resubmitSafe(task.type)) {
      const message =
        "The process ended while the job was being started; starting it again could bill it twice";
      const error = { code: "indeterminate", message } as const;
      return this.#write(run, driver, { kind: "fail", error, jobOver: true, spent: run.takeSpentTime() });
    }
    if (!(await this.#beginSuspect(run))) {
      await this.#reportLate(run, driver, null);
      return NOTHING;
    }
    this.#dependencies.log.debug(task.state === null ? "task submitted" : "task polled", {
      taskId: task.id,
      provider: name,
      attempt: task.attempt,
      fence: task.fence,
    });
    return this.#finish(run, driver, provider, await run.run(provider));
  }

  /** Stores that work on a suspect begins, before it does. False when its lease was lost. */
  async #beginSuspect({ task, lease, stopped }: StepRun): Promise<boolean> {
    if (task.takeovers !== SUSPECT_FROM_TAKEOVERS || stopped !== null) return true;
    return (await this.#dependencies.store.advance(lease, { kind: "begin_suspect" })).applied;
  }

  async #finish(run: StepRun, driver: StepDriver, provider: MediaProvider, end: StepEnd): Promise<Committed> {
    if (end.kind === "outcome") {
      this.#pauses.note(provider.name, end.outcome);
      const transition = decide({
        providerAway: this.#pauses.isAway(provider.name),
        task: run.task,
        outcome: end.outcome,
        resubmitSafe: provider.resubmitSafe(run.task.type),
        random: this.#random(),
        policy: this.#retry,
        spent: run.takeSpentTime(),
        bill: this.#dependencies.bill,
      });
      await this.#pauseAfter(run.task, end.outcome, transition);
      return this.#write(run, driver, transition, end.outcome);
    }
    if (end.reason === "shutdown") {
      // A poll or a finished picture that came with the stop is kept; anything else is handed back.
      const { outcome } = end;
      if (outcome !== null) return this.#finish(run, driver, provider, { kind: "outcome", outcome });
      return this.#write(run, driver, {
        kind: "release",
        submitUnknown: run.submitUnknown,
        spent: run.takeSpentTime(),
      });
    }
    await this.#reportLate(run, driver, end.outcome);
    return NOTHING;
  }

  /** Pauses the task's provider where the outcome asks for it: before the write, which may claim another of its tasks. */
  async #pauseAfter(task: Task, outcome: StepOutcome, transition: StepTransition): Promise<void> {
    const { store, log } = this.#dependencies;
    const { provider } = candidateOf(task);
    const waitMs = "delayMs" in transition ? transition.delayMs : 0;
    const pauseMs = this.#pauses.pauseAfter(provider, outcome, waitMs);
    if (pauseMs <= 0) return;
    try {
      await store.pauseProvider(task.type, provider, pauseMs);
      log.warn("provider paused", { lane: task.type, provider, pauseMs });
    } catch (error) {
      // Its tasks are turned away one by one then.
      log.error("provider could not be paused", { provider, cause: describeError(error) });
    }
  }

  async #reportLate(run: StepRun, driver: StepDriver, outcome: StepOutcome | null): Promise<void> {
    const { store, log, bill } = this.#dependencies;
    const { taskId, fence } = run.lease;
    try {
      await store.reportLate({
        taskId,
        fence,
        job: upstreamJobOf(run.task),
        state: outcome?.kind === "pending" ? outcome.state : null,
        costMicros: outcome?.kind === "done" ? toldMicros(run.task, outcome, bill) : null,
      });
    } catch (error) {
      // What was claimed in its place cannot wait: the item goes on with what it knows.
      log.error("late report could not be stored", { taskId, cause: describeError(error) });
    }
    driver.leftJob();
  }

  /** The key pays what was reserved; whoever runs the gateway pays the rest, and may want to set another price. */
  #warnOfOverrun(task: Task): void {
    const overrunMicros = overrunOf(task);
    if (task.status !== "completed" || overrunMicros === 0) return;
    const { id: taskId, reservedMicros, upstreamMicros } = task;
    const { provider, model } = candidateOf(task);
    const fields = { taskId, provider, model, reservedMicros, upstreamMicros, overrunMicros };
    this.#dependencies.log.warn("provider billed more than was reserved", fields);
  }

  /** Writes a step's transition, made of what it `learned`, and claims the next work in the same atomic step. */
  async #write(
    run: StepRun,
    driver: StepDriver,
    wanted: StepTransition,
    learned: StepOutcome | null = null,
  ): Promise<Committed> {
    const { store, publisher, clock, log } = this.#dependencies;
    let transition = wanted;
    for (let attempt = 1; ; attempt += 1) {
      const at = clock.monotonic();
      try {
        const outcome = await store.advance(run.lease, transition, driver.claimNext());
        if (outcome.applied) {
          publishUpdate(publisher, outcome.update);
          this.#warnOfOverrun(outcome.update.task);
          if (outcome.update.task.openCleanups > 0) driver.leftJob();
        } else await this.#reportLate(run, driver, learned);
        return { task: outcome.applied ? outcome.update.task : null, claims: outcome.claimed, at };
      } catch (error) {
        // The store is full or locked: the work is done and worth keeping. Writing late is safe: the fence decides.
        log.error("transition could not be stored", {
          taskId: run.lease.taskId,
          transition: transition.kind,
          attempt,
          cause: describeError(error),
        });
        if (error instanceof StoredValueTooLargeError && transition.kind !== "fail") {
          // It will never fit, and to run the step again would make and pay the same again.
          transition = tooLarge(transition);
          continue;
        }
        if (run.isPastDeadline || driver.stopped()) throw error;
        if (error instanceof StoreUnavailableError) driver.storeFailed();
        await new Promise<void>((resolve) => clock.after(STORE_RETRY_MS, resolve));
      }
    }
  }
}

/** What the provider told of a job's bill, itself or by what it used; null when it told nothing. */
function toldMicros(task: Task, outcome: DoneOutcome, bill: Billing): number | null {
  return outcome.costMicros ?? (outcome.usage === undefined ? null : bill(task, outcome).upstreamMicros);
}

/** The end of a task whose provider answered more than a task may hold. */
function tooLarge(refused: StepTransition): StepTransition {
  const message = "The provider's answer is larger than may be stored";
  const spent = "spent" in refused ? refused.spent : NOTHING_SPENT;
  const jobOver = refused.kind === "complete";
  return { kind: "fail", error: { code: "provider_error", message }, jobOver, spent };
}
