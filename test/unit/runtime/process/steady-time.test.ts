import { beforeEach, describe, expect, test } from "vitest";
import { createSteadyTime } from "../../../../src/runtime/process/steady-time.ts";
import { ManualClock } from "../../../fixture/manual-clock.ts";

const HOUR_MS = 3_600_000;

let clock: ManualClock;
let time: () => number;
/** How far the store's time is behind the wall clock, ms. */
const behind = () => clock.now() - time();

beforeEach(() => {
  clock = new ManualClock();
  time = createSteadyTime(clock);
});

describe("the time of the embedded store", () => {
  test("is the wall clock's", async () => {
    for (const ms of [1, 1_000, HOUR_MS]) {
      await clock.advance(ms);
      expect(behind()).toBe(0);
    }
  });

  test.each([60_000, HOUR_MS])(
    "does not jump ahead by %i ms, and comes nearer at twice the speed",
    async (jump) => {
      const before = time();
      clock.sleep(jump);
      expect(time()).toBe(before);
      await clock.advance(jump / 2);
      expect(time()).toBe(before + jump);
      await clock.advance(jump / 2);
      expect(behind()).toBe(0);
    },
  );

  test("does not go back by a minute: it runs at half the speed until the wall clock is there", async () => {
    const before = time();
    clock.sleep(-60_000);
    expect(time()).toBe(before);
    await clock.advance(60_000);
    expect(time()).toBe(before + 30_000);
    await clock.advance(60_000);
    expect(behind()).toBe(0);
  });

  test.each([50, -50])("follows a clock that had never been set by %i years at once", (years) => {
    clock.sleep(years * 365 * 24 * HOUR_MS);
    expect(behind()).toBe(0);
  });
});
