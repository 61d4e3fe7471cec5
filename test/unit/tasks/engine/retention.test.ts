/** The retention sweep over a store that says what is due and a media store in memory. */

import { beforeEach, describe, expect, test } from "vitest";
import { RetentionSweep } from "../../../../src/tasks/engine/retention.ts";
import type { RetentionOutcome } from "../../../../src/tasks/ports/task-store.ts";
import { ManualClock, settled } from "../../../fixture/manual-clock.ts";
import { MemoryMedia } from "../../../fixture/memory-media.ts";

const HOUR_MS = 3_600_000;
const OPTIONS = {
  tasksMs: 30 * 24 * HOUR_MS,
  eventsMs: 24 * HOUR_MS,
  ledgerMs: 400 * 24 * HOUR_MS,
  mediaMs: 7 * HOUR_MS,
  everyMs: 60_000,
};
const PNG = new Uint8Array([1]);

let clock: ManualClock;
let media: MemoryMedia;
/** What the store removes, step by step. */
let steps: RetentionOutcome[];
/** Paths that no task names. */
let unnamed: Set<string>;
let failures: string[];
let sweep: RetentionSweep;

const step = (removedTaskIds: string[], more: boolean): RetentionOutcome => ({
  removedTaskIds,
  trimmedLogs: 0,
  more,
});

beforeEach(() => {
  clock = new ManualClock();
  media = new MemoryMedia(() => clock.now());
  steps = [];
  unnamed = new Set();
  failures = [];
  sweep = new RetentionSweep(
    {
      store: {
        retire: async () => steps.shift() ?? step([], false),
        unreferencedMedia: async (files) => files.map(({ path }) => path).filter((path) => unnamed.has(path)),
      },
      media,
      clock,
      log: { debug: () => {}, info: () => {}, warn: () => {}, error: (message) => failures.push(message) },
    },
    OPTIONS,
  );
});

async function swept(): Promise<void> {
  const done = sweep.sweep();
  await clock.advance(1_000);
  await done;
}

describe("files", () => {
  test("go after their time, whoever names them", async () => {
    const { path } = await media.put("task", PNG, "image/png");
    await clock.advance(OPTIONS.mediaMs - 2_000);
    await swept();
    expect([...media.files.keys()]).toEqual([path]);
    await clock.advance(2_000);
    await swept();
    expect(media.files.size).toBe(0);
  });

  test("that no task names go once they are an hour old, when no step can be about to name them", async () => {
    const orphan = await media.put("task", PNG, "image/png");
    const named = await media.put("task", PNG, "image/png");
    unnamed.add(orphan.path);
    await clock.advance(HOUR_MS - 2_000);
    await swept();
    expect([...media.files.keys()]).toEqual([orphan.path, named.path]);
    await clock.advance(2_000);
    await swept();
    expect([...media.files.keys()]).toEqual([named.path]);
  });

  test("of a task that was removed go with it", async () => {
    await media.put("gone", PNG, "image/png");
    const { path } = await media.put("kept", PNG, "image/png");
    steps = [step(["gone"], false)];
    await swept();
    expect([...media.files.keys()]).toEqual([path]);
  });
});

describe("a sweep", () => {
  test("goes on step by step, with pauses for everybody else, until nothing is left to do", async () => {
    steps = [step(["a"], true), step(["b"], true), step([], false)];
    const done = sweep.sweep();
    await settled();
    expect(steps).toHaveLength(2);
    await clock.advance(1_000);
    await done;
    expect(steps).toEqual([]);
  });

  test("that fails is logged, and the next one comes all the same", async () => {
    const { list } = media;
    media.list = () => Promise.reject(new Error("the folder is away"));
    sweep.start();
    await settled();
    expect(failures).toEqual(["retention sweep failed"]);
    media.list = list;
    steps = [step(["a"], false)];
    await clock.advance(OPTIONS.everyMs);
    expect(steps).toEqual([]);
    expect(failures).toHaveLength(1);
    await sweep.stop();
  });

  test("ends with the step under way when it is told to stop, and leaves no timer", async () => {
    steps = [step(["a"], true), step(["b"], true)];
    sweep.start();
    await settled();
    const stopped = sweep.stop();
    await clock.advance(1_000);
    await stopped;
    expect(steps).toHaveLength(1);
    await clock.advance(10 * OPTIONS.everyMs);
    expect(steps).toHaveLength(1);
    expect(clock.pendingTimers).toBe(0);
  });
});
