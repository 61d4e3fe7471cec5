/** The long form of the money simulation. Its last result is kept in test/results/money-simulation.json. */

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { openSqliteFile } from "../../src/runtime/bun/sqlite-file.ts";
import { createSqliteStore } from "../../src/stores/sqlite/store.ts";
import { MUST_HAPPEN, simulateMoney } from "../fixture/money/simulate.ts";

const SCHEDULES = 10_000;
const RESULT = join(import.meta.dirname, "../results/money-simulation.json");
const TIMEOUT_MS = 2 * 3_600_000;

test(
  `after each of ${SCHEDULES} schedules every charge, bill and balance agrees, to the micro-dollar`,
  async () => {
    const began = Date.now();
    const { wrong, counts } = await simulateMoney(1, SCHEDULES, (clock) =>
      createSqliteStore({ database: openSqliteFile(":memory:"), now: () => clock.now() }),
    );
    const result = {
      date: new Date(began).toISOString(),
      seconds: Math.round((Date.now() - began) / 1000),
      command: "bun run test:full",
      schedules: SCHEDULES,
      wrong,
      happened: Object.fromEntries(Object.entries(counts).sort(([a], [b]) => a.localeCompare(b))),
    };
    if (process.env.CONDUIT_MONEY_SEED === undefined) {
      mkdirSync(dirname(RESULT), { recursive: true });
      writeFileSync(RESULT, `${JSON.stringify(result, null, 2)}\n`);
      for (const what of MUST_HAPPEN) expect(counts, what).toHaveProperty([what]);
    }
    expect(wrong).toEqual([]);
  },
  TIMEOUT_MS,
);
