/** The retention sweep over a SQLite store and a folder of media: which files stay, which go, and what looking costs. */

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createFolderMediaStore } from "../../src/media/folder.ts";
import { openSqliteFile } from "../../src/runtime/bun/sqlite-file.ts";
import { createSqliteStore } from "../../src/stores/sqlite/store.ts";
import { RetentionSweep } from "../../src/tasks/engine/retention.ts";
import { createTaskIds } from "../../src/tasks/ids.ts";
import type { MediaStore } from "../../src/tasks/ports/media-store.ts";
import type { Claim } from "../../src/tasks/ports/task-store.ts";
import { NOTHING_SPENT, type StepTransition } from "../../src/tasks/transition.ts";
import { Bench, LEASE_MS, scopeOf } from "../contract/store-harness.ts";
import { ManualClock } from "../fixture/manual-clock.ts";

const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const MEDIA_MS = 10 * SECOND_MS;
const PNG = Uint8Array.of(1, 2, 3);

let clock: ManualClock;
let bench: Bench;
let root: string;
let media: MediaStore;
/** Calls of the media store, by method. */
let calls: Record<string, number>;

beforeEach(async () => {
  clock = new ManualClock();
  calls = {};
  root = await mkdtemp(join(tmpdir(), "media-"));
  media = counting(createFolderMediaStore({ root, fsync: false, now: () => clock.now() }));
  const store = createSqliteStore({ database: openSqliteFile(":memory:"), now: () => clock.now() });
  bench = await Bench.open({
    name: "SQLite",
    open: async () => ({
      store,
      now: () => clock.now(),
      advance: () => {},
      dispose: () => store.close(),
    }),
  });
});
afterEach(async () => {
  await bench.dispose();
  await rm(root, { recursive: true });
});

function counting(store: MediaStore): MediaStore {
  return new Proxy(store, {
    get(target, name: keyof MediaStore) {
      calls[name] = (calls[name] ?? 0) + 1;
      return target[name].bind(target);
    },
  });
}

