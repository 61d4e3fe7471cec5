/** When the loop of a process claims: every claim counted, over a real store whose clock need not be the process's. */

import { afterEach, describe, expect, test } from "vitest";
import { billTask } from "../../../../src/accounts/prices/held-price.ts";
import { openSqliteFile } from "../../../../src/runtime/bun/sqlite-file.ts";
import { createSqliteStore, type SqliteStore } from "../../../../src/stores/sqlite/store.ts";
import { Engine } from "../../../../src/tasks/engine/engine.ts";
import type { TaskStore } from "../../../../src/tasks/ports/task-store.ts";
import { OPTIONS } from "../../../fixture/engine-world.ts";
import { ManualClock, settled } from "../../../fixture/manual-clock.ts";
import { recordingLog } from "../../../fixture/recording-log.ts";
import { pictures, ScriptedProvider } from "../../../fixture/scripted-provider.ts";
import { taskDraft } from "../../../fixture/task-draft.ts";
import { virtualKey } from "../../../fixture/virtual-key.ts";

/** No sweep comes within a test. */
const NEVER_MS = 3_600_000;

let store: SqliteStore;
let engine: Engine;
let clock: ManualClock;
afterEach(async () => {
  await Promise.all([engine.stop(), clock.advance(10_000)]);
  await store.close();
});

/** An engine with one slot for images. `behindMs`: how far the store's clock is behind. */
async function open({ behindMs = 0 } = {}) {
  clock = new ManualClock();
  const provider = new ScriptedProvider("local");
  store = createSqliteStore({ database: openSqliteFile(":memory:"), now: () => clock.now() - behindMs });
  await store.createKey(virtualKey({ id: "a" }));
  const counted = { claims: 0 };
  const claim: TaskStore["claim"] = (options) => {
    if (options.lane === "image") counted.claims += 1;
    return store.claim(options);
  };
  engine = new Engine(
    {
      store: new Proxy(store, {
        get(target, name) {
          const member: unknown = name === "claim" ? claim : Reflect.get(target, name);
          return typeof member === "function" ? member.bind(target) : member;
        },
      }),
      media: { put: () => Promise.reject(new Error("nothing is stored here")), get: async () => null },
      providers: new Map([["local", provider]]),
      publisher: { publish: () => {} },
      bill: billTask,
      clock,
      log: recordingLog(),
      random: () => 0.5,
    },
    { ...OPTIONS, concurrency: { image: 1, video: 1 }, sweepMs: NEVER_MS, shutdownMs: 0 },
  );
  engine.start();
  await settled();
  counted.claims = 0;
  const create = (id: string) => store.create(taskDraft({ id }), { maxQueuedPerKey: 10 });
  return { provider, counted, create };
}

describe("a claim that brought nothing", () => {
  test("is not made for a poll that is not due by the store's clock, however far this one is ahead", async () => {
    const { provider, counted, create } = await open({ behindMs: 350 });
    await create("task-1");
    engine.ring("image", clock.now());
    await settled();
    provider.calls.at(-1)?.answer({ kind: "pending", state: 1, pollAfterMs: 1_000 });
    await settled();
    const claimedAt: number[] = [];
    for (counted.claims = 0; provider.calls.length < 2; ) {
      await clock.advance(10);
      if (counted.claims > claimedAt.length) claimedAt.push(clock.now());
      expect(counted.claims).toBe(claimedAt.length);
    }
    expect(claimedAt).toHaveLength(1);
  });

  test("is not repeated where nothing waits", async () => {
    const { counted } = await open();
    engine.ring("image", clock.now());
    await clock.advance(60_000);
    expect(counted.claims).toBe(1);
  });
});

describe("a ring that found every slot taken", () => {
  test("is made up for by one claim when a step ends that claimed nothing itself", async () => {
    const { provider, counted, create } = await open();
    await create("task-1");
    engine.ring("image", clock.now());
    await settled();
    engine.ring("image", clock.now());
    engine.ring("image", clock.now());
    await settled();
    expect(counted.claims).toBe(1);
    provider.calls.at(-1)?.answer(pictures());
    await clock.advance(10_000);
    expect(counted.claims).toBe(2);
  });

  test("costs no claim where the step's own write claimed the next task", async () => {
    const { provider, counted, create } = await open();
    await create("task-1");
    engine.ring("image", clock.now());
    await settled();
    await create("task-2");
    engine.ring("image", clock.now());
    provider.calls.at(-1)?.answer(pictures());
    await settled();
    expect([counted.claims, provider.calls.length]).toEqual([1, 2]);
  });
});
