/**
 * What befalls several instances and the store they share, on real processes: no accepted task is lost, none ends twice,
 * and none leaves a webhook twice. `bun run test:full` does the same with more tasks and keeps what it found.
 */

import { expect, test } from "vitest";
import { describeWithRedis } from "../fixture/describe-with-redis.ts";
import {
  type FaultHistory,
  loseOneOfTwo,
  restartRedis,
  troubledUpstash,
} from "../fixture/faults/scenarios.ts";

/** About 5 s each on two free cores. */
const TIMEOUT_MS = 60_000;

function expectNoHarm(history: FaultHistory, tasks: number): void {
  const { lost, doubleEnds, wrongWebhookRows, violations, counts, ends, scenario, seconds } = history;
  const told = [...Object.entries(counts), ...Object.entries(ends)].map(
    ([name, count]) => `${count} ${name}`,
  );
  console.log(`${scenario}, ${history.tasks} tasks, ${seconds} s: ${told.join(", ")}`);
  expect({ lost, doubleEnds, wrongWebhookRows, violations }).toEqual({
    lost: [],
    doubleEnds: [],
    wrongWebhookRows: [],
    violations: [],
  });
  expect(history.tasks).toBe(tasks);
  expect(history.webhookRows).toBe(Math.floor(tasks / 2));
}

describeWithRedis("several instances and a shared store", () => {
  test(
    "kill -9 of one of two with 200 tasks running: the other takes them over",
    async () => {
      const history = await loseOneOfTwo(200, "killed");
      expectNoHarm(history, 200);
      expect(history.ends).toEqual({ completed: 200 });
      expect(history.counts.takenOver).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );

  test(
    "an instance that stands still and goes on after its work was taken over writes nothing any more",
    async () => {
      const history = await loseOneOfTwo(100, "frozen");
      expectNoHarm(history, 100);
      expect(history.ends).toEqual({ completed: 100 });
      expect(history.counts.takenOver).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );

  test(
    "redis-server is killed and started again in the midst of work",
    async () => {
      const history = await restartRedis(200, 5);
      expectNoHarm(history, 200);
      expect(history.counts.restarts).toBe(5);
    },
    TIMEOUT_MS,
  );

  test(
    "an Upstash front that answers 500, loses answers and is slow",
    async () => {
      const faults = [
        { kind: "error-500" },
        { kind: "lose-answer" },
        { kind: "bad-gateway" },
        { kind: "slow", delayMs: 300 },
      ] as const;
      const history = await troubledUpstash(60, { faults, everyNth: 5, most: 1_000 });
      expectNoHarm(history, 60);
      for (const { kind } of faults) expect(history.counts[kind]).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );

  test(
    "an Upstash front that times out, before and after it has carried out what it was asked",
    async () => {
      const faults = [{ kind: "hang" }, { kind: "hang-after" }] as const;
      const history = await troubledUpstash(50, { faults, everyNth: 10, most: 4 });
      expectNoHarm(history, 50);
      for (const { kind } of faults) expect(history.counts[kind]).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );
});
