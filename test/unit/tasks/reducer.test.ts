/** The reducer: every transition against every state, and what it says about lists, fences, money and cleanup. */

import { describe, expect, test } from "vitest";
import { isTerminal, TASK_STATUSES } from "../../../src/protocol/task.ts";
import { reduce } from "../../../src/tasks/reducer.ts";
import type { Task } from "../../../src/tasks/task.ts";
import {
  LAST_TAKEOVERS,
  MAX_POLL_FAILURES,
  NOTHING_SPENT,
  queueStateOf,
  type Reduction,
  type Transition,
  wakeAt,
} from "../../../src/tasks/transition.ts";
import { queuedTask } from "../../fixture/task.ts";

const NOW = 1_000_000;
const ERROR = { code: "provider_error", message: "The provider broke" } as const;
const WORK = { providerMs: 20, storeMs: 3 };

const queued = queuedTask;
const held = (changes: Partial<Task> = {}) =>
  queuedTask({
    status: "running",
    attempt: 1,
    fence: 1,
    seq: 2,
    startedAt: 10,
    leaseUntil: NOW + 5,
    ...changes,
  });

/** What may still be said of a task that has ended. */
type AfterTheEnd = "settle" | "late_job";
type BeforeTheEnd = Exclude<Transition["kind"], AfterTheEnd>;

const TRANSITIONS: Record<BeforeTheEnd, Transition> = {
  claim: { kind: "claim", leaseMs: 9_000 },
  progress: { kind: "progress", percent: 50, message: "half" },
  save: { kind: "save", state: { job: 1 }, spent: WORK },
  pend: { kind: "pend", state: { job: 1 }, delayMs: 2_000, percent: 10, message: null, spent: WORK },
  retry: { kind: "retry", delayMs: 1_000, error: ERROR, spent: WORK },
  defer: { kind: "defer", delayMs: 1_000, spent: WORK },
  poll_failed: { kind: "poll_failed", delayMs: 1_000, error: ERROR, spent: WORK },
  begin_suspect: { kind: "begin_suspect" },
  snooze: { kind: "snooze", delayMs: 1_000, error: ERROR, spent: WORK },
  next_candidate: { kind: "next_candidate", delayMs: 1_000, error: ERROR, spent: WORK },
  release: { kind: "release", submitUnknown: false, spent: WORK },
  complete: { kind: "complete", result: { items: [], errors: [] }, costMicros: 30, spent: WORK },
  fail: { kind: "fail", error: ERROR, jobOver: true, spent: WORK },
  cancel: { kind: "cancel" },
  expire: { kind: "expire" },
  orphan: { kind: "orphan" },
  hint: { kind: "hint" },
};
const KINDS = Object.keys(TRANSITIONS) as BeforeTheEnd[];
/** A task that each transition is allowed for. */
const fitting = (kind: BeforeTheEnd, changes: Partial<Task> = {}): Task => {
  if (kind === "claim") return queued(changes);
  return kind === "hint" ? polled(changes) : held(changes);
};
/** Waits for its next poll. */
const polled = (changes: Partial<Task> = {}) =>
  held({
    leaseUntil: null,
    state: { job: 1 },
    jobFence: 1,
    updatedAt: NOW - 5_000,
    dueAt: NOW + 9_000,
    ...changes,
  });
const ROUTE = [
  { provider: "first", model: "one" },
  { provider: "second", model: "two" },
];

function apply(task: Task, transition: Transition): Reduction {
  const reduction = reduce(task, transition, NOW);
  if (reduction === null) throw new Error(`${transition.kind} was refused`);
  return reduction;
}

describe("an end is an end", () => {
  for (const status of TASK_STATUSES.filter(isTerminal))
    test.each(KINDS)(`a ${status} task takes no %s`, (kind) => {
      expect(reduce(held({ status, finishedAt: 50 }), TRANSITIONS[kind], NOW)).toBeNull();
    });
});