async function sweep(changes: { media?: MediaStore; mediaMs?: number } = {}): Promise<string[]> {
  const failures: string[] = [];
  const retention = new RetentionSweep(
    {
      store: bench.store,
      media: changes.media ?? media,
      clock,
      log: { debug: () => {}, info: () => {}, warn: () => {}, error: (message) => failures.push(message) },
    },
    {
      mediaMs: changes.mediaMs ?? MEDIA_MS,
      tasksMs: 30 * DAY_MS,
      eventsMs: DAY_MS,
      ledgerMs: 400 * DAY_MS,
      everyMs: 60_000,
    },
  );
  let over = false;
  const done = retention.sweep().finally(() => {
    over = true;
  });
  // The pauses of the sweep; between them the folder answers in its own time.
  while (!over) {
    if (clock.pendingTimers > 0) await clock.advance(20);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  await done;
  return failures;
}

const work = async (): Promise<Claim> => {
  await bench.submit({ timeoutMs: 10 * DAY_MS, maxWaitMs: 10 * DAY_MS });
  return bench.claimOne({ leaseMs: 10 * DAY_MS });
};
const paint = (claim: Claim) => media.put(claim.task.id, PNG, "image/png");
const complete = (claim: Claim, ...pictures: Awaited<ReturnType<typeof paint>>[]) => {
  const items = pictures.map((picture, index) => ({ index, media: picture }));
  const transition: StepTransition = {
    kind: "complete",
    result: { items, errors: [] },
    costMicros: 1,
    spent: NOTHING_SPENT,
  };
  return bench.apply(claim, transition);
};

describe("the pictures of a task", () => {
  test("that is still at work all stay, however short media are kept", async () => {
    const claim = await work();
    const first = await paint(claim);
    await clock.advance(5 * DAY_MS);
    await sweep({ mediaMs: 1 });
    expect(await media.get(first.path)).not.toBeNull();
    const second = await paint(claim);
    await complete(claim, first, second);
    await clock.advance(MEDIA_MS - 2 * SECOND_MS);
    await sweep();
    for (const { path } of [first, second]) expect(await media.get(path)).not.toBeNull();
    await clock.advance(2 * SECOND_MS);
    await sweep();
    expect(await media.filesOf(claim.task.id)).toEqual([]);
    expect((await bench.read(claim.task)).status).toBe("completed");
  });

  test("go also when the process dies after the store has named them and before they are removed", async () => {
    const claim = await work();
    await complete(claim, await paint(claim));
    await clock.advance(MEDIA_MS);
    const dying = { ...methodsOf(media), removeTask: () => Promise.reject(new Error("killed")) };
    expect(await sweep({ media: dying })).toEqual(["retention sweep failed"]);
    expect(await media.filesOf(claim.task.id)).toHaveLength(1);
    expect(await sweep()).toEqual([]);
    expect(await media.filesOf(claim.task.id)).toEqual([]);
  });

  test("that a dead worker left go an hour after the end, the named ones stay", async () => {
    await bench.submit();
    const dead = await bench.claimOne();
    await paint(dead);
    await clock.advance(LEASE_MS);
    await bench.store.sweep(10);
    const claim = await bench.claimOne();
    const named = await paint(claim);
    await complete(claim, named);
    await sweep({ mediaMs: DAY_MS });
    expect(await media.filesOf(claim.task.id)).toHaveLength(2);
    await clock.advance(HOUR_MS);
    await sweep({ mediaMs: DAY_MS });
    expect(await media.filesOf(claim.task.id)).toEqual([named.path]);
  });

  test("have what was made from them beside them for as long as they stay", async () => {
    await bench.submit();
    const dead = await bench.claimOne();
    const stray = await paint(dead);
    await clock.advance(LEASE_MS);
    await bench.store.sweep(10);
    const claim = await bench.claimOne();
    const named = await paint(claim);
    const small = await media.putDerived(named.path, "64", PNG, "image/webp");
    await media.putDerived(stray.path, "64", PNG, "image/webp");
    await complete(claim, named);
    await clock.advance(HOUR_MS);
    await sweep({ mediaMs: DAY_MS });
    expect((await media.filesOf(claim.task.id)).sort()).toEqual([named.path, small.path].sort());
    await clock.advance(DAY_MS);
    await sweep({ mediaMs: DAY_MS });
    expect(await media.filesOf(claim.task.id)).toEqual([]);
  });

  test("go in the end when the store does not know the task any more", async () => {
    const claim = await work();
    await complete(claim, await paint(claim));
    await bench.store.purge(scopeOf("a"), claim.task.id);
    await sweep();
    expect(await media.filesOf(claim.task.id)).toHaveLength(1);
    await clock.advance(2 * DAY_MS);
    await sweep();
    expect(await media.filesOf(claim.task.id)).toEqual([]);
  });
});

test("a sweep does not look at what is kept: a thousand days of pictures cost not one call more", async () => {
  const kept = 2_000 * DAY_MS;
  const claims = [await work(), await work()];
  for (const claim of claims) await complete(claim, await paint(claim));
  await clock.advance(HOUR_MS);
  await sweep({ mediaMs: kept });
  const count = async () => {
    calls = {};
    await sweep({ mediaMs: kept });
    return calls;
  };
  const before = await count();
  for (let day = 0; day < 1_000; day++) {
    const taskId = createTaskIds(() => clock.now() - day * DAY_MS)();
    const date = new Date(clock.now() - day * DAY_MS).toISOString().slice(0, 10).replaceAll("-", "/");
    await mkdir(join(root, date, taskId), { recursive: true });
  }
  expect(await count()).toEqual(before);
  expect(before).toEqual({ tasksBefore: 1 });
});

/** The store's own methods as properties, so that one of them can be replaced. */
function methodsOf(store: MediaStore): MediaStore {
  return {
    put: (...args) => store.put(...args),
    putDerived: (...args) => store.putDerived(...args),
    get: (path) => store.get(path),
    remove: (paths) => store.remove(paths),
    removeTask: (taskId) => store.removeTask(taskId),
    filesOf: (taskId) => store.filesOf(taskId),
    tasksBefore: (moment, limit) => store.tasksBefore(moment, limit),
  };
}
