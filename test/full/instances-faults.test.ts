/** The long form of the faults of several instances. Its last result is kept in test/results/instances-faults.json. */

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { describeWithRedis } from "../fixture/describe-with-redis.ts";
import {
  type FaultHistory,
  loseOneOfTwo,
  restartRedis,
  troubledUpstash,
} from "../fixture/faults/scenarios.ts";

const RESULT = join(import.meta.dirname, "../results/instances-faults.json");
const TIMEOUT_MS = 600_000;
const RUNS: readonly (() => Promise<FaultHistory>)[] = [
  () => loseOneOfTwo(200, "killed"),
  () => loseOneOfTwo(200, "killed"),
  () => loseOneOfTwo(200, "killed"),
  () => loseOneOfTwo(200, "frozen"),
  () => restartRedis(2_000, 30),
  () =>
    troubledUpstash(500, {
      faults: [
        { kind: "error-500" },
        { kind: "lose-answer" },
        { kind: "bad-gateway" },
        { kind: "slow", delayMs: 300 },
      ],
      everyNth: 5,
      most: 1_000,
    }),
  () => troubledUpstash(300, { faults: [{ kind: "hang" }, { kind: "hang-after" }], everyNth: 40, most: 10 }),
];

describeWithRedis("several instances and a shared store", () => {
  test(
    "kills, restarts and faults lose no task, end none twice and leave no webhook twice",
    async () => {
      const date = new Date().toISOString();
      const histories: FaultHistory[] = [];
      mkdirSync(dirname(RESULT), { recursive: true });
      for (const run of RUNS) {
        histories.push(await run());
        const result = { date, command: "bun run test:full", ...totals(histories), runs: histories };
        writeFileSync(RESULT, `${JSON.stringify(result, null, 2)}\n`);
      }
      const { tasks, ...harm } = totals(histories);
      expect(tasks).toBeGreaterThan(0);
      expect(harm).toEqual({ lost: 0, endedTwice: 0, wrongWebhookRows: 0, violations: 0 });
    },
    TIMEOUT_MS,
  );
});

function totals(histories: readonly FaultHistory[]) {
  const sum = (read: (history: FaultHistory) => number) =>
    histories.reduce((total, history) => total + read(history), 0);
  return {
    tasks: sum(({ tasks }) => tasks),
    lost: sum(({ lost }) => lost.length),
    endedTwice: sum(({ doubleEnds }) => doubleEnds.length),
    wrongWebhookRows: sum(({ wrongWebhookRows }) => wrongWebhookRows.length),
    violations: sum(({ violations }) => violations.length),
  };
}