describe("every transition", () => {
  test.each(KINDS)("%s changes neither the task it was given nor what a task is", (kind) => {
    const before = Object.freeze(fitting(kind, kind === "claim" ? {} : { progress: 5 }));
    const { task, event } = apply(before, TRANSITIONS[kind]);
    for (const field of ["id", "tenant", "request", "createdAt", "reservedMicros", "epoch"] as const)
      expect(task[field]).toBe(before[field]);
    expect(task.seq).toBe(before.seq + (event === null ? 0 : 1));
    expect(task.progress).toBeGreaterThanOrEqual(before.progress);
  });

  test.each(KINDS)("%s agrees with itself about where the task stands", (kind) => {
    const { task } = apply(fitting(kind), TRANSITIONS[kind]);
    const state = queueStateOf(task);
    expect(task.leaseUntil !== null).toBe(state === "held");
    expect(task.dueAt !== null).toBe(state === "delayed");
    expect(isTerminal(task.status)).toBe(state === "ended");
    expect(wakeAt(task) === null).toBe(state === "ended");
  });
});

describe("claim", () => {
  test("begins an attempt of a waiting task, and its deadline with the first", () => {
    const { task, event } = apply(queued({ timeoutMs: 600, message: "old" }), TRANSITIONS.claim);
    expect(event).toBe("started");
    expect(task).toMatchObject({
      attempt: 1,
      fence: 1,
      startedAt: NOW,
      deadlineAt: NOW + 600,
      message: null,
    });
    const again = apply(queued({ startedAt: 10, attempt: 1, deadlineAt: 77 }), TRANSITIONS.claim);
    expect(again.task).toMatchObject({ attempt: 2, startedAt: 10, deadlineAt: 77 });
  });

  test("continues a running task silently, under a new fence", () => {
    const { task, event } = apply(held({ leaseUntil: null, fence: 4 }), TRANSITIONS.claim);
    expect(event).toBeNull();
    expect(task).toMatchObject({ attempt: 1, fence: 5, leaseUntil: NOW + 9_000 });
  });

  test("is refused while somebody holds the task", () => {
    expect(reduce(held(), TRANSITIONS.claim, NOW)).toBeNull();
  });
});

describe("hint", () => {
  test("makes a poll that waits due now, silently and under a new fence", () => {
    const { task, event } = apply(polled({ fence: 3 }), TRANSITIONS.hint);
    expect(event).toBeNull();
    expect(task).toMatchObject({ status: "running", dueAt: NOW, fence: 4, updatedAt: NOW, jobFence: 1 });
  });

  test("keeps a distance from the last poll, and is not put off by further hints", () => {
    const first = apply(polled({ updatedAt: NOW - 200 }), TRANSITIONS.hint);
    expect(first.task.dueAt).toBe(NOW + 800);
    for (const later of [NOW + 100, NOW + 700, NOW + 800])
      expect(reduce(first.task, TRANSITIONS.hint, later)).toBeNull();
  });

  test.each([
    ["queued for its next attempt", queued({ dueAt: NOW + 9_000, attempt: 1 })],
    ["held", held({ state: { job: 1 } })],
    ["without a job", polled({ state: null })],
    ["due already", polled({ dueAt: NOW })],
    ["ready", polled({ dueAt: null })],
  ])("changes nothing of a task that is %s", (_, task) => {
    expect(reduce(task, TRANSITIONS.hint, NOW)).toBeNull();
  });
});

describe("progress", () => {
  test.each([
    [Number.NaN, 30],
    [Number.POSITIVE_INFINITY, 30],
    [-5, 30],
    [29.9, 30],
    [31.9, 31],
    [1_000, 100],
  ])("%d %% of a task at 30 is %d %%", (percent, expected) => {
    expect(apply(held({ progress: 30 }), { kind: "progress", percent, message: "m" }).task.progress).toBe(
      expected,
    );
  });

  test("that says nothing new is no event", () => {
    const task = held({ progress: 50, message: "half" });
    expect(apply(task, TRANSITIONS.progress)).toEqual({
      task,
      changes: {},
      event: null,
      work: [],
      settlement: null,
    });
  });
});

