import { beforeEach, expect, test } from "vitest";
import type { RaiseHoldOutcome } from "../../../../src/realtime/session-store.ts";
import { SessionHold } from "../../../../src/realtime/usage/session-hold.ts";
import { settled } from "../../../fixture/manual-clock.ts";
import { recordingLog } from "../../../fixture/recording-log.ts";

const MINUTE_MICROS = 100;
const SESSION = { id: "sess_1", fence: 1, reservedMicros: MINUTE_MICROS };
const EXHAUSTED: RaiseHoldOutcome = {
  outcome: "budget_exceeded",
  period: "daily",
  customer: null,
  limitMicros: 100,
  chargedMicros: 0,
  reservedMicros: 100,
  resetsAt: null,
  rate: null,
};

let asked: number[];
let ends: string[];
/** What the store answers; thrown when it is an error. */
let answer: RaiseHoldOutcome | Error;
let hold: SessionHold;

beforeEach(() => {
  asked = [];
  ends = [];
  answer = { outcome: "raised", reservedMicros: 2 * MINUTE_MICROS };
  hold = new SessionHold(SESSION, {
    store: {
      raiseHold: async (_id, _fence, reservedMicros) => {
        asked.push(reservedMicros);
        if (answer instanceof Error) throw answer;
        return answer;
      },
    },
    log: recordingLog(),
    ended: () => ends.push("ended"),
    overspent: () => ends.push("overspent"),
  });
});

test("more is held before what there is has been used, once at a time", async () => {
  hold.spent(0, MINUTE_MICROS);
  expect(asked).toEqual([]);
  hold.spent(10, MINUTE_MICROS);
  hold.spent(11, MINUTE_MICROS);
  await settled();
  expect(asked).toEqual([10 + 2 * MINUTE_MICROS]);
  expect(hold.reservedMicros).toBe(2 * MINUTE_MICROS);
});

test("a session whose budgets allow no more goes on to the last of its hold, and ends there", async () => {
  answer = EXHAUSTED;
  hold.spent(10, MINUTE_MICROS);
  await settled();
  expect(hold.mayRespond()).toBe(true);
  hold.spent(99, MINUTE_MICROS);
  expect(ends).toEqual([]);
  hold.spent(100, MINUTE_MICROS);
  expect(ends).toEqual(["overspent"]);
  expect(hold.mayRespond()).toBe(false);
  expect(asked).toHaveLength(1);
});

test("a store that cannot be asked is asked again with the next use", async () => {
  answer = new Error("away");
  hold.spent(10, MINUTE_MICROS);
  await settled();
  answer = { outcome: "raised", reservedMicros: 220 };
  hold.spent(20, MINUTE_MICROS);
  await settled();
  expect(asked).toEqual([210, 220]);
  expect(hold.reservedMicros).toBe(220);
  expect(ends).toEqual([]);
});

test("a session that somebody else ended in the store ends", async () => {
  answer = { outcome: "ended" };
  hold.spent(10, MINUTE_MICROS);
  await settled();
  expect(ends).toEqual(["ended"]);
});

test("what is free holds nothing, and so does what is over", async () => {
  hold.spent(0, 0);
  hold.end();
  hold.spent(99, MINUTE_MICROS);
  await settled();
  expect(asked).toEqual([]);
});
