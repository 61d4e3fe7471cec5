import { describe, expect, test } from "vitest";
import {
  afterClaim,
  afterDelivery,
  afterLookUp,
  afterStep,
  alarmFor,
  DELIVERY,
  type DriverRules,
  LOOP,
  lookAgainAt,
  nextRunner,
  onRing,
  RUNNER,
  ringRetryAt,
  ringsOtherLane,
  SWEEP_PAUSE_MS,
  sweepRings,
  timerDelay,
  wakeAfterSession,
} from "../../../../src/tasks/engine/scheduling.ts";

const NOW = 1_764_000_000_000;
/** What a store answers when something can be claimed now. */
const READY = 0;
const DRIVERS: [string, DriverRules][] = [
  ["a process", LOOP],
  ["a step runner", RUNNER],
  ["a delivery", DELIVERY],
];

describe("a ring", () => {
  const idle = { freeSlots: 2, claiming: false };

  test("for later waits, whatever the worker does", () => {
    for (const worker of [idle, { ...idle, freeSlots: 0 }, { ...idle, accepting: false }])
      expect(onRing(NOW + 1, NOW, worker)).toBe("wait");
  });

  test.each([NOW, NOW - 1, 0])("for now or before claims", (at) => {
    expect(onRing(at, NOW, idle)).toBe("claim");
  });

  test("that comes during a claim claims once more", () => {
    expect(onRing(NOW, NOW, { ...idle, claiming: true })).toBe("claim_again");
  });

  test.each([
    ["has no free slot", { freeSlots: 0, claiming: false }],
    ["has no free slot and claims", { freeSlots: 0, claiming: true }],
    ["has more open than slots, after its limit was lowered", { freeSlots: -1, claiming: false }],
    ["begins no more steps", { ...idle, accepting: false }],
  ])("goes to another worker where this one %s", (_, worker) => {
    expect(onRing(NOW, NOW, worker)).toBe("forward");
  });
});

describe("after a claim", () => {
  test("that left slots free it is looked up what is due next", () => {
    for (const [, rules] of DRIVERS) {
      expect(afterClaim(rules, { asked: 3, claimed: 0 }, false)).toBe("look_up");
      expect(afterClaim(rules, { asked: 3, claimed: 2 }, false)).toBe("look_up");
    }
  });

  test("that filled every slot a process tells others; a step runner only where it filled several", () => {
    expect(afterClaim(LOOP, { asked: 1, claimed: 1 }, false)).toBe("forward");
    expect(afterClaim(RUNNER, { asked: 1, claimed: 1 }, false)).toBe("nothing");
    expect(afterClaim(RUNNER, { asked: 2, claimed: 2 }, false)).toBe("forward");
  });

  test("during which somebody rang the ring is heeded, whatever the claim brought", () => {
    for (const claimed of [0, 1, 2]) expect(afterClaim(LOOP, { asked: 2, claimed }, true)).toBe("ring");
  });
});

describe("after a step", () => {
  test("whose write claimed the next task nothing is left to do", () => {
    expect(afterStep(1, true)).toBe("nothing");
  });

  test("whose slot is free a ring that found none is made up for", () => {
    expect([afterStep(0, true), afterStep(null, true)]).toEqual(["ring", "ring"]);
  });

  test("whose slot is free it is looked up what is due next", () => {
    expect([afterStep(0, false), afterStep(null, false)]).toEqual(["look_up", "look_up"]);
  });
});

