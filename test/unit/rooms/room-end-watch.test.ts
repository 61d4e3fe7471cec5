import { beforeEach, describe, expect, test } from "vitest";
import { createRoomEndWatch } from "../../../src/rooms/room-end-watch.ts";
import { Rooms } from "../../../src/rooms/rooms.ts";
import type { Subscriber } from "../../../src/rooms/subscriber.ts";
import type { EndWatch } from "../../../src/tasks/ports/end-watch.ts";
import type { TenantScope } from "../../../src/tasks/task.ts";
import { ROOM_SETTINGS } from "../../contract/rooms.ts";
import { ManualClock, settled } from "../../fixture/manual-clock.ts";
import { MemoryTopics } from "../../fixture/recording-subscriber.ts";
import { ScriptedLogs } from "../../fixture/scripted-logs.ts";

const KEY: TenantScope = { keyId: "key_a", subject: null };

let store: ScriptedLogs;
let clock: ManualClock;
let rooms: Rooms;
let watch: EndWatch;

beforeEach(() => {
  store = new ScriptedLogs();
  clock = new ManualClock();
  rooms = new Rooms({ store, clock, topics: new MemoryTopics(), log: { warn: () => {} } }, ROOM_SETTINGS);
  watch = createRoomEndWatch(rooms, clock);
});

/** Whether the promise has settled, and that nothing is left behind once it has. */
async function isOver(waiting: Promise<unknown>): Promise<boolean> {
  let over = false;
  waiting.then(
    () => (over = true),
    () => (over = true),
  );
  await settled();
  if (over) expect([rooms.stats().rooms, clock.pendingTimers]).toEqual([0, 0]);
  return over;
}

test("it resolves with the end of the task", async () => {
  const { id } = store.create().task;
  const waiting = watch.untilEnded(KEY, id, 60_000);
  rooms.publish(store.advance(id, "started"));
  expect(await isOver(waiting)).toBe(false);
  rooms.publish(store.advance(id, "failed"));
  expect(await isOver(waiting)).toBe(true);
});

test("it resolves at once for a task that has ended, and for one that does not exist", async () => {
  const { id } = store.create().task;
  store.advance(id, "cancelled");
  expect(await isOver(watch.untilEnded(KEY, id, 60_000))).toBe(true);
  expect(await isOver(watch.untilEnded({ keyId: "key_b", subject: null }, id, 60_000))).toBe(true);
});

test("it resolves when the time is up, also while the store is being asked", async () => {
  const { id } = store.create().task;
  const waiting = watch.untilEnded(KEY, id, 1_000);
  await clock.advance(999);
  expect(await isOver(waiting)).toBe(false);
  await clock.advance(1);
  expect(await isOver(waiting)).toBe(true);
  const gate = Promise.withResolvers<void>();
  store.pause = () => gate.promise;
  let over = false;
  const stuck = watch.untilEnded(KEY, id, 1_000).then(() => (over = true));
  await clock.advance(1_000);
  expect(over).toBe(true);
  gate.resolve();
  await stuck;
});

test("it resolves when the signal aborts, before or while it waits", async () => {
  const { id } = store.create().task;
  expect(await isOver(watch.untilEnded(KEY, id, 60_000, AbortSignal.abort()))).toBe(true);
  const aborter = new AbortController();
  const waiting = watch.untilEnded(KEY, id, 60_000, aborter.signal);
  expect(await isOver(waiting)).toBe(false);
  aborter.abort();
  expect(await isOver(waiting)).toBe(true);
});

test("it rejects when the store cannot be read", async () => {
  const { id } = store.create().task;
  store.failing = true;
  await expect(watch.untilEnded(KEY, id, 60_000)).rejects.toThrow("the store is away");
});

test("a watch that is cut off follows again, and sees an end that came meanwhile", async () => {
  const { id } = store.create().task;
  const subscribers: Subscriber[] = [];
  const cutOff = {
    subscribeToTask: (...[scope, taskId, subscriber, after]: Parameters<Rooms["subscribeToTask"]>) => {
      subscribers.push(subscriber);
      return rooms.subscribeToTask(scope, taskId, subscriber, after);
    },
  };
  const waiting = createRoomEndWatch(cutOff, clock).untilEnded(KEY, id, 60_000);
  await settled();
  subscribers[0]?.close(1013, "come again");
  expect(await isOver(waiting)).toBe(false);
  expect(rooms.stats().rooms).toBe(0);
  rooms.publish(store.advance(id, "cancelled"));
  await clock.advance(1_000);
  expect(await isOver(waiting)).toBe(true);
  expect(subscribers).toHaveLength(2);
});

test("a watch that is cut off waits no longer than it may", async () => {
  const { id } = store.create().task;
  const shut = {
    subscribeToTask: (...[, , subscriber]: Parameters<Rooms["subscribeToTask"]>) => {
      queueMicrotask(() => subscriber.close(1013, "come again"));
      return {
        subscription: { unsubscribe: () => {}, position: null },
        opened: new Promise<"subscribed">(() => {}),
      };
    },
  };
  const waiting = createRoomEndWatch(shut, clock).untilEnded(KEY, id, 900);
  await settled();
  await clock.advance(899);
  expect(await isOver(waiting)).toBe(false);
  await clock.advance(1);
  expect(await isOver(waiting)).toBe(true);
});

test("a watch is not repeated when its key is disabled or its process stops", async () => {
  const { id } = store.create().task;
  const waiting = watch.untilEnded(KEY, id, 60_000);
  await settled();
  rooms.closeKey("key_a");
  expect(await isOver(waiting)).toBe(true);
});

describe("where other processes do not say what they did", () => {
  const watching = () =>
    createRoomEndWatch(rooms, clock, { checkTask: (keyId, taskId) => rooms.checkTask(keyId, taskId) });

  test("it finds an end that nobody told of, the sooner the shorter it has waited", async () => {
    for (const [endsAfterMs, atMost] of [
      [50, 100],
      [700, 950],
      [20_000, 22_000],
    ] as const) {
      const { id } = store.create().task;
      const waiting = watching().untilEnded(KEY, id, 60_000);
      await clock.advance(endsAfterMs);
      store.advance(id, "completed");
      await clock.advance(atMost - endsAfterMs);
      expect(await isOver(waiting), `${endsAfterMs} ms`).toBe(true);
    }
  });

  test("it asks the store a bounded number of times, and no more once it is over", async () => {
    const { id } = store.create().task;
    const { positions } = store;
    let asked = 0;
    store.positions = (ids) => {
      asked += 1;
      return positions.call(store, ids);
    };
    const waiting = watching().untilEnded(KEY, id, 60_000);
    await clock.advance(60_000);
    expect(await isOver(waiting)).toBe(true);
    expect(asked).toBeLessThan(50);
    const before = asked;
    await clock.advance(60_000);
    expect(asked).toBe(before);
  });
});
