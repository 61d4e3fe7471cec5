/** Rooms on a host that forgets them between events: what they say of a subscriber's place, and how it is seated again. */

import { beforeEach, expect, test } from "vitest";
import { Rooms } from "../../../src/rooms/rooms.ts";
import type { TenantScope } from "../../../src/tasks/task.ts";
import { ROOM_SETTINGS } from "../../contract/rooms.ts";
import { ManualClock, settled } from "../../fixture/manual-clock.ts";
import { MemoryTopics, RecordingSubscriber, TellingEncoding } from "../../fixture/recording-subscriber.ts";
import { ScriptedLogs } from "../../fixture/scripted-logs.ts";

const KEY: TenantScope = { keyId: "key_a", subject: null };
const PACK_MS = 30;
const SETTINGS = { ...ROOM_SETTINGS, positionCheckMs: null };

let store: ScriptedLogs;
let clock: ManualClock;
let encoding: TellingEncoding;

beforeEach(() => {
  store = new ScriptedLogs();
  clock = new ManualClock();
  encoding = new TellingEncoding();
});

/** The rooms of one life of the host. */
const life = () =>
  new Rooms(
    {
      store,
      clock,
      topics: new MemoryTopics(),
      log: { warn: () => {} },
      scheduleFlush: (flush, urgent) => clock.after(urgent ? 0 : PACK_MS, flush),
    },
    SETTINGS,
  );

const followed = async (rooms: Rooms, taskId: string, subscriber = new RecordingSubscriber(encoding)) => {
  const { subscription, opened } = rooms.subscribeToTask(KEY, taskId, subscriber, null);
  await opened;
  return { subscriber, subscription };
};

const positionAt = (taskId: string, seq: number) => ({ epoch: store.task(taskId).epoch, seq });

test("a subscription has its subscriber's position, from the opening to the end", async () => {
  const rooms = life();
  const { id } = store.create().task;
  const subscriber = new RecordingSubscriber(encoding);
  const { subscription, opened } = rooms.subscribeToTask(KEY, id, subscriber, null);
  expect(subscription.position).toBeNull();
  await opened;
  expect(subscription.position).toEqual(positionAt(id, 1));
  rooms.publish(store.advance(id, "started"));
  expect(subscription.position).toEqual(positionAt(id, 2));
  rooms.publish(store.advance(id, "completed"));
  expect(subscription.position).toBeNull();
});

test("one that could not be brought up to its room stands where it was left", async () => {
  const rooms = life();
  const { id } = store.create().task;
  const { subscription: joined } = await followed(rooms, id);
  rooms.publish(store.advance(id, "started"));
  rooms.publish(store.advance(id, "retrying"));
  const subscriber = new RecordingSubscriber(encoding);
  subscriber.unsent = ROOM_SETTINGS.slowBytes;
  const { subscription, opened } = rooms.subscribeToTask(KEY, id, subscriber, positionAt(id, 1));
  await opened;
  expect([joined.position?.seq, subscription.position?.seq]).toEqual([3, 1]);
});

test("restored subscribers continue behind their position, and the store is not asked", async () => {
  const { id } = store.create().task;
  await followed(life(), id);
  store.calls.length = 0;
  const rooms = life();
  const [one, other] = [new RecordingSubscriber(encoding), new RecordingSubscriber(encoding)];
  for (const subscriber of [one, other]) rooms.resubscribeToTask(KEY, id, subscriber, positionAt(id, 1));
  rooms.publish(store.advance(id, "started"));
  expect([one.types, other.types]).toEqual([["started"], ["started"]]);
  expect(store.calls).toEqual([]);
});

test("what was missed meanwhile is read once for all restored subscribers", async () => {
  const { id } = store.create().task;
  await followed(life(), id);
  store.advance(id, "started");
  store.advance(id, "progress", 10);
  const rooms = life();
  const subscribers = Array.from({ length: 10 }, () => new RecordingSubscriber(encoding));
  for (const subscriber of subscribers) rooms.resubscribeToTask(KEY, id, subscriber, positionAt(id, 1));
  store.calls.length = 0;
  rooms.publish(store.advance(id, "retrying"));
  await settled();
  for (const subscriber of subscribers) expect(subscriber.types).toEqual(["started", "progress", "retrying"]);
  expect(store.calls).toEqual(["readLog"]);
});

test("a check after hibernation finds updates that were never published, and the end as well", async () => {
  const { id } = store.create().task;
  await followed(life(), id);
  store.advance(id, "started");
  store.advance(id, "completed");
  const rooms = life();
  const subscriber = new RecordingSubscriber(encoding);
  rooms.resubscribeToTask(KEY, id, subscriber, positionAt(id, 1));
  await rooms.check();
  await settled();
  expect(subscriber.types).toEqual(["started", "completed"]);
  expect(subscriber.closedWith).toBe(1000);
  expect(store.hasSubscribers(id)).toBe(false);
});

