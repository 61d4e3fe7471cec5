import { describe, expect, test } from "vitest";
import { billTask } from "../../../src/accounts/prices/held-price.ts";
import type { Failure, StepOutcome } from "../../../src/tasks/ports/media-provider.ts";
import { reduce } from "../../../src/tasks/reducer.ts";
import { backoffMs, DEFAULT_RETRY_POLICY, type Decision, decide } from "../../../src/tasks/retry-policy.ts";
import type { MediaItem, Task } from "../../../src/tasks/task.ts";
import { NOTHING_SPENT } from "../../../src/tasks/transition.ts";
import { runningTask } from "../../fixture/task.ts";

const STARTED_AT = runningTask().startedAt ?? 0;

function decision(outcome: StepOutcome, task: Partial<Task> = {}, more: Partial<Decision> = {}): Decision {
  return {
    task: runningTask(task),
    outcome,
    resubmitSafe: true,
    random: 0.5,
    policy: DEFAULT_RETRY_POLICY,
    spent: NOTHING_SPENT,
    bill: billTask,
    ...more,
  };
}

function failed(failure: Failure): StepOutcome {
  return { kind: "failed", failure };
}

const transient = failed({ kind: "transient", code: "provider_unavailable", message: "down" });
const item = (index: number): MediaItem => ({
  index,
  media: { path: `2026/11/21/t/${index}.png`, contentType: "image/png", bytes: 1 },
});

describe("the wait between attempts", () => {
  test("doubles with every attempt and stays within the cap", () => {
    const waits = [1, 2, 3, 4, 20].map((attempt) => backoffMs(attempt, DEFAULT_RETRY_POLICY, 0.5));
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 300_000]);
  });

  test("is moved by at most a fifth in both directions", () => {
    expect(backoffMs(1, DEFAULT_RETRY_POLICY, 0)).toBe(800);
    expect(backoffMs(1, DEFAULT_RETRY_POLICY, 1)).toBe(1_200);
  });
});

describe("a transient failure", () => {
  test("asks for another attempt, after a wait that grows with the attempts", () => {
    const error = { code: "provider_unavailable", message: "down" };
    expect(decide(decision(transient))).toMatchObject({ kind: "retry", delayMs: 1_000, error });
    expect(decide(decision(transient, { attempt: 3 }))).toMatchObject({
      kind: "retry",
      delayMs: 4_000,
      error,
    });
  });

  test("that may have started a job is indeterminate where a second submit could be paid twice", () => {
    const outcome = failed({
      kind: "transient",
      code: "timeout",
      message: "no answer",
      mayHaveStarted: true,
    });
    expect(decide(decision(outcome, {}, { resubmitSafe: false }))).toMatchObject({
      kind: "fail",
      error: { code: "indeterminate" },
    });
    expect(decide(decision(outcome))).toMatchObject({ kind: "retry" });
    expect(decide(decision(outcome, { state: { job: "j1" } }, { resubmitSafe: false }))).toMatchObject({
      kind: "poll_failed",
    });
  });
});

describe("a failed poll", () => {
  const state = { job: "j1" };

  test("is a failure of the call: the job is asked for again, after waits that grow to a minute", () => {
    const waits = [0, 1, 4, 19].map((pollFailures) => decide(decision(transient, { state, pollFailures })));
    expect(waits).toMatchObject([
      { kind: "poll_failed", delayMs: 2_000 },
      { kind: "poll_failed", delayMs: 4_000 },
      { kind: "poll_failed", delayMs: 32_000 },
      { kind: "poll_failed", delayMs: 60_000 },
    ]);
  });

  test("that says that the job itself failed uses an attempt", () => {
    const failure = {
      kind: "transient",
      code: "provider_error",
      message: "it broke",
      jobFailed: true,
    } as const;
    expect(decide(decision(failed(failure), { state }))).toMatchObject({ kind: "retry" });
  });

  test("that is refused for its rate waits as long as the provider asks, and goes on running", () => {
    const outcome = failed({ kind: "rate_limited", message: "slow down", retryAfterMs: 7_000 });
    expect(decide(decision(outcome, { state }))).toMatchObject({ kind: "poll_failed", delayMs: 7_000 });
  });

  test("that ends the task leaves the job to a cleanup, unless the provider says that it is over", () => {
    const broken = failed({ kind: "permanent", code: "provider_error", message: "?" });
    const over = failed({ kind: "permanent", code: "provider_error", message: "?", jobOver: true });
    expect(decide(decision(broken, { state }))).toMatchObject({ kind: "fail", jobOver: false });
    expect(decide(decision(over, { state }))).toMatchObject({ kind: "fail", jobOver: true });
  });
});

