/** What becomes of a task after a step: the pure decision between waiting, trying again and giving up. */

import { isTerminal, type TaskErrorCode } from "../protocol/task.ts";
import { cutMessage } from "./cut-message.ts";
import type { Billing } from "./ports/billing.ts";
import type { Failure, StepOutcome } from "./ports/media-provider.ts";
import type { Task, TaskError } from "./task.ts";
import type { SpentTime, StepTransition } from "./transition.ts";

export type RetryPolicy = {
  /** Wait before the second attempt, in ms; doubles with every further one. */
  baseMs: number;
  /** The longest wait between attempts, in ms. */
  capMs: number;
  /** 0-1: how far a wait is moved at random in both directions. */
  jitter: number;
};

/** Base × 2ⁿ ± 20 %, at most five minutes. */
export const DEFAULT_RETRY_POLICY: RetryPolicy = { baseMs: 1_000, capMs: 300_000, jitter: 0.2 };

/** A provider that asks to be polled sooner than this is asked no sooner. */
const MIN_POLL_MS = 10;

/** After a failed poll: 2 s, then twice as long each time, at most a minute. */
const POLL_AGAIN: RetryPolicy = { baseMs: 2_000, capMs: 60_000, jitter: 0.2 };

/** The longest wait for a rate limit of unknown length, ms. */
const MAX_UNASKED_WAIT_MS = 60_000;

export type Decision = {
  task: Task;
  outcome: StepOutcome;
  /** Whether the provider counts as away, so that a failure uses no attempt of the task. */
  providerAway?: boolean;
  /** Where else a job may be submitted that was turned away, or whose provider is down; absent: nowhere. */
  instead?: "account" | "candidate" | null;
  /** Whether the adapter may repeat a submit whose outcome is unknown. */
  resubmitSafe: boolean;
  /** 0 ≤ n < 1. */
  random: number;
  policy: RetryPolicy;
  spent: SpentTime;
  bill: Billing;
};

/**
 * Turns the outcome of a step into the transition to write. How long to wait is decided here; whether that is still
 * worth it, given the deadline and the attempts that are left, decides the reducer by the store's clock.
 */
export function decide(decision: Decision): StepTransition {
  const { task, outcome, spent } = decision;
  if (isTerminal(task.status)) throw new Error("a step of an ended task has no outcome");
  switch (outcome.kind) {
    case "done": {
      const errors = outcome.errors ?? [];
      const { chargedMicros, upstreamMicros } = decision.bill(task, outcome);
      if (outcome.items.length === 0) {
        const first = errors[0];
        const error: TaskError = {
          code: first?.code ?? "provider_error",
          message: first?.message ?? "The provider returned no result",
        };
        return { ...fail(error, spent, true), upstreamMicros };
      }
      return {
        kind: "complete",
        result: { items: outcome.items, errors },
        costMicros: chargedMicros,
        upstreamMicros,
        spent,
      };
    }
    case "pending":
      return {
        kind: "pend",
        state: outcome.state,
        delayMs: Math.max(MIN_POLL_MS, outcome.pollAfterMs),
        percent: outcome.progress ?? null,
        message: outcome.message ?? null,
        spent,
      };
    case "failed":
      return afterFailure(decision, outcome.failure);
  }
}

/** The wait before attempt `attempt + 1`, in ms. */
export function backoffMs(attempt: number, policy: RetryPolicy, random: number): number {
  const exact = Math.min(policy.capMs, policy.baseMs * 2 ** Math.max(0, attempt - 1));
  return Math.round(exact * (1 + policy.jitter * (2 * random - 1)));
}

/**
 * How long to wait for a provider that limits the rate and does not say for how long: half of the time the task has
 * been at it already when this step began, so that the waits grow although no attempt is used; at most a minute.
 */
function unaskedWaitMs(elapsedMs: number): number {
  return Math.min(MAX_UNASKED_WAIT_MS, Math.max(0, Math.round(elapsedMs / 2)));
}

/**
 * Whether a failed job may be submitted elsewhere: its account or its provider failed, not what was asked for. Never one
 * that may have been started and could be billed twice, and never one that content rules refused.
 */
export function mayGoElsewhere(
  task: Pick<Task, "state">,
  failure: Failure,
  resubmitSafe: boolean,
): "account" | "provider" | null {
  if (task.state !== null) return null;
  switch (failure.kind) {
    case "rate_limited":
      return failure.jobFailed === true ? null : "account";
    case "permanent":
      return failure.code === "provider_auth" || failure.code === "provider_quota" ? "account" : null;
    case "transient":
      return failure.mayHaveStarted === true && !resubmitSafe ? null : "provider";
    case "content_policy":
      return null;
  }
}

function afterFailure(decision: Decision, failure: Failure): StepTransition {
  const { task, spent, policy, random } = decision;
  if (decision.instead) {
    const code = failure.kind === "rate_limited" ? "rate_limit_exceeded" : codeOf(failure);
    const error: TaskError = { code, message: cutMessage(failure.message) };
    const kind = decision.instead === "account" ? "snooze" : "next_candidate";
    return { kind, delayMs: 0, error, spent };
  }
  switch (failure.kind) {
    case "permanent":
      return fail({ code: failure.code, message: failure.message }, spent, failure.jobOver === true);
    case "content_policy":
      return fail(
        { code: "content_policy_violation", message: failure.message },
        spent,
        failure.jobOver === true,
      );
    case "rate_limited": {
      const error: TaskError = { code: "rate_limit_exceeded", message: cutMessage(failure.message) };
      const asked =
        failure.retryAfterMs ?? unaskedWaitMs(task.updatedAt - (task.startedAt ?? task.updatedAt));
      const delayMs = Math.max(asked, backoffMs(task.attempt, policy, random));
      const ofPoll = task.state !== null && failure.jobFailed !== true;
      return { kind: ofPoll ? "poll_failed" : "snooze", delayMs, error, spent };
    }
    case "transient": {
      if (failure.mayHaveStarted === true && task.state === null && !decision.resubmitSafe) {
        return fail(
          {
            code: "indeterminate",
            message: `The provider may have started the job, and starting it again could bill it twice: ${failure.message}`,
          },
          spent,
          false,
        );
      }
      const error: TaskError = { code: failure.code, message: cutMessage(failure.message) };
      if (task.state !== null && failure.jobFailed !== true) {
        const delayMs = backoffMs(task.pollFailures + 1, POLL_AGAIN, random);
        return { kind: "poll_failed", delayMs, error, spent };
      }
      const away = decision.providerAway === true && task.state === null;
      return {
        kind: away ? "snooze" : "retry",
        delayMs: backoffMs(task.attempt, policy, random),
        error,
        spent,
      };
    }
  }
}

function codeOf(failure: Exclude<Failure, { kind: "rate_limited" }>): TaskErrorCode {
  return failure.kind === "content_policy" ? "content_policy_violation" : failure.code;
}

function fail(
  error: TaskError,
  spent: SpentTime,
  jobOver: boolean,
): Extract<StepTransition, { kind: "fail" }> {
  return { kind: "fail", error: { code: error.code, message: cutMessage(error.message) }, jobOver, spent };
}