describe("a claim that brought nothing", () => {
  test.each(DRIVERS)("of %s is never repeated at once, whatever the store says is due", (_, rules) => {
    for (const dueAt of [null, READY, 1, NOW - 60_000, NOW - 1, NOW, NOW + 1, NOW + 60_000]) {
      const at = lookAgainAt(rules, dueAt, NOW);
      if (at !== null) expect(at).toBeGreaterThan(NOW);
    }
  });

  test.each(DRIVERS)(
    "of %s is not repeated when nothing waits, or when limits hold back what is ready",
    (_, rules) => {
      expect(lookAgainAt(rules, null, NOW)).toBeNull();
      expect(lookAgainAt(rules, READY, NOW)).toBeNull();
    },
  );

  test.each(DRIVERS)("of %s is repeated soon for what fell due while the store answered", (_, rules) => {
    for (const dueAt of [NOW - 20, NOW]) expect(lookAgainAt(rules, dueAt, NOW)).toBe(NOW + 1);
  });

  test("waits for what is due later: a process always, a delivery for 5 s, a step runner for one", () => {
    const [soon, later] = [NOW + 5_000, NOW + 5_001];
    expect([lookAgainAt(LOOP, soon, NOW), lookAgainAt(LOOP, later, NOW)]).toEqual([soon, later]);
    expect([lookAgainAt(DELIVERY, soon, NOW), lookAgainAt(DELIVERY, later, NOW)]).toEqual([soon, null]);
    expect(lookAgainAt(RUNNER, NOW + 1_000, NOW)).toBe(NOW + 1_000);
    // What others made due later is in their due times.
    expect(lookAgainAt(RUNNER, NOW + 1_001, NOW)).toBeNull();
  });
});

describe("a process that has looked up what is due next", () => {
  test.each([
    ["claims what is due when the claim before brought something", 1, NOW, { do: "claim" }],
    ["claims what is due when there was no claim before", null, READY, { do: "claim" }],
    ["waits a moment when the claim before brought nothing", 0, NOW, { do: "wait", until: NOW + 1 }],
    ["does nothing when the claim before brought nothing of what is ready", 0, READY, { do: "nothing" }],
    ["waits for what is due later", 0, NOW + 90_000, { do: "wait", until: NOW + 90_000 }],
    ["waits for what is due later, also with slots in use", 2, NOW + 1, { do: "wait", until: NOW + 1 }],
    ["does nothing when nothing waits", null, null, { do: "nothing" }],
  ])("%s", (_, claimed, dueAt, next) => {
    expect(afterLookUp(claimed, dueAt, NOW)).toEqual(next as ReturnType<typeof afterLookUp>);
  });
});

describe("a delivery", () => {
  test("that ran a step rings for other work that is due, at once", () => {
    for (const dueAt of [READY, NOW])
      expect(afterDelivery(true, dueAt, NOW)).toEqual({ occasion: "more", at: NOW });
  });

  test("that ran a step leaves what is due later to the ring of that step", () => {
    expect(afterDelivery(true, NOW + 1, NOW)).toBeNull();
    expect(afterDelivery(true, null, NOW)).toBeNull();
  });

  test("that came too early is made up for by one at the right time", () => {
    expect(afterDelivery(false, NOW + 700, NOW)).toEqual({ occasion: "early", at: NOW + 700 });
    expect(afterDelivery(false, NOW - 200, NOW)).toEqual({ occasion: "early", at: NOW + 1 });
  });

  test("that found nothing rings for nothing", () => {
    for (const dueAt of [null, READY, NOW + 60_000]) expect(afterDelivery(false, dueAt, NOW)).toBeNull();
  });

  test("that was given up is rung for once more, later, unless it was refused for good", () => {
    expect(ringRetryAt(0, false, NOW)).toBe(NOW + 30_000);
    expect(ringRetryAt(1, false, NOW)).toBeNull();
    expect(ringRetryAt(0, true, NOW)).toBeNull();
  });
});

describe("a ring among step runners", () => {
  test("goes from one to the next, around the end", () => {
    expect([nextRunner(0, 3, 0), nextRunner(2, 3, 0)]).toEqual([1, 0]);
  });

  test("ends when it has been to every runner, or to 16", () => {
    expect([nextRunner(0, 1, 0), nextRunner(1, 3, 1), nextRunner(2, 3, 2)]).toEqual([null, 2, null]);
    expect([nextRunner(20, 100, 14), nextRunner(21, 100, 15)]).toEqual([21, null]);
  });

  test("goes to the other lane for what is ready there, not for what is due later", () => {
    expect([ringsOtherLane(READY), ringsOtherLane(NOW), ringsOtherLane(null)]).toEqual([true, false, false]);
  });
});

