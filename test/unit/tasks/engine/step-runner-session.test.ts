import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type DueTimes, StepRunnerSession } from "../../../../src/tasks/engine/steps/step-runner-session.ts";
import type { StepReport } from "../../../../src/tasks/engine/steps/step-worker.ts";
import type { Task } from "../../../../src/tasks/task.ts";
import { ManualClock, settled } from "../../../fixture/manual-clock.ts";
import { recordingLog } from "../../../fixture/recording-log.ts";
import { queuedTask } from "../../../fixture/task.ts";

const WORK_MS = 600_000;
const HAND_BACK_MS = 870_000;
const SLOTS = 3;

/** A step under way, ended by the test. */
type Step = {
  end(dueAt?: number | null, status?: Task["status"]): Promise<void>;
  fail(): Promise<void>;
  stop: AbortSignal;
};

let clock: ManualClock;
let log: ReturnType<typeof recordingLog>;
/** Due times in memory. */
let dueTimes: DueTimes & { all: number[] };
/** How many tasks can be claimed. */
let ready: number;
let dueAt: number | null;
let storeIsDown: boolean;
let claims: number[];
let steps: Step[];
let forwarded: number;
let otherLaneRung: number;
let cleaned: number;
/** When more due work has to be looked for, and until when cleaning takes. */
let workAt: number | null;
let cleaning: Promise<void>;
let session: StepRunnerSession;
let over: boolean;

beforeEach(() => {
  clock = new ManualClock();
  log = recordingLog();
  const all: number[] = [];
  dueTimes = {
    all,
    add: (at) => {
      if (!all.includes(at)) all.push(at);
      all.sort((one, other) => one - other);
    },
    take: (now) => all.splice(0, all.filter((at) => at <= now).length).length > 0,
    next: () => all[0] ?? null,
  };
  ready = 0;
  dueAt = null;
  storeIsDown = false;
  claims = [];
  steps = [];
  forwarded = 0;
  otherLaneRung = 0;
  cleaned = 0;
  workAt = null;
  cleaning = Promise.resolve();
});

afterEach(() => {
  expect(clock.pendingTimers).toBe(0);
});

function newSession(): void {
  over = false;
  session = new StepRunnerSession(
    {
      worker: {
        async start(_lane, max, stop) {
          claims.push(max);
          if (storeIsDown) throw new Error("the store is away");
          const count = Math.min(max, ready);
          ready -= count;
          return Array.from({ length: count }, () => ({ report: newStep(stop) }));
        },
        nextDueAt: async () => dueAt,
        clean: async () => {
          cleaned += 1;
          await cleaning;
          return workAt;
        },
      },
      dueTimes,
      clock,
      log,
      forward: () => (forwarded += 1),
      ringOtherLane: async () => {
        otherLaneRung += 1;
      },
    },
    { lane: "image", slots: SLOTS, workMs: WORK_MS, handBackMs: HAND_BACK_MS },
  );
}

function newStep(stop: AbortSignal = AbortSignal.abort()) {
  const { promise, resolve, reject } = Promise.withResolvers<StepReport>();
  steps.push({
    stop,
    end: (at = null, status = at === null ? "completed" : "running") => {
      resolve({ task: queuedTask({ status }), dueAt: at, leftDelivery: at === null });
      return settled();
    },
    fail: () => {
      reject(new Error("the store is away"));
      return settled();
    },
  });
  return promise;
}

async function begin(): Promise<void> {
  newSession();
  void session.work().then(() => {
    over = true;
  });
  await settled();
}

async function endAll(): Promise<void> {
  ready = 0;
  for (const step of steps) await step.end();
}

describe("a session", () => {
  test("without work is over after one look", async () => {
    await begin();
    expect([over, claims, cleaned, forwarded, otherLaneRung]).toEqual([true, [3], 1, 0, 0]);
  });

  test("that is over leaves the time of the next due work to the alarm", async () => {
    workAt = clock.now() + 5_000;
    await begin();
    expect([over, cleaned, dueTimes.all]).toEqual([true, 1, [workAt]]);
  });

  test("looks for due work at its time, also while its lane has tasks without end", async () => {
    ready = 2;
    await begin();
    workAt = clock.now() + 5_000;
    await steps[0]?.end();
    expect([cleaned, over]).toEqual([1, false]);
    workAt = null;
    ready = 2;
    await clock.advance(5_000);
    expect(cleaned).toBe(2);
    await endAll();
  });

  test("does the due work that is left while some is being done", async () => {
    ready = 2;
    await begin();
    const { promise, resolve } = Promise.withResolvers<void>();
    cleaning = promise;
    await steps[0]?.end();
    await steps[1]?.end();
    expect([cleaned, over]).toEqual([1, false]);
    resolve();
    await settled();
    expect([cleaned, over]).toEqual([2, true]);
  });

  test("fills its slots by one look, and leaves word that there may be more", async () => {
    ready = 5;
    await begin();
    expect([claims, forwarded, over]).toEqual([[3], 1, false]);
    await endAll();
    expect(over).toBe(true);
  });

  test("leaves no word when there was less than it has room for", async () => {
    ready = 2;
    await begin();
    expect(forwarded).toBe(0);
    await endAll();
  });

  test("claims again with every slot that a step gave back, and tells nobody of a slot that is filled anew", async () => {
    ready = 4;
    await begin();
    await steps[0]?.end();
    expect([claims, steps.length, forwarded]).toEqual([[3, 1], 4, 1]);
    await steps[1]?.end();
    expect(claims).toEqual([3, 1, 1]);
    await steps[2]?.fail();
    expect(claims).toEqual([3, 1, 1, 2]);
    expect(log.lines).toMatchObject([{ level: "error", message: "a step could not be stored" }]);
    await endAll();
    expect(over).toBe(true);
  });

  test("rung while it works begins a step; rung while it is full sends the ring away", async () => {
    ready = 2;
    await begin();
    ready = 1;
    expect(session.ring(clock.now())).toBe(true);
    await settled();
    expect(steps).toHaveLength(3);
    expect(session.ring(clock.now())).toBe(false);
    await endAll();
  });

  test("forgets no ring that comes while it claims", async () => {
    newSession();
    const working = session.work();
    // The claim under way has been decided before this task was there.
    ready = 1;
    expect(session.ring(clock.now())).toBe(true);
    await settled();
    expect([claims, steps.length]).toEqual([[3, 3], 1]);
    await endAll();
    await working;
  });

  test("sends a ring away that came while its last slot was being filled", async () => {
    ready = 2;
    await begin();
    ready = 2;
    session.ring(clock.now());
    session.ring(clock.now());
    await settled();
    expect([steps.length, forwarded]).toEqual([3, 1]);
    await endAll();
  });

  test("thinks of the other lane when tasks have ended here, once, and only when it has nothing to do itself", async () => {
    ready = 2;
    await begin();
    await steps[0]?.end(clock.now() + 90_000);
    expect(otherLaneRung).toBe(0);
    await steps[1]?.end();
    expect([otherLaneRung, over]).toEqual([1, true]);
  });
});

