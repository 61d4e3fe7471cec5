/** The money of schedules that were drawn by a seed; `bun run test:full` runs many more. */

import { expect, test } from "vitest";
import { openSqliteFile } from "../../src/runtime/bun/sqlite-file.ts";
import { createSqliteStore } from "../../src/stores/sqlite/store.ts";
import type { ManualClock } from "../fixture/manual-clock.ts";
import { MUST_HAPPEN, simulateMoney } from "../fixture/money/simulate.ts";

const SCHEDULES = 200;
const LONG_TEST_MS = 180_000;

const inMemory = (clock: ManualClock) =>
  createSqliteStore({ database: openSqliteFile(":memory:"), now: () => clock.now() });

test(
  `after each of ${SCHEDULES} schedules of crashes, cancels, failovers and clock jumps, every charge, bill and balance agrees`,
  async () => {
    const { wrong, counts } = await simulateMoney(1, SCHEDULES, inMemory);
    expect(wrong).toEqual([]);
    if (process.env.CONDUIT_MONEY_SEED !== undefined) return;
    for (const what of MUST_HAPPEN) expect(counts, what).toHaveProperty([what]);
  },
  LONG_TEST_MS,
);

// A film's cleanup ended without a bill, and the holder that was cut off told it afterwards.
test("a bill that is told after the cleanup ended without one is in the ledger (schedule 1756)", async () => {
  const { wrong } = await simulateMoney(1756, 1, inMemory);
  expect(wrong).toEqual([]);
});
