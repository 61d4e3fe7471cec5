/** The reducer: every transition against every state, and what it says about lists, fences and cleanup. */

import { describe, expect, test } from "vitest";
import { isTerminal, TASK_STATUSES } from "../../../src/protocol/task.ts";
import type { Task } from "../../../src/tasks/task.ts";
import { NO_WORK, type Reduction, reduce, type Transition } from "../../../src/tasks/transition.ts";
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

const TRANSITIONS: Record<Transition["kind"], Transition> = {
  claim: { kind: "claim", leaseUntil: NOW + 9_000 },
  progress: { kind: "progress", percent: 50, message: "half" },
  save: { kind: "save", state: { job: 1 }, work: WORK },
  pend: { kind: "pend", state: { job: 1 }, dueAt: NOW + 2_000, percent: 10, message: null, work: WORK },
  retry: { kind: "retry", dueAt: NOW + 1_000, error: ERROR, work: WORK },
  snooze: { kind: "snooze", dueAt: NOW + 1_000, error: ERROR, work: WORK },
  release: { kind: "release", submitUnknown: false, work: WORK },
  complete: { kind: "complete", result: { items: [], errors: [] }, costMicros: 30, work: WORK },
  fail: { kind: "fail", error: ERROR, jobOver: true, work: WORK },
  cancel: { kind: "cancel" },
  expire: { kind: "expire" },
  orphan: { kind: "orphan" },
};
const KINDS = Object.keys(TRANSITIONS) as Transition["kind"][];

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
    const before = Object.freeze(kind === "claim" ? queued() : held({ progress: 5 }));
    const { task, event } = apply(before, TRANSITIONS[kind]);
    for (const field of ["id", "tenant", "request", "createdAt", "reservedMicros", "epoch"] as const)
      expect(task[field]).toBe(before[field]);
    expect(task.seq).toBe(before.seq + (event === null ? 0 : 1));
    expect(task.progress).toBeGreaterThanOrEqual(before.progress);
  });

  test.each(KINDS)("%s agrees with itself about where the task stands", (kind) => {
    const { task, whereabouts } = apply(kind === "claim" ? queued() : held(), TRANSITIONS[kind]);
    expect(task.leaseUntil !== null).toBe(whereabouts === "held");
    expect(task.dueAt !== null).toBe(whereabouts === "delayed");
    expect(isTerminal(task.status)).toBe(whereabouts === "terminal");
    expect(task.finishedAt !== null).toBe(whereabouts === "terminal");
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
      event: null,
      whereabouts: "held",
      cleanup: false,
    });
  });
});

describe("steps that give the lease back", () => {
  test("pend keeps the attempt, stores the reference and is no longer unsure", () => {
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

  test("release is unsure only when a submit had begun and no reference is known", () => {
    const unsure = { ...TRANSITIONS.release, submitUnknown: true } as Transition;
    expect(apply(held(), TRANSITIONS.release).task.submitUnknown).toBe(false);
    expect(apply(held(), unsure).task.submitUnknown).toBe(true);
    expect(apply(held({ state: 1 }), unsure).task.submitUnknown).toBe(false);
    expect(apply(held({ submitUnknown: true }), TRANSITIONS.release).task.submitUnknown).toBe(true);
  });

  test("an orphan without a reference is unsure; without a lease there is no orphan", () => {
    expect(apply(held(), TRANSITIONS.orphan)).toMatchObject({
      whereabouts: "ready",
      task: { submitUnknown: true, fence: 1 },
    });
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

  test("fail is settled unless it abandons a job", () => {
    expect(apply(held(), TRANSITIONS.fail)).toMatchObject({
      cleanup: false,
      task: { settled: true, costMicros: 0, fence: 1 },
    });
    const abandons = { kind: "fail", error: ERROR, jobOver: false, work: NO_WORK } as const;
    expect(apply(held(), abandons)).toMatchObject({ cleanup: true, task: { settled: false } });
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
      for (const [task, cleanup] of cases)
        expect(apply(task, TRANSITIONS[kind])).toMatchObject({ cleanup, task: { settled: !cleanup } });
    },
  );

  test("the message of a deadline says which limit it was", () => {
    expect(apply(queued(), TRANSITIONS.expire).task.error?.message).toContain("queue.maxWaitSeconds");
    expect(apply(held({ timeoutMs: 90_000 }), TRANSITIONS.expire).task.error?.message).toContain("90 s");
  });
});