describe("steps that give the lease back", () => {
  test("pend keeps the attempt, stores the reference and has no unknown submit any more", () => {
    const { task, event } = apply(held({ submitUnknown: true, message: "m" }), TRANSITIONS.pend);
    expect(task).toMatchObject({
      status: "running",
      state: { job: 1 },
      submitUnknown: false,
      attempt: 1,
      progress: 10,
      message: "m",
    });
    expect(event).toBe("progress");
    expect(apply(held({ progress: 10 }), TRANSITIONS.pend).event).toBeNull();
  });

  test("retry uses the attempt, snooze gives it back, both keep the reference", () => {
    const state = { job: 2 };
    expect(apply(held({ state, attempt: 2 }), TRANSITIONS.retry).task).toMatchObject({
      status: "queued",
      attempt: 2,
      state,
    });
    expect(apply(held({ state, attempt: 2 }), TRANSITIONS.snooze).task).toMatchObject({
      status: "queued",
      attempt: 1,
      state,
    });
    expect(apply(held({ attempt: 0 }), TRANSITIONS.snooze).task.attempt).toBe(0);
  });

  test("release leaves a submit unknown only when a submit had begun and no reference is known", () => {
    const unknown = { ...TRANSITIONS.release, submitUnknown: true } as Transition;
    expect(apply(held(), TRANSITIONS.release).task.submitUnknown).toBe(false);
    expect(apply(held(), unknown).task.submitUnknown).toBe(true);
    expect(apply(held({ state: 1 }), unknown).task.submitUnknown).toBe(false);
    expect(apply(held({ submitUnknown: true }), TRANSITIONS.release).task.submitUnknown).toBe(true);
  });

  test("an orphan without a reference has an unknown submit; without a lease there is no orphan", () => {
    const { task } = apply(held(), TRANSITIONS.orphan);
    expect(task).toMatchObject({ submitUnknown: true, fence: 1, takeovers: 1 });
    expect(queueStateOf(task)).toBe("ready");
    expect(apply(held({ state: 1 }), TRANSITIONS.orphan).task.submitUnknown).toBe(false);
    expect(reduce(held({ leaseUntil: null }), TRANSITIONS.orphan, NOW)).toBeNull();
  });

  test("work is added up", () => {
    expect(apply(held({ providerMs: 5, storeMs: 5 }), TRANSITIONS.save).task).toMatchObject({
      providerMs: 25,
      storeMs: 8,
    });
  });
});

