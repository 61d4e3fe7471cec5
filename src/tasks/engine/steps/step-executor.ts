/**
 * A claimed step from its provider call to what is stored of it: what the outcome means for the task, the write under
 * the lease, and the hand-over to the cleanup where the lease was lost. Whoever drives it decides when it is called.
 */

import { upstreamJobOf } from "../../due-work.ts";
import type { Billing, DoneOutcome } from "../../ports/billing.ts";
import type { Clock } from "../../ports/clock.ts";
import { describeError, type Log } from "../../ports/log.ts";
import type { Credential, MediaProvider, StepOutcome } from "../../ports/media-provider.ts";
import type { Publisher } from "../../ports/publisher.ts";
import { publishUpdate } from "../../ports/publisher.ts";
import { StoredValueTooLargeError, StoreUnavailableError } from "../../ports/store-error.ts";
import type { Claim, ClaimOptions, TaskStore } from "../../ports/task-store.ts";
import { decide, mayGoElsewhere, type RetryPolicy } from "../../retry-policy.ts";
import { candidateOf, type Task } from "../../task.ts";
import { NOTHING_SPENT, overrunOf, type StepTransition, SUSPECT_FROM_TAKEOVERS } from "../../transition.ts";
import { type AccountUse, ProviderHealth } from "../provider-health.ts";
import { STORE_RETRY_MS } from "../scheduling.ts";
import type { UsualDurations } from "../usual-durations.ts";
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
  /** How accounts are doing, where others look at it as well. */
  health?: ProviderHealth | undefined;
  /** Learns how long jobs take. */
  durations?: Pick<UsualDurations, "note"> | undefined;
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
  /** Deliveries to webhooks may have become due. */
  leftDelivery(): void;
};

const NOTHING: Committed = { task: null, claims: [], at: 0 };

export class StepExecutor {
  readonly #dependencies: StepExecutorDependencies;
  readonly #retry: RetryPolicy;
  readonly #random: () => number;
  readonly #health: ProviderHealth;

  constructor(dependencies: StepExecutorDependencies, retry: RetryPolicy) {
    this.#dependencies = dependencies;
    this.#retry = retry;
    this.#random = dependencies.random ?? Math.random;
    this.#health = dependencies.health ?? new ProviderHealth(dependencies.clock, this.#random);
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
    const account = this.#accountFor(run, provider);
    if (account.kind === "end") return this.#turnedAway(run, driver, account.transition);
    return this.#finish(run, driver, provider, await run.run(provider, account.credential));
  }

