import { expect, test } from "vitest";
import {
  type Processes,
  runnersAbove,
  systemProcesses,
  watchRunners,
} from "../../../../src/runtime/process/runner-watch.ts";
import { ManualClock } from "../../../fixture/manual-clock.ts";

type Row = { parent: number | "ended" | "unknown"; ofRunner?: boolean; detached?: boolean };

/** `npx bun run start` from a shell (10): npx 20, its shell 30, `bun run` 40, the program 50. */
function npxChain(): Map<number, Row> {
  return new Map<number, Row>([
    [10, { parent: 1 }],
    [20, { parent: 10 }],
    [30, { parent: 20, ofRunner: true }],
    [40, { parent: 30, ofRunner: true }],
    [50, { parent: 40, ofRunner: true }],
  ]);
}

function watch(rows: Map<number, Row>) {
  const clock = new ManualClock();
  const processes: Processes = {
    parentOf: (pid) => rows.get(pid)?.parent ?? "ended",
    isOfRunner: (pid) => rows.get(pid)?.ofRunner === true,
    isDetached: (pid) => rows.get(pid)?.detached === true,
  };
  const told = { times: 0 };
  const timer = watchRunners(runnersAbove(50, processes), processes, clock, () => {
    told.times += 1;
  });
  return { clock, told, timer };
}

test.each([20, 30, 40])("the end of runner %d is told once, within a second or so", async (ended) => {
  const rows = npxChain();
  const { clock, told } = watch(rows);
  await clock.advance(10_000);
  expect(told.times).toBe(0);
  rows.delete(ended);
  for (const row of rows.values()) if (row.parent === ended) row.parent = 1;
  await clock.advance(1_000);
  expect(told.times).toBe(1);
  await clock.advance(10_000);
  expect(told.times).toBe(1);
});

test("whoever started the outermost runner may end", async () => {
  const rows = npxChain();
  const { clock, told } = watch(rows);
  rows.set(20, { parent: 1 });
  await clock.advance(10_000);
  expect(told.times).toBe(0);
});

test("a program that no runner started is not watched", () => {
  const rows = npxChain();
  rows.set(50, { parent: 40 });
  expect(watch(rows).clock.pendingTimers).toBe(0);
});

test("what was detached from its runner outlives it", async () => {
  const rows = npxChain();
  rows.set(50, { parent: 40, ofRunner: true, detached: true });
  expect(watch(rows).clock.pendingTimers).toBe(0);

  const above = npxChain();
  above.set(40, { parent: 30, ofRunner: true, detached: true });
  const { clock, told } = watch(above);
  above.set(40, { parent: 1, ofRunner: true, detached: true });
  await clock.advance(10_000);
  expect(told.times).toBe(0);
  above.set(50, { parent: 1, ofRunner: true });
  await clock.advance(1_000);
  expect(told.times).toBe(1);
});

test("a moment in which the system does not tell ends nothing", async () => {
  const rows = npxChain();
  const { clock, told } = watch(rows);
  rows.set(40, { parent: "unknown", ofRunner: true });
  await clock.advance(10_000);
  expect(told.times).toBe(0);
});

test("a watch that was ended says nothing more", async () => {
  const rows = npxChain();
  const { clock, told, timer } = watch(rows);
  timer.cancel();
  rows.delete(40);
  await clock.advance(10_000);
  expect(told.times).toBe(0);
});

test("the system knows this process, its parent, and no process that is not there", () => {
  expect(systemProcesses.parentOf(process.pid)).toBe(process.ppid);
  const beyondEveryPid = 2 ** 30;
  expect(systemProcesses.parentOf(beyondEveryPid)).toBe("ended");
});