describe("ends", () => {
  test("complete charges within the reservation", () => {
    expect(apply(held({ reservedMicros: 100 }), TRANSITIONS.complete).task).toMatchObject({
      costMicros: 30,
      settled: true,
      progress: 100,
    });
    expect(apply(held({ reservedMicros: 20 }), TRANSITIONS.complete).task.costMicros).toBe(20);
  });

  test("fail leaves a cleanup for a stored reference, unless the provider said that the job is over", () => {
    const fails = { kind: "fail", error: ERROR, jobOver: false, spent: NOTHING_SPENT } as const;
    expect(apply(held(), fails)).toMatchObject({
      work: [],
      task: { settled: true, costMicros: 0, fence: 1 },
    });
    expect(apply(held({ state: "job" }), TRANSITIONS.fail)).toMatchObject({
      work: [],
      task: { settled: true },
    });
    expect(apply(held({ state: "job", fence: 4 }), fails)).toMatchObject({
      work: [{ kind: "cleanup", destination: "local", payload: { state: "job", reported: false } }],
      task: { settled: false, openCleanups: 1 },
    });
  });

  test("an end gives the reservation back and charges what was used of it, once it is settled", () => {
    const reserved = held({ reservedMicros: 100 });
    expect(apply(reserved, TRANSITIONS.complete).settlement).toEqual({
      releasedMicros: 100,
      chargedMicros: 30,
      upstreamMicros: 30,
      overrunMicros: 0,
      billedBefore: null,
    });
    expect(apply(reserved, TRANSITIONS.fail).settlement).toMatchObject({ chargedMicros: 0 });
    expect(apply(reserved, TRANSITIONS.cancel).settlement).toBeNull();
    expect(apply(held(), TRANSITIONS.fail).settlement).toBeNull();
  });

  test.each(["cancel", "expire"] as const)(
    "%s raises the fence, so that the holder's next write is refused",
    (kind) => {
      expect(apply(held({ fence: 7 }), TRANSITIONS[kind]).task.fence).toBe(8);
    },
  );

  test.each(["cancel", "expire"] as const)(
    "%s leaves a cleanup item exactly when a job may be left behind",
    (kind) => {
      const cases: [Task, boolean][] = [
        [queued(), false],
        [held({ leaseUntil: null }), false],
        [held(), true],
        [held({ leaseUntil: null, state: { job: 1 } }), true],
        [held({ leaseUntil: null, submitUnknown: true }), true],
        [queued({ dueAt: 5, state: { job: 1 } }), true],
      ];
      for (const [task, leavesJob] of cases) {
        const { task: ended, work } = apply(task, TRANSITIONS[kind]);
        expect(work.map((item) => item.kind)).toEqual(leavesJob ? ["cleanup"] : []);
        expect(ended).toMatchObject({ settled: !leavesJob, openCleanups: leavesJob ? 1 : 0 });
      }
    },
  );

  test("the message of a deadline says which limit it was", () => {
    expect(apply(queued(), TRANSITIONS.expire).task.error?.message).toContain("queue.maxWaitSeconds");
    expect(apply(held({ timeoutMs: 90_000 }), TRANSITIONS.expire).task.error?.message).toContain("90 s");
  });
});

describe("retries", () => {
  test.each([
    ["the last attempt", { attempt: 3 }],
    ["a wait that would reach past the deadline", { deadlineAt: NOW + 1_000 }],
  ])("end the task with their own error after %s, and leave the job to a cleanup", (_, changes) => {
    const state = { job: 2 };
    const { task, work } = apply(held({ ...changes, state }), TRANSITIONS.retry);
    expect(task).toMatchObject({ status: "failed", error: ERROR, settled: false });
    expect(work).toMatchObject([{ payload: { state } }]);
  });

  test("a rate limit uses no attempt, so it ends a task by its deadline alone", () => {
    expect(apply(held({ attempt: 9 }), TRANSITIONS.snooze).task.status).toBe("queued");
    const late = held({ attempt: 2, deadlineAt: NOW + 1_000 });
    expect(apply(late, TRANSITIONS.snooze).task.status).toBe("failed");
  });

  test("a rate limit at the first attempt lets the task wait on as if it had not begun", () => {
    const waitDeadlineAt = NOW + 50_000;
    const first = held({ attempt: 1, deadlineAt: NOW + 500, waitDeadlineAt });
    expect(apply(first, TRANSITIONS.snooze).task).toMatchObject({
      status: "queued",
      attempt: 0,
      startedAt: null,
      deadlineAt: waitDeadlineAt,
    });
    const late = held({ attempt: 1, waitDeadlineAt: NOW + 1_000 });
    expect(apply(late, TRANSITIONS.snooze).task.status).toBe("failed");
    // It may have a job, or is of a release that did not keep how long it may wait.
    for (const begun of [{ state: "job" }, { submitUnknown: true }, { waitDeadlineAt: null }])
      expect(apply(held({ attempt: 1, ...begun }), TRANSITIONS.snooze).task.startedAt).not.toBeNull();
  });
});

