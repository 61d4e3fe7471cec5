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
/** Whose files were said to be stuck. */
let warned: string[];
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
  warned = [];
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
        warn: (_, fields) => warned.push(String(fields?.taskId)),
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

describe("a task whose files cannot be removed", () => {
  /** Its files, and those of others that come with it, cannot be removed until it is taken out of here. */
  let stuck: Set<string>;
  const tries: string[] = [];
  beforeEach(() => {
    stuck = new Set(["stuck"]);
    tries.length = 0;
    const { removeTask, remove } = media;
    const check = (taskId: string) => {
      if (!stuck.has(taskId)) return;
      tries.push(taskId);
      throw new Error("EIO: i/o error, unlink");
    };
    media.removeTask = async (taskId) => {
      check(taskId);
      await removeTask.call(media, taskId);
    };
    media.remove = async (paths) => {
      for (const path of paths) check(path.split("/")[3] ?? "");
      await remove.call(media, paths);
    };
  });

  test("holds up no other one, is said once and tried again ever more rarely", async () => {
    for (const taskId of ["a", "stuck", "b"]) await media.put(taskId, PNG, "image/png");
    dueSteps = [
      { expired: ["a", "stuck", "b"], receipt: "1" },
      { untidy: ["c"], receipt: "2" },
    ];
    await swept();
    expect(receipts).toEqual([null, "1", "2"]);
    expect([...media.files.values()].map(({ taskId }) => taskId)).toEqual(["stuck"]);
    expect(sweep.unremovedMedia).toBe(1);
    for (let hour = 0; hour < 100; hour++) {
      await clock.advance(HOUR_MS);
      await swept();
    }
    // After 1, 2, 4, 8, 16 hours and then daily, a little later each time: the pauses of the sweeps count.
    expect(tries.length).toBeGreaterThan(6);
    expect(tries.length).toBeLessThan(10);
    expect([warned, failures]).toEqual([["stuck"], []]);
    stuck.clear();
    await clock.advance(DAY_MS + HOUR_MS);
    await swept();
    expect(left()).toEqual([]);
    expect(sweep.unremovedMedia).toBe(0);
  });

  test("holds up no other one where only some of its files should go", async () => {
    const files = [];
    for (const taskId of ["a", "stuck", "b"]) files.push((await media.put(taskId, PNG, "image/png")).path);
    unnamed = new Set(files);
    dueSteps = [{ untidy: ["a", "stuck", "b"], receipt: "1" }];
    await swept();
    expect(receipts).toEqual([null, "1"]);
    expect([...media.files.values()].map(({ taskId }) => taskId)).toEqual(["stuck"]);
    stuck.clear();
    await clock.advance(2 * HOUR_MS);
    await swept();
    expect(left()).toEqual([]);
  });

  test("and that comes alone is waited for as for a store that is away, three times", async () => {
    await media.put("stuck", PNG, "image/png");
    for (let time = 0; time < 3; time++) {
      dueSteps = [{ expired: ["stuck"], receipt: "1" }];
      receipts = [];
      await swept();
      expect(receipts).toEqual(time < 2 ? [null] : [null, "1"]);
    }
    expect([warned, failures]).toEqual([["stuck"], ["media", "media"]]);
  });

  test("goes on to be tried after its task was removed, and those beside it go", async () => {
    for (const taskId of ["stuck", "b"]) await media.put(taskId, PNG, "image/png");
    steps = [step(["stuck", "b"], true), step(["c"], false)];
    await swept();
    expect([steps, failures]).toEqual([[], []]);
    expect([...media.files.values()].map(({ taskId }) => taskId)).toEqual(["stuck"]);
    stuck.clear();
    await clock.advance(2 * HOUR_MS);
    await swept();
    expect(left()).toEqual([]);
  });

  test("does not keep the sweep of the oldest media from those behind it", async () => {
    stuck = new Set(Array.from({ length: 150 }, (_, index) => `stuck ${index}`));
    unknown = new Set([...stuck, "free"]);
    for (const taskId of unknown) await media.put(taskId, PNG, "image/png");
    await clock.advance(OPTIONS.mediaMs + 2 * DAY_MS);
    for (let time = 0; time < 6; time++) await swept();
    expect([...media.files.values()].map(({ taskId }) => taskId)).not.toContain("free");
    expect(left()).toHaveLength(150);
  });

  test("is not passed over where too many are stuck already", async () => {
    stuck = new Set(Array.from({ length: 1_001 }, (_, index) => `stuck ${index}`));
    for (let from = 0; from < 1_001; from += 91) {
      dueSteps = [{ expired: ["fine", ...[...stuck].slice(from, from + 91)], receipt: "1" }];
      receipts = [];
      await swept();
    }
    expect(sweep.unremovedMedia).toBe(1_000);
    expect(receipts).toEqual([null]);
    expect(failures).toEqual(["media"]);
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
