import { beforeEach, expect, test } from "vitest";
import { AlarmDoorbell } from "../../../../../src/runtime/cloudflare/clients/alarm-doorbell.ts";
import {
  poolSize,
  runnerAddress,
  runnerName,
  workMs,
} from "../../../../../src/tasks/engine/steps/step-runner-pool.ts";
import { createTaskIds } from "../../../../../src/tasks/ids.ts";
import { ManualClock } from "../../../../fixture/manual-clock.ts";
import { recordingLog } from "../../../../fixture/recording-log.ts";

const MINUTE_MS = 60_000;

let clock: ManualClock;
let log: ReturnType<typeof recordingLog>;
let rung: { name: string; at: number }[];
let broken: boolean;
let kept: Promise<void>[];
let doorbell: AlarmDoorbell;

beforeEach(() => {
  clock = new ManualClock();
  log = recordingLog();
  rung = [];
  kept = [];
  broken = false;
  const runner = (name: string) => ({
    fetch: () => Promise.reject(new Error("nobody fetches from a runner")),
    async ring(at: number) {
      if (broken) throw new Error("the object is overloaded");
      rung.push({ name, at });
    },
  });
  doorbell = new AlarmDoorbell(
    { STEP_RUNNER: { getByName: runner } },
    { image: 4, video: 2 },
    { clock, log, keepAlive: (pending) => kept.push(pending) },
  );
});

async function ring(id: string, lane: "image" | "video" = "image"): Promise<void> {
  doorbell.ring(lane, clock.now() + 7, { id, fence: 1 });
  await Promise.all(kept);
}

test("rings spread over the runners of their lane, at their time, and one task's always reach the same", async () => {
  const nextId = createTaskIds(() => clock.now());
  const ids = Array.from({ length: 100 }, () => nextId());
  for (const id of ids) await ring(id);
  await ring(ids[0] ?? "", "video");
  const names = rung.map(({ name }) => name);
  expect(new Set(names.slice(0, 100))).toEqual(new Set(["image/0", "image/1", "image/2", "image/3"]));
  expect(names.at(-1)).toMatch(/^video\/[01]$/);
  expect(rung[0]?.at).toBe(clock.now() + 7);
  await ring(ids[0] ?? "");
  expect(rung.at(-1)?.name).toBe(names[0]);
});

test("a ring that is lost fails nothing, is logged, and shows in the health until one goes through", async () => {
  expect(doorbell.health()).toEqual({ status: "ok", ringsSent: 0, ringsFailed: 0 });
  broken = true;
  await ring("one");
  const since = new Date(clock.now()).toISOString();
  await clock.advance(1_000);
  await ring("two");
  expect(doorbell.health()).toMatchObject({ status: "degraded", ringsSent: 0, ringsFailed: 2 });
  expect(doorbell.health().detail).toContain(since);
  expect(log.lines.map(({ level }) => level)).toEqual(["warn", "warn"]);
  broken = false;
  await ring("three");
  expect(doorbell.health()).toEqual({ status: "ok", ringsSent: 1, ringsFailed: 2 });
});

test.each([
  [1, 2],
  [5, 2],
  [6, 3],
  [50, 11],
  [10_000, 2_001],
])("%d provider calls have slots in the pool, and there is a runner to spare", (maxHeld, runners) => {
  expect(poolSize(maxHeld)).toBe(runners);
});

test("runners begin steps for five to ten minutes, and no two of a pool equally long", () => {
  const all = Array.from({ length: 11 }, (_, index) => workMs(index, 11));
  expect(new Set(all).size).toBe(11);
  for (const ms of all) {
    expect(ms).toBeGreaterThan(5 * MINUTE_MS);
    expect(ms).toBeLessThanOrEqual(10 * MINUTE_MS);
  }
  // A pool that was larger before the limit was lowered still ends its work.
  expect(workMs(40, 11)).toBeLessThanOrEqual(10 * MINUTE_MS);
});

test("a runner's name holds its lane and index", () => {
  expect(runnerAddress(runnerName({ lane: "video", index: 12 }))).toEqual({ lane: "video", index: 12 });
  for (const name of [undefined, "", "image", "image/", "image/x", "audio/0"]) {
    expect(() => runnerAddress(name)).toThrow("no step runner");
  }
});