describe("what is due later", () => {
  test("is looked for while another step is open", async () => {
    ready = 2;
    await begin();
    await steps[0]?.end(clock.now() + 2_000);
    expect(over).toBe(false);
    ready = 1;
    await clock.advance(2_000);
    expect(steps).toHaveLength(3);
    await endAll();
    expect(dueTimes.all).toEqual([]);
  });

  test("outlives the session", async () => {
    ready = 1;
    await begin();
    await steps[0]?.end(clock.now() + 2_000);
    expect([over, dueTimes.next()]).toEqual([true, clock.now() + 2_000]);
  });

  test.each([
    ["says when", 30],
    ["said so a moment ago", -30],
  ])("is looked for again when it is due by the store's clock, which %s", async (_, inMs) => {
    ready = 1;
    await begin();
    dueTimes.add(clock.now() + 1_000);
    session.ring(clock.now() + 1_000);
    dueAt = clock.now() + 1_000 + inMs;
    await clock.advance(1_000);
    expect(dueTimes.next()).toBe(clock.now() + Math.max(1, inMs));
    ready = 1;
    await clock.advance(30);
    expect([steps.length, dueTimes.next()]).toEqual([2, null]);
    await endAll();
  });

  test.each([
    ["as many are held as may be", 0],
    ["somebody else took it", null],
  ])("is not looked for again when %s", async (_, at) => {
    ready = 1;
    await begin();
    session.ring(clock.now() + 1_000);
    dueAt = at;
    await clock.advance(60_000);
    expect([claims.length, dueTimes.next()]).toEqual([2, null]);
    await endAll();
  });

  test("is kept for the next session once this one has ended, and nothing runs outside of one", async () => {
    await begin();
    session.ring(clock.now() + 1_000);
    ready = 1;
    await clock.advance(1_000);
    expect([session.ring(clock.now()), steps.length, dueTimes.next()]).toEqual([false, 0, clock.now()]);
  });

  test("goes to another runner when there is no slot for it here", async () => {
    ready = 2;
    await begin();
    session.ring(clock.now() + 1_000);
    ready = 1;
    session.ring(clock.now());
    await settled();
    await clock.advance(1_000);
    expect(forwarded).toBe(1);
    await endAll();
  });
});

describe("when the store is down", () => {
  test("the session looks again before long, for as long as that lasts", async () => {
    storeIsDown = true;
    await begin();
    expect([over, dueTimes.next()]).toEqual([true, clock.now() + 5_000]);
    expect(log.lines).toMatchObject([{ message: "work could not be looked for" }]);
    await clock.advance(5_000);
    await begin();
    expect(dueTimes.next()).toBe(clock.now() + 5_000);
    storeIsDown = false;
    ready = 1;
    await clock.advance(5_000);
    await begin();
    expect([steps.length, dueTimes.next()]).toEqual([1, null]);
    await endAll();
  });
});

describe("at the end of its time", () => {
  test("it begins no more steps, sends rings away, and lets what is open end", async () => {
    ready = 1;
    await begin();
    await clock.advance(WORK_MS);
    expect([session.timeIsUp, session.ring(clock.now()), over]).toEqual([true, false, false]);
    ready = 1;
    await steps[0]?.end();
    // Its slot may be what somebody waits for.
    expect([over, steps.length, forwarded]).toEqual([true, 1, 1]);
  });

  test("what is still open is handed back before the platform ends it", async () => {
    ready = 1;
    await begin();
    await clock.advance(HAND_BACK_MS - 1);
    expect(steps[0]?.stop.aborted).toBe(false);
    await clock.advance(1);
    expect(steps[0]?.stop.aborted).toBe(true);
    await endAll();
  });
});