describe("a rate limit", () => {
  test("waits as long as the provider asks, without using an attempt", () => {
    const outcome = failed({ kind: "rate_limited", message: "slow down", retryAfterMs: 7_000 });
    expect(decide(decision(outcome, { attempt: 3 }))).toMatchObject({ kind: "snooze", delayMs: 7_000 });
  });

  test("of unknown length is waited for longer and longer, up to a minute", () => {
    const outcome = failed({ kind: "rate_limited", message: "slow down" });
    const waits = [0, 1_000, 10_000, 100_000, 250_000].map((elapsedMs) => {
      const transition = decide(decision(outcome, { attempt: 1, updatedAt: STARTED_AT + elapsedMs }));
      return transition.kind === "snooze" ? transition.delayMs : transition.kind;
    });
    expect(waits).toEqual([1_000, 1_000, 5_000, 50_000, 60_000]);
  });
});

describe("a final failure", () => {
  test("keeps its code, and a refused prompt is a content policy violation", () => {
    const permanent = failed({ kind: "permanent", code: "provider_auth", message: "bad key" });
    expect(decide(decision(permanent))).toMatchObject({ kind: "fail", error: { code: "provider_auth" } });
    const policy = failed({ kind: "content_policy", message: "no" });
    expect(decide(decision(policy))).toMatchObject({
      kind: "fail",
      error: { code: "content_policy_violation" },
    });
  });

  test("cuts a message that would not fit into an event", () => {
    const transition = decide(decision(failed({ kind: "content_policy", message: "x".repeat(50_000) })));
    expect(transition.kind === "fail" && transition.error.message.length).toBe(1_000);
  });
});

describe("a finished job", () => {
  test("is charged by the items that came when the provider names no price", () => {
    const task = { reservedMicros: 80_000, request: { prompt: "p", n: 4 } };
    expect(decide(decision({ kind: "done", items: [item(0), item(1)] }, task))).toMatchObject({
      kind: "complete",
      costMicros: 40_000,
    });
  });

  test("says what its provider billed, also beyond the reservation, which bounds the charge", () => {
    const task = { reservedMicros: 80_000 };
    const billed = decide(decision({ kind: "done", items: [item(0)], costMicros: 90_000 }, task));
    expect(billed).toMatchObject({ costMicros: 80_000, upstreamMicros: 90_000 });
    expect(reduce(runningTask(task), billed, STARTED_AT)?.settlement).toEqual({
      releasedMicros: 80_000,
      chargedMicros: 80_000,
      upstreamMicros: 90_000,
      overrunMicros: 10_000,
      billedBefore: null,
    });
  });

  test("that is billed although nothing came is charged to nobody, and its bill recorded", () => {
    const task = { reservedMicros: 80_000 };
    const nothing = decide(decision({ kind: "done", items: [], costMicros: 7_000 }, task));
    expect(reduce(runningTask(task), nothing, STARTED_AT)).toMatchObject({
      task: { status: "failed", costMicros: 0, upstreamMicros: 7_000 },
      settlement: { chargedMicros: 0, upstreamMicros: 7_000 },
    });
  });

  test("without a single item is a failure with the first item's reason", () => {
    const errors = [{ index: 0, code: "content_policy_violation" as const, message: "no" }];
    expect(decide(decision({ kind: "done", items: [], errors }))).toMatchObject({
      kind: "fail",
      error: { code: "content_policy_violation" },
    });
  });
});

test("a pending job is never polled in a tight loop", () => {
  expect(decide(decision({ kind: "pending", state: { job: 1 }, pollAfterMs: 0 }))).toMatchObject({
    kind: "pend",
    delayMs: 10,
  });
});
