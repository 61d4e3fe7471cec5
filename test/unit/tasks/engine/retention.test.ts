/** The retention sweep over a store that says what is due and a media store in memory. */

import { beforeEach, describe, expect, test } from "vitest";
import { RetentionSweep } from "../../../../src/tasks/engine/retention.ts";
import type { DueMedia, RetentionOutcome } from "../../../../src/tasks/ports/task-store.ts";
import { ManualClock, settled } from "../../../fixture/manual-clock.ts";
import { MemoryMedia } from "../../../fixture/memory-media.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
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
/** Whose files are due, step by step, and the receipts that came back. */
let dueSteps: Partial<DueMedia>[];
let receipts: (string | null)[];
/** Paths that no task names, and tasks that the store does not know. */
let unnamed: Set<string>;
let unknown: Set<string>;
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
  dueSteps = [];
  receipts = [];
  unnamed = new Set();
  unknown = new Set();
  failures = [];
  sweep = new RetentionSweep(
    {
      store: {
        retire: async () => steps.shift() ?? step([], false),
        dueMedia: async (_, __, receipt) => {
          receipts.push(receipt);
          return { expired: [], untidy: [], receipt: null, ...dueSteps.shift() };
        },
        unreferencedMedia: async (files) => files.map(({ path }) => path).filter((path) => unnamed.has(path)),
        positions: async (ids) =>
          new Map(ids.filter((id) => !unknown.has(id)).map((id) => [id, { epoch: "e", seq: 1 }])),
      },
      media,
      clock,
      log: {
        debug: () => {},
        info: () => {},
        warn: () => {},
        error: (_, fields) => failures.push(String(fields?.what)),
      },
    },
    OPTIONS,
  );
});

/** A whole sweep with its pauses. */
async function swept(): Promise<void> {
  let over = false;
  const done = sweep.sweep().finally(() => {
    over = true;
  });
  while (!over) await clock.advance(1);
  await done;
}

const left = () => [...media.files.keys()];

describe("files", () => {
  test("stay, however old they are, until the store says that they are due", async () => {
    const { path } = await media.put("task", PNG, "image/png");
    await clock.advance(10 * OPTIONS.mediaMs);
    await swept();
    expect(left()).toEqual([path]);
    dueSteps = [{ expired: ["task"], receipt: "1" }];
    await swept();
    expect(left()).toEqual([]);
  });

  test("that a finished task does not name go, the others and other tasks' stay", async () => {
    const orphan = await media.put("task", PNG, "image/png");
    const named = await media.put("task", PNG, "image/png");
    const other = await media.put("other", PNG, "image/png");
    unnamed = new Set([orphan.path, other.path]);
    dueSteps = [{ untidy: ["task"], receipt: "1" }];
    await swept();
    expect(left()).toEqual([named.path, other.path]);
  });

  test("of a task that was removed go with it", async () => {
    await media.put("gone", PNG, "image/png");
    const { path } = await media.put("kept", PNG, "image/png");
    steps = [step(["gone"], false)];
    await swept();
    expect(left()).toEqual([path]);
  });

  test("of tasks that the store does not know go when nothing of their day should be left", async () => {
    unknown = new Set(Array.from({ length: 250 }, (_, index) => `unknown ${index}`));
    for (const taskId of unknown) await media.put(taskId, PNG, "image/png");
    const { path } = await media.put("known", PNG, "image/png");
    await clock.advance(OPTIONS.mediaMs + DAY_MS);
    await swept();
    expect(left()).toHaveLength(251);
    await clock.advance(DAY_MS);
    await swept();
    expect(left()).toEqual([path]);
  });
});

describe("a step of media", () => {
  test("is confirmed to the store once its files are gone, and the next one comes after a pause", async () => {
    await media.put("a", PNG, "image/png");
    await media.put("b", PNG, "image/png");
    dueSteps = [
      { expired: ["a"], receipt: "1" },
      { expired: ["b"], receipt: "2" },
    ];
    const done = sweep.sweep();
    await settled();
    expect(left()).toHaveLength(1);
    expect(receipts).toEqual([null]);
    await clock.advance(1_000);
    await done;
    expect(left()).toEqual([]);
    expect(receipts).toEqual([null, "1", "2"]);
  });

  test("is not confirmed when a file could not be removed, and tasks are removed all the same", async () => {
    const { removeTask } = media;
    media.removeTask = (taskId) =>
      taskId === "a" ? Promise.reject(new Error("the folder is away")) : removeTask.call(media, taskId);
    dueSteps = [{ expired: ["a"], receipt: "1" }];
    steps = [step(["b"], false)];
    await swept();
    expect(failures).toEqual(["media"]);
    expect(steps).toEqual([]);
    expect(receipts).toEqual([null]);
    media.removeTask = removeTask;
    dueSteps = [{ expired: ["a"], receipt: "1" }];
    await swept();
    expect(receipts).toEqual([null, null, "1"]);
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
    const { tasksBefore } = media;
    media.tasksBefore = () => Promise.reject(new Error("the folder is away"));
    sweep.start();
    await settled();
    expect(failures).toEqual(["oldest media"]);
    media.tasksBefore = tasksBefore;
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