describe("the next candidate", () => {
  test("is tried with nothing of the one before, whose job is left to a cleanup of its own", () => {
    const before = held({
      route: ROUTE,
      state: { job: 1 },
      credential: "eu",
      attemptStartedAt: 10,
      fence: 3,
    });
    const { task, event, work } = apply(before, TRANSITIONS.next_candidate);
    expect(event).toBe("retrying");
    expect(task).toMatchObject({
      status: "queued",
      candidate: 1,
      state: null,
      credential: null,
      openCleanups: 1,
    });
    expect(task.attempts).toEqual([
      {
        attempt: 1,
        provider: "first",
        model: "one",
        credential: "eu",
        startedAt: 10,
        ms: NOW - 10,
        outcome: "failed",
        errorCode: "provider_error",
      },
    ]);
    expect(work).toMatchObject([
      {
        destination: "first",
        payload: { provider: "first", model: "one", credential: "eu", state: { job: 1 } },
      },
    ]);
  });

  test("leaves nothing where no job was started, and there is none after the last", () => {
    expect(apply(held({ route: ROUTE }), TRANSITIONS.next_candidate).work).toEqual([]);
    expect(apply(held({ route: ROUTE, candidate: 1 }), TRANSITIONS.next_candidate).task).toMatchObject({
      status: "failed",
      error: ERROR,
      candidate: 1,
    });
  });
});

describe("the bill of a job that was left behind", () => {
  const bill = (billedMicros: number | null): Transition => ({
    kind: "settle",
    billedMicros,
    cancellation: "immediate",
  });
  const ended = (changes: Partial<Task>) =>
    held({
      status: "cancelled",
      finishedAt: 50,
      leaseUntil: null,
      reservedMicros: 100,
      openCleanups: 1,
      ...changes,
    });

  test("settles a cancelled task within its reservation, free where none came", () => {
    expect(apply(ended({}), bill(70))).toMatchObject({
      task: { settled: true, costMicros: 70, cancellation: "immediate", openCleanups: 0, upstreamMicros: 70 },
      settlement: { releasedMicros: 100, chargedMicros: 70, upstreamMicros: 70 },
    });
    expect(apply(ended({}), bill(900)).settlement).toMatchObject({ chargedMicros: 100, upstreamMicros: 900 });
    expect(apply(ended({}), bill(null)).task).toMatchObject({ settled: true, costMicros: 0 });
  });

  test("of several is summed, and settles with the last", () => {
    const first = apply(ended({ openCleanups: 2 }), bill(30));
    expect(first).toMatchObject({ task: { settled: false, upstreamMicros: 30 }, settlement: null });
    expect(apply(first.task, bill(40)).settlement).toMatchObject({ chargedMicros: 70 });
  });

  test("never charges a failed task, and changes no charge of one that is settled", () => {
    expect(apply(ended({ status: "failed" }), bill(70)).settlement).toMatchObject({ chargedMicros: 0 });
    const settled = ended({ settled: true, costMicros: 5 });
    expect(apply(settled, bill(70))).toMatchObject({
      task: { costMicros: 5, settled: true },
      settlement: { chargedMicros: 0, releasedMicros: 0, upstreamMicros: 70, billedBefore: 0 },
    });
  });
});