  /** The account of the task's job, or the one to submit it with; or what becomes of the task when there is none. */
  #accountFor(
    run: StepRun,
    provider: MediaProvider,
  ): { kind: "call"; credential: Credential | null } | { kind: "end"; transition: StepTransition } {
    const { task } = run;
    if (task.state !== null) {
      if (task.credential === null) return { kind: "call", credential: null };
      const credential = provider.accounts?.find(({ name }) => name === task.credential);
      if (credential !== undefined) return { kind: "call", credential };
      const message = `The account ${task.credential} of ${provider.name}, which the job was submitted with, is not configured any more`;
      const error = { code: "provider_auth", message } as const;
      return { kind: "end", transition: { kind: "fail", error, jobOver: false, spent: run.takeSpentTime() } };
    }
    const elsewhere = hasNext(task);
    const choice = this.#health.choose(provider, candidateOf(task).model, task.type, elsewhere);
    if (choice.kind === "account") return { kind: "call", credential: choice.account };
    const error = { code: choice.code, message: `${provider.name} takes no new jobs at the moment` };
    const transition: StepTransition = elsewhere
      ? { kind: "next_candidate", delayMs: 0, error, spent: NOTHING_SPENT }
      : { kind: "snooze", delayMs: choice.waitMs, error, spent: NOTHING_SPENT };
    return { kind: "end", transition };
  }

  /** No call is made: what waits for the same provider and has nowhere else to go is not claimed in vain either. */
  async #turnedAway(run: StepRun, driver: StepDriver, transition: StepTransition): Promise<Committed> {
    if (transition.kind === "snooze") await this.#pause(run.task, transition.delayMs);
    return this.#write(run, driver, transition);
  }

  /** Stores that work on a suspect begins, before it does. False when its lease was lost. */
  async #beginSuspect({ task, lease, stopped }: StepRun): Promise<boolean> {
    if (task.takeovers !== SUSPECT_FROM_TAKEOVERS || stopped !== null) return true;
    return (await this.#dependencies.store.advance(lease, { kind: "begin_suspect" })).applied;
  }

  async #finish(run: StepRun, driver: StepDriver, provider: MediaProvider, end: StepEnd): Promise<Committed> {
    if (end.kind === "outcome") {
      const { task, credential } = run;
      const use: AccountUse = { provider: provider.name, credential };
      this.#health.note(use, task.type, end.outcome);
      const transition = decide({
        providerAway: this.#health.isAway(provider.name),
        task,
        outcome: end.outcome,
        instead: this.#instead(run, provider, end.outcome),
        resubmitSafe: provider.resubmitSafe(task.type),
        random: this.#random(),
        policy: this.#retry,
        spent: run.takeSpentTime(),
        bill: this.#dependencies.bill,
      });
      await this.#pauseAfter(task, use, end.outcome, transition);
      return this.#write(run, driver, named(transition, credential), end.outcome);
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

  /** Where a job that could not be submitted may go instead: the other accounts first, as the caller chose the model. */
  #instead(run: StepRun, provider: MediaProvider, outcome: StepOutcome): "account" | "candidate" | null {
    if (outcome.kind !== "failed") return null;
    const { task, credential } = run;
    const failed = mayGoElsewhere(task, outcome.failure, provider.resubmitSafe(task.type));
    if (failed === null) return null;
    const { model } = candidateOf(task);
    if (failed === "account" && this.#health.hasOther(provider, model, task.type, credential))
      return "account";
    return hasNext(task) ? "candidate" : null;
  }

  /** Pauses the task's provider where the outcome asks for it: before the write, which may claim another of its tasks. */
  async #pauseAfter(
    task: Task,
    use: AccountUse,
    outcome: StepOutcome,
    transition: StepTransition,
  ): Promise<void> {
    // It goes on elsewhere at once, and so do others like it.
    if ("delayMs" in transition && transition.delayMs === 0) return;
    const waitMs = "delayMs" in transition ? transition.delayMs : 0;
    await this.#pause(task, this.#health.pauseAfter(use, outcome, waitMs));
  }

  async #pause(task: Task, pauseMs: number): Promise<void> {
    const { store, log } = this.#dependencies;
    const { provider } = candidateOf(task);
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
        job: { ...upstreamJobOf(run.task), credential: run.credential ?? run.task.credential },
        state: outcome?.kind === "pending" ? outcome.state : null,
        costMicros: outcome?.kind === "done" ? toldMicros(run.task, outcome, bill) : null,
        ...(run.task.state === null && { unnamed: true }),
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
          this.#dependencies.durations?.note(outcome.update.task);
          const { task, webhooks } = outcome.update;
          if (task.openCleanups > 0) driver.leftJob();
          if (webhooks === true || task.webhook !== null) driver.leftDelivery();
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

/** Whether the route of the task goes on. */
function hasNext({ route, candidate }: Task): boolean {
  return candidate + 1 < route.length;
}

/** The transition with the account that the job was submitted with. */
function named(transition: StepTransition, credential: string | null): StepTransition {
  if (credential === null) return transition;
  switch (transition.kind) {
    case "pend":
    case "complete":
    case "fail":
    case "retry":
    case "snooze":
    case "next_candidate":
      return { ...transition, credential };
    default:
      return transition;
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
  const fail = { kind: "fail", error: { code: "provider_error", message }, spent } as const;
  if (refused.kind !== "complete") return { ...fail, jobOver: false };
  return { ...fail, jobOver: true, upstreamMicros: refused.upstreamMicros ?? refused.costMicros };
}