describe("a step runner that sleeps", () => {
  test("wakes for its first due time, and at once where the session had no time left", () => {
    expect(wakeAfterSession(false, NOW + 5, NOW)).toBe(NOW + 5);
    expect(wakeAfterSession(false, null, NOW)).toBeNull();
    expect(wakeAfterSession(true, NOW + 5, NOW)).toBe(NOW);
  });

  test("has an alarm set for the earliest time it was asked for", () => {
    expect(alarmFor(NOW + 50, null, NOW)).toBe(NOW + 50);
    expect(alarmFor(NOW + 50, NOW + 90, NOW)).toBe(NOW + 50);
    expect(alarmFor(NOW + 90, NOW + 50, NOW)).toBeNull();
    expect(alarmFor(NOW + 50, NOW + 50, NOW)).toBeNull();
  });

  test("has no alarm set for this very millisecond, which may be lost", () => {
    expect(alarmFor(NOW, null, NOW)).toBe(NOW + 1);
    expect(alarmFor(NOW - 10, NOW + 1, NOW)).toBeNull();
  });

  test("has an alarm that lies in the past set anew for now, and not put off", () => {
    expect(alarmFor(NOW + 60_000, NOW - 5_000, NOW)).toBe(NOW + 1);
    expect(alarmFor(NOW, NOW, NOW)).toBe(NOW + 1);
  });
});

describe("a timer", () => {
  test("waits until its time, a millisecond at least and a minute at most", () => {
    expect([NOW - 5, NOW, NOW + 7, NOW + 1e12].map((at) => timerDelay(at, NOW))).toEqual([1, 1, 7, 60_000]);
  });
});

describe("a cron sweep", () => {
  const lane = { dueAt: READY, ready: 4, held: 1, maxHeld: 10 };

  test("rings as often as tasks are ready, within the free slots and 50", () => {
    expect(sweepRings(lane, NOW)).toEqual({ count: 4, at: NOW });
    expect(sweepRings({ ...lane, held: 8 }, NOW).count).toBe(2);
    expect(sweepRings({ ...lane, ready: 1_000, maxHeld: 1_000 }, NOW).count).toBe(50);
  });

  test("rings once for what is due and not counted as ready yet", () => {
    expect(sweepRings({ ...lane, dueAt: NOW - 1, ready: 0 }, NOW)).toEqual({ count: 1, at: NOW });
  });

  test("rings for nobody where every slot is taken, or more are held than may be", () => {
    expect(sweepRings({ ...lane, held: 10 }, NOW).count).toBe(0);
    expect(sweepRings({ ...lane, held: 12 }, NOW).count).toBe(0);
  });

  test("rings once, at its time, for what is due before the next sweep, and not for what is due later", () => {
    expect(sweepRings({ ...lane, dueAt: NOW + 59_999 }, NOW)).toEqual({ count: 1, at: NOW + 59_999 });
    expect(sweepRings({ ...lane, dueAt: NOW + 60_000 }, NOW).count).toBe(0);
    expect(sweepRings({ ...lane, dueAt: null }, NOW).count).toBe(0);
  });
});

describe("a store that could not be asked", () => {
  test.each(DRIVERS)("is asked again by %s after a pause", (_, rules) => {
    expect(rules.storeRetryMs).toBeGreaterThanOrEqual(1_000);
  });

  test("is swept only after outcomes that wait had a chance to be written", () => {
    expect(SWEEP_PAUSE_MS).toBeGreaterThan(LOOP.storeRetryMs);
  });
});