describe("a late report", () => {
  const late = (fence: number, state: Task["state"]): Transition => ({
    kind: "late_job",
    report: {
      taskId: "t",
      fence,
      job: { provider: "first", model: "one", credential: null, attempt: 1, fence },
      state,
      costMicros: null,
    },
  });

  test("of a job that the task does not go on with leaves a cleanup", () => {
    const task = held({ fence: 5, jobFence: 4, state: "mine" });
    expect(apply(task, late(2, "stale"))).toMatchObject({
      work: [{ destination: "first", payload: { state: "stale", reported: true } }],
      task: { openCleanups: 1, state: "mine" },
    });
  });

  test("of a bill that nobody else was told leaves a cleanup that records it, once", () => {
    const billed = late(2, null);
    if (billed.kind === "late_job") billed.report.costMicros = 70;
    const over = (changes: Partial<Task> = {}) =>
      held({
        status: "failed",
        leaseUntil: null,
        settled: true,
        fence: 5,
        jobFence: 2,
        state: "mine",
        ...changes,
      });
    expect(apply(over(), billed)).toMatchObject({
      work: [{ payload: { state: null, reported: true, costMicros: 70 } }],
      task: { openCleanups: 1 },
    });
    expect(reduce(over({ upstreamMicros: 70 }), billed, NOW)).toBeNull();
    expect(reduce(held({ fence: 5, jobFence: 2, state: "mine" }), billed, NOW)).toBeNull();
  });

  test("of the task's own job, of the present holder, or without a reference does nothing", () => {
    const task = held({ fence: 5, jobFence: 4, state: "mine" });
    for (const transition of [late(4, "mine"), late(5, "x"), late(2, null)])
      expect(reduce(task, transition, NOW)).toBeNull();
  });
});

describe("a failed poll", () => {
  test("keeps the task running under its attempt, and counts in a row", () => {
    const before = held({ state: { job: 1 }, attempt: 2, pollFailures: 3, progress: 40 });
    const { task, event } = apply(before, TRANSITIONS.poll_failed);
    expect(event).toBe("progress");
    expect(task).toMatchObject({
      status: "running",
      attempt: 2,
      state: { job: 1 },
      pollFailures: 4,
      progress: 40,
      leaseUntil: null,
      dueAt: NOW + 1_000,
      message: ERROR.message,
    });
    expect(apply(task, TRANSITIONS.pend).task.pollFailures).toBe(0);
  });

  test.each([
    ["too many in a row", { pollFailures: MAX_POLL_FAILURES }],
    ["a wait that would reach past the deadline", { deadlineAt: NOW + 1_000 }],
  ])("ends the task after %s, and leaves its job to a cleanup", (_, changes) => {
    const { task, work } = apply(held({ ...changes, state: { job: 1 } }), TRANSITIONS.poll_failed);
    expect(task).toMatchObject({ status: "failed", error: ERROR });
    expect(work).toMatchObject([{ kind: "cleanup", payload: { state: { job: 1 } } }]);
  });
});

describe("a takeover", () => {
  test("is not forgotten because a worker put the task off", () => {
    const { task, event } = apply(held({ takeovers: 2 }), TRANSITIONS.defer);
    expect(event).toBeNull();
    expect(task).toMatchObject({ status: "running", takeovers: 2, leaseUntil: null, dueAt: NOW + 1_000 });
  });

  test("counts until the task gets on, whatever brings it on", () => {
    const twice = held({ takeovers: LAST_TAKEOVERS });
    for (const kind of ["progress", "save", "pend", "retry"] as const)
      expect(apply(twice, TRANSITIONS[kind]).task.takeovers).toBe(0);
  });

  test("of a suspect that nobody worked on since the second does not count", () => {
    for (const takeovers of [0, 1, 2])
      expect(apply(held({ takeovers }), TRANSITIONS.orphan).task).toMatchObject({
        status: "running",
        takeovers: Math.min(2, takeovers + 1),
      });
  });

  test("of a suspect that was worked on ends the task, which is what its workers died of", () => {
    const suspect = apply(held({ takeovers: 2, fence: 7 }), TRANSITIONS.begin_suspect);
    expect(suspect.event).toBeNull();
    const { task, event, work } = apply(suspect.task, TRANSITIONS.orphan);
    expect(event).toBe("failed");
    expect(task).toMatchObject({ status: "failed", error: { code: "provider_error" }, fence: 8 });
    expect(work).toMatchObject([{ kind: "cleanup" }]);
  });
});