test("subscribers with different positions are each sent what they lack, once", async () => {
  const { id } = store.create().task;
  await followed(life(), id);
  store.advance(id, "started");
  store.advance(id, "retrying");
  const rooms = life();
  const behind = new RecordingSubscriber(encoding);
  const ahead = new RecordingSubscriber(encoding);
  rooms.resubscribeToTask(KEY, id, new RecordingSubscriber(encoding), positionAt(id, 2));
  rooms.resubscribeToTask(KEY, id, behind, positionAt(id, 1));
  rooms.resubscribeToTask(KEY, id, ahead, positionAt(id, 3));
  await settled();
  expect([behind.seqs, ahead.seqs]).toEqual([[2, 3], []]);
  rooms.publish(store.advance(id, "started"));
  expect([behind.seqs, ahead.seqs]).toEqual([[2, 3, 4], [4]]);
});

test("a log that lost events meanwhile is announced to restored subscribers", async () => {
  const { id } = store.create().task;
  await followed(life(), id);
  const place = positionAt(id, 1);
  store.trim(id);
  const rooms = life();
  const subscriber = new RecordingSubscriber(encoding);
  rooms.resubscribeToTask(KEY, id, subscriber, place);
  await rooms.check();
  await settled();
  expect(subscriber.types).toEqual(["reset", "snapshot"]);
});

test("a restored subscriber that leaves clears the follow flag of before the hibernation", async () => {
  const { id } = store.create().task;
  await followed(life(), id);
  const rooms = life();
  rooms.resubscribeToTask(KEY, id, new RecordingSubscriber(encoding), positionAt(id, 1)).unsubscribe();
  await settled();
  expect([store.hasSubscribers(id), rooms.stats().rooms]).toEqual([false, 0]);
});

test("a tenant's subscribers are restored in the same way", async () => {
  const earlier = life();
  const before = new RecordingSubscriber(encoding);
  const { subscription, opened } = earlier.subscribeToTenant(KEY, before, null);
  await opened;
  const first = store.create();
  earlier.publish(first);
  const at = subscription.position;
  if (at === null) throw new Error("it stands nowhere");
  const rooms = life();
  const subscriber = new RecordingSubscriber(encoding);
  rooms.resubscribeToTenant(KEY, subscriber, at);
  rooms.publish(store.advance(first.task.id, "started"));
  expect(subscriber.types).toEqual(["started"]);
});

test("nothing is compared with the store, and no timer waits, unless the host calls for it", async () => {
  const rooms = life();
  const { id } = store.create().task;
  const { subscriber } = await followed(rooms, id);
  expect(clock.pendingTimers).toBe(0);
  store.advance(id, "started");
  await clock.advance(3_600_000);
  expect(subscriber.types).toEqual(["snapshot"]);
  await rooms.check();
  await settled();
  expect(subscriber.types).toEqual(["snapshot", "started"]);
});

test("frames are batched as long as the host decides, and not with the end of a task among them", async () => {
  const lines = new TellingEncoding("lines", (frames) => frames.join("\n"));
  const rooms = life();
  const subscriber = new RecordingSubscriber(lines);
  await rooms.subscribeToTenant(KEY, subscriber, null).opened;
  const first = store.create();
  rooms.publish(first);
  await clock.advance(PACK_MS - 1);
  rooms.publish(store.advance(first.task.id, "started"));
  expect(subscriber.frames).toHaveLength(1);
  await clock.advance(1);
  expect(subscriber.types).toEqual(["begin", "queued", "started"]);
  expect(subscriber.frames).toHaveLength(2);
  rooms.publish(store.advance(first.task.id, "progress", 50));
  rooms.publish(store.advance(first.task.id, "completed"));
  await clock.advance(0);
  expect(subscriber.types.slice(3)).toEqual(["progress", "completed"]);
  expect(subscriber.frames).toHaveLength(3);
});

test("a flush hands over at once what waits", async () => {
  const lines = new TellingEncoding("lines", (frames) => frames.join("\n"));
  const rooms = life();
  const subscriber = new RecordingSubscriber(lines);
  await rooms.subscribeToTenant(KEY, subscriber, null).opened;
  rooms.publish(store.create());
  expect(subscriber.types).toEqual(["begin"]);
  rooms.flush();
  expect(subscriber.types).toEqual(["begin", "queued"]);
});
