import { beforeEach, describe, expect, test } from "vitest";
import { printPosition } from "../../../src/rooms/position.ts";
import { Rooms } from "../../../src/rooms/rooms.ts";
import type { TenantScope } from "../../../src/tasks/task.ts";
import { ROOM_SETTINGS, roomsContract } from "../../contract/rooms.ts";
import { ManualClock, settled } from "../../fixture/manual-clock.ts";
import { MemoryTopics, RecordingSubscriber, TellingEncoding } from "../../fixture/recording-subscriber.ts";
import { ScriptedLogs } from "../../fixture/scripted-logs.ts";

roomsContract({
  name: "scripted logs",
  open: async () => {
    const store = new ScriptedLogs();
    return {
      store,
      clock: new ManualClock(),
      create: async (tenant) => store.create(tenant),
      advance: async (taskId, type, percent) => store.advance(taskId, type, percent),
      close: async () => {},
    };
  },
});

const KEY: TenantScope = { keyId: "key_a", subject: null };
const KILOBYTE = 1_024;

describe("rooms", () => {
  let store: ScriptedLogs;
  let clock: ManualClock;
  let topics: MemoryTopics;
  let encoding: TellingEncoding;
  let rooms: Rooms;
  let warnings: string[];

  beforeEach(() => {
    store = new ScriptedLogs();
    clock = new ManualClock();
    topics = new MemoryTopics();
    encoding = new TellingEncoding();
    warnings = [];
    const log = { warn: (message: string) => warnings.push(message) };
    rooms = new Rooms({ store, topics, clock, log }, ROOM_SETTINGS);
  });

  const follow = async (taskId: string, subscriber = new RecordingSubscriber(encoding, topics)) => {
    const { subscription, opened } = rooms.subscribeToTask(KEY, taskId, subscriber, null);
    await opened;
    return { subscriber, subscription };
  };
  const commit = (taskId: string, ...rest: [Parameters<ScriptedLogs["advance"]>[1], number?]) =>
    rooms.publish(store.advance(taskId, ...rest));

  test("an event is encoded once per encoding and published once, however many follow", async () => {
    const { id } = store.create().task;
    const other = new TellingEncoding("other");
    const subscribers = [];
    for (let i = 0; i < 20; i += 1) {
      const subscriber = new RecordingSubscriber(i % 2 === 0 ? encoding : other, topics);
      subscribers.push((await follow(id, subscriber)).subscriber);
    }
    commit(id, "started");
    expect([encoding.encoded, other.encoded, topics.published]).toEqual([1, 1, 2]);
    for (const subscriber of subscribers) expect(subscriber.types).toEqual(["snapshot", "started"]);
  });

  test("subscribers without native topics get the same, each by its own send", async () => {
    const { id } = store.create().task;
    const one = (await follow(id, new RecordingSubscriber(encoding))).subscriber;
    const other = (await follow(id, new RecordingSubscriber(encoding))).subscriber;
    commit(id, "started");
    commit(id, "completed");
    expect(one.told).toEqual(other.told);
    expect(one.types).toEqual(["snapshot", "started", "completed"]);
    expect([encoding.encoded, topics.published]).toEqual([2, 0]);
  });

  test("updates that come before the store has answered are kept for the subscriber", async () => {
    const { id } = store.create().task;
    const gate = Promise.withResolvers<void>();
    let pauses = 0;
    // The answer is decided, and on its way, when the updates come.
    store.pause = () => (++pauses === 2 ? gate.promise : Promise.resolve());
    const subscriber = new RecordingSubscriber(encoding, topics);
    const { opened } = rooms.subscribeToTask(KEY, id, subscriber, null);
    await settled();
    commit(id, "started");
    expect(subscriber.told).toEqual([]);
    gate.resolve();
    await opened;
    expect(subscriber.types).toEqual(["snapshot", "started"]);
    expect(store.calls).toEqual(["follow"]);
  });

  test("a later snapshot than the room's position gets nothing twice", async () => {
    const { id } = store.create().task;
    const { subscriber: first } = await follow(id);
    const started = store.advance(id, "started");
    const { subscriber: second } = await follow(id);
    rooms.publish(started);
    commit(id, "completed");
    await settled();
    expect(first.seqs).toEqual([-1, 2, 3]);
    expect(second.seqs).toEqual([-2, 3]);
  });

  test("a subscription that ends before the store has answered leaves nothing behind", async () => {
    const { id } = store.create().task;
    const subscriber = new RecordingSubscriber(encoding, topics);
    const { subscription, opened } = rooms.subscribeToTask(KEY, id, subscriber, null);
    subscription.unsubscribe();
    subscription.unsubscribe();
    expect(await opened).toBe("unsubscribed");
    await settled();
    expect(subscriber.told).toEqual([]);
    expect([store.hasSubscribers(id), rooms.stats().rooms, clock.pendingTimers]).toEqual([false, 0, 0]);
  });

  test("a store that cannot be read refuses the subscriber and leaves no room behind", async () => {
    const { id } = store.create().task;
    store.failing = true;
    await expect(follow(id)).rejects.toThrow("the store is away");
    store.failing = false;
    await settled();
    expect([rooms.stats().rooms, clock.pendingTimers]).toEqual([0, 0]);
  });

  test("a hole found while the store is away is filled by a later check", async () => {
    const { id } = store.create().task;
    const { subscriber } = await follow(id);
    store.failing = true;
    store.advance(id, "started");
    commit(id, "retrying");
    await settled();
    expect(subscriber.types).toEqual(["snapshot"]);
    store.failing = false;
    await clock.advance(ROOM_SETTINGS.positionCheckMs);
    expect(subscriber.types).toEqual(["snapshot", "started", "retrying"]);
    expect(warnings).not.toEqual([]);
  });

  test("updates with events that the log does not hold are dropped, and what follows is read", async () => {
    const { id } = store.create().task;
    const { subscriber } = await follow(id);
    const update = store.advance(id, "started");
    const wrong = update.events.map((event) => ({ ...event, seq: 90 }));
    rooms.publish({ ...update, events: wrong });
    await settled();
    expect(subscriber.types).toEqual(["snapshot", "started"]);
    commit(id, "completed");
    expect(subscriber.types).toEqual(["snapshot", "started", "completed"]);
  });

  test("a trimmed log is announced to every subscriber with a reset and a snapshot", async () => {
    const { id } = store.create().task;
    const { subscriber } = await follow(id);
    commit(id, "started");
    store.trim(id);
    await clock.advance(ROOM_SETTINGS.positionCheckMs);
    commit(id, "completed");
    expect(subscriber.types).toEqual(["snapshot", "started", "reset", "snapshot", "completed"]);
  });

  test("a hole that appears while another is being read is read at once, not with the next check", async () => {
    const { id } = store.create().task;
    const { subscriber } = await follow(id);
    const gate = Promise.withResolvers<void>();
    let pauses = 0;
    // The first read's answer is decided, and on its way, when the second hole appears.
    store.pause = () => (++pauses === 2 ? gate.promise : Promise.resolve());
    store.advance(id, "started");
    commit(id, "retrying");
    await settled();
    store.advance(id, "started");
    commit(id, "retrying");
    gate.resolve();
    await settled();
    expect(subscriber.seqs).toEqual([-1, 2, 3, 4, 5]);
  });

  test("a subscriber that begins ahead of its room makes the room read on, and then joins it", async () => {
    const { id } = store.create().task;
    const { subscriber } = await follow(id);
    store.advance(id, "started");
    const { subscriber: ahead } = await follow(id);
    await settled();
    expect([subscriber.seqs, ahead.seqs]).toEqual([[-1, 2], [-2]]);
    expect(rooms.stats().alone).toBe(0);
  });

  test("updates of a new epoch are not mistaken for the old one's", async () => {
    const { id } = store.create().task;
    const { subscriber } = await follow(id);
    store.trim(id);
    commit(id, "started");
    await settled();
    expect(subscriber.types).toEqual(["snapshot", "reset", "snapshot"]);
    expect(subscriber.lastId).toBe(printPosition({ epoch: store.task(id).epoch, seq: 2 }));
  });

  test("a stream that resumes at the end of a log renewed since its room looked is ended", async () => {
    const { id } = store.create().task;
    const { subscriber: stuck } = await follow(id);
    commit(id, "started");
    stuck.unsent = 100 * KILOBYTE;
    await clock.advance(100);
    commit(id, "completed");
    store.trim(id);
    const subscriber = new RecordingSubscriber(encoding, topics);
    await rooms.subscribeToTask(KEY, id, subscriber, { epoch: store.task(id).epoch, seq: 3 }).opened;
    expect([subscriber.told, subscriber.closedWith]).toEqual([[], 1000]);
  });

  test("a subscriber of another tenant's task shares nothing with those who may", async () => {
    const { id } = store.create().task;
    const foreign = new RecordingSubscriber(encoding, topics);
    const refused = rooms.subscribeToTask({ keyId: "key_b", subject: null }, id, foreign, null);
    const { subscriber } = await follow(id);
    expect(await refused.opened).toBe("not_found");
    rooms.closeKey("key_b");
    await clock.advance(ROOM_SETTINGS.positionCheckMs);
    store.advance(id, "started");
    await clock.advance(ROOM_SETTINGS.positionCheckMs);
    expect([subscriber.types, foreign.told]).toEqual([["snapshot", "started"], []]);
  });

  test("a new subscriber waits until the last one's follow flag is cleared, and sets it again", async () => {
    const { id } = store.create().task;
    const { subscription } = await follow(id);
    const gate = Promise.withResolvers<void>();
    store.pause = () => gate.promise;
    subscription.unsubscribe();
    store.pause = () => Promise.resolve();
    const subscriber = new RecordingSubscriber(encoding, topics);
    const { opened } = rooms.subscribeToTask(KEY, id, subscriber, null);
    await settled();
    expect(store.calls).toEqual(["follow", "unfollow"]);
    gate.resolve();
    await opened;
    expect(store.hasSubscribers(id)).toBe(true);
  });

  test("a purged task ends its streams", async () => {
    const { id } = store.create().task;
    const { subscriber } = await follow(id);
    store.purge(id);
    await clock.advance(ROOM_SETTINGS.positionCheckMs);
    expect(subscriber.closedWith).toBe(1000);
    expect(rooms.stats().rooms).toBe(0);
  });

  test("a long history is read in bounded pieces", async () => {
    const { id } = store.create().task;
    for (let i = 0; i < 100; i += 1) {
      store.advance(id, "started");
      store.advance(id, "retrying");
    }
    const subscriber = new RecordingSubscriber(encoding, topics);
    await rooms.subscribeToTask(KEY, id, subscriber, { epoch: store.task(id).epoch, seq: 1 }).opened;
    expect(subscriber.seqs).toEqual(Array.from({ length: 200 }, (_, index) => index + 2));
    expect(store.calls.filter((name) => name === "readLog").length).toBeGreaterThan(2);
  });

  test("positions are compared in one step for all rooms", async () => {
    for (let i = 0; i < 40; i += 1) await follow(store.create().task.id);
    store.calls.length = 0;
    await clock.advance(ROOM_SETTINGS.positionCheckMs);
    expect(store.calls).toEqual(["positions"]);
  });

  test("an encoding that packs sends what is due in one turn as one frame", async () => {
    const { id } = store.create().task;
    const lines = new TellingEncoding("lines", (frames) => frames.join("\n"));
    const { subscriber } = await follow(id, new RecordingSubscriber(lines, topics));
    commit(id, "started");
    commit(id, "progress", 10);
    commit(id, "progress", 20);
    expect(subscriber.types).toEqual(["snapshot"]);
    const { subscriber: late } = await follow(id, new RecordingSubscriber(lines, topics));
    commit(id, "progress", 30);
    await clock.advance(1);
    expect(subscriber.seqs).toEqual([-1, 2, 3, 4, 5]);
    // The newcomer's arrival sends what waited, so that it gets none of what its snapshot holds.
    expect([subscriber.frames.length, late.seqs]).toEqual([3, [-4, 5]]);
    commit(id, "progress", 40);
    commit(id, "completed");
    expect(subscriber.seqs.slice(-2)).toEqual([6, 7]);
    expect([subscriber.frames.length, subscriber.closedWith]).toEqual([4, 1000]);
  });

  describe("slow subscribers", () => {
    const slowDown = (subscriber: RecordingSubscriber) => {
      subscriber.unsent = 100 * KILOBYTE;
    };

    test("one that does not drain is closed 1013, and the others notice nothing", async () => {
      const { id } = store.create().task;
      const { subscriber: slow } = await follow(id);
      const { subscriber: healthy } = await follow(id);
      commit(id, "started");
      slowDown(slow);
      await clock.advance(100);
      commit(id, "progress", 10);
      commit(id, "progress", 20);
      expect(slow.seqs).toEqual([-1, 2]);
      expect(healthy.seqs).toEqual([-1, 2, 3, 4]);
      await clock.advance(ROOM_SETTINGS.slowCloseMs - 200);
      expect(slow.closedWith).toBeNull();
      await clock.advance(400);
      expect(slow.closedWith).toBe(1013);
      commit(id, "completed");
      expect(healthy.closedWith).toBe(1000);
      expect(rooms.stats().rooms).toBe(0);
    });

    test("one that drains gets every lifecycle event and the last progress, then is broadcast to again", async () => {
      const { id } = store.create().task;
      const { subscriber } = await follow(id);
      commit(id, "started");
      slowDown(subscriber);
      await clock.advance(100);
      for (let percent = 1; percent <= 40; percent += 1) commit(id, "progress", percent);
      commit(id, "retrying");
      commit(id, "started");
      for (let percent = 41; percent <= 80; percent += 1) commit(id, "progress", percent);
      subscriber.unsent = 0;
      await clock.advance(100);
      expect(subscriber.types.slice(2)).toEqual(["retrying", "started", "progress"]);
      expect(rooms.stats().alone).toBe(0);
      const { sent } = subscriber;
      commit(id, "completed");
      expect(subscriber.sent).toBe(sent);
      expect(subscriber.types.at(-1)).toBe("completed");
      expect(store.calls).not.toContain("readLog");
    });

    test("one further behind than the room remembers is served from the store", async () => {
      const { id } = store.create().task;
      const { subscriber } = await follow(id);
      commit(id, "started");
      slowDown(subscriber);
      await clock.advance(100);
      for (let i = 0; i < 50; i += 1) {
        commit(id, "retrying");
        commit(id, "started");
      }
      subscriber.unsent = 0;
      await clock.advance(100);
      expect(store.calls).toContain("readLog");
      expect(subscriber.seqs).toEqual([-1, ...Array.from({ length: 101 }, (_, index) => index + 2)]);
    });

    test("one that was slow when its task ended still gets the end", async () => {
      const { id } = store.create().task;
      const { subscriber } = await follow(id);
      commit(id, "started");
      slowDown(subscriber);
      await clock.advance(100);
      commit(id, "completed");
      expect(subscriber.closedWith).toBeNull();
      subscriber.unsent = 0;
      await clock.advance(100);
      expect([subscriber.types.at(-1), subscriber.closedWith]).toEqual(["completed", 1000]);
    });

    test("on a tenant's stream it gets the last progress of each task when it has drained", async () => {
      const subscriber = new RecordingSubscriber(encoding, topics);
      const [one, other] = [store.create().task.id, store.create().task.id];
      await rooms.subscribeToTenant(KEY, subscriber, null).opened;
      commit(one, "started");
      slowDown(subscriber);
      await clock.advance(100);
      commit(other, "started");
      for (const percent of [10, 20, 30]) {
        commit(one, "progress", percent);
        commit(other, "progress", percent + 1);
      }
      commit(one, "retrying");
      subscriber.unsent = 0;
      await clock.advance(100);
      expect(subscriber.types).toEqual(["begin", "started", "started", "retrying", "progress"]);
      expect(subscriber.told.at(-1)).toMatchObject({ taskId: other, progress: 31 });
    });

    test("a burst is looked at before the sweep is due", async () => {
      const { id } = store.create().task;
      const { subscriber } = await follow(id);
      commit(id, "started");
      slowDown(subscriber);
      for (let i = 0; i < 3_000; i += 1) commit(id, "progress", i / 30);
      expect(rooms.stats().alone).toBe(1);
      expect(subscriber.frames.length).toBeLessThan(3_000);
    });

    test("a burst that is packed reaches those taken out in the middle of it without a hole", async () => {
      const { id } = store.create().task;
      const lines = new TellingEncoding("lines", (frames) => frames.join("\n"));
      const { subscriber } = await follow(id, new RecordingSubscriber(lines, topics));
      slowDown(subscriber);
      for (let i = 0; i < 2_000; i += 1) commit(id, i % 2 === 0 ? "started" : "retrying");
      expect(rooms.stats().alone).toBe(1);
      subscriber.unsent = 0;
      await clock.advance(200);
      expect(subscriber.seqs).toEqual([-1, ...Array.from({ length: 2_000 }, (_, index) => index + 2)]);
    });

    test("one that fills up while it catches up is given no more until it has drained", async () => {
      const { id } = store.create().task;
      for (let i = 0; i < 200; i += 1) store.advance(id, i % 2 === 0 ? "started" : "retrying");
      const subscriber = new RecordingSubscriber(encoding, topics);
      store.pause = async () => {
        if (subscriber.frames.length > 0) slowDown(subscriber);
      };
      await rooms.subscribeToTask(KEY, id, subscriber, { epoch: store.task(id).epoch, seq: 1 }).opened;
      const first = subscriber.frames.length;
      expect(first).toBeLessThan(200);
      await clock.advance(1_000);
      expect(subscriber.frames.length).toBe(first);
      store.pause = () => Promise.resolve();
      subscriber.unsent = 0;
      await clock.advance(100);
      expect(subscriber.seqs).toEqual(Array.from({ length: 200 }, (_, index) => index + 2));
    });

    test("together they may hold so much and no more: the slowest go first", async () => {
      const { id } = store.create().task;
      const subscribers = [];
      for (let i = 0; i < 70; i += 1) subscribers.push((await follow(id)).subscriber);
      commit(id, "started");
      for (const subscriber of subscribers) subscriber.unsent = 1_024 * KILOBYTE;
      await clock.advance(100);
      const closed = subscribers.filter(({ closedWith }) => closedWith === 1013);
      expect(closed.length).toBe(6);
    });

    test("nothing is swept while nothing is broadcast and no subscriber is slow", async () => {
      const { id } = store.create().task;
      await follow(id);
      commit(id, "started");
      expect(clock.pendingTimers).toBe(2);
      await clock.advance(100);
      expect(clock.pendingTimers).toBe(1);
    });
  });

  test("closing a key reaches a subscriber whose position is still being asked for", async () => {
    const { id } = store.create().task;
    const subscriber = new RecordingSubscriber(encoding, topics);
    const { opened } = rooms.subscribeToTask(KEY, id, subscriber, null);
    rooms.closeKey("key_a");
    expect(await opened).toBe("unsubscribed");
    expect([subscriber.closedWith, subscriber.told]).toEqual([1008, []]);
  });

  test("positions resume across rooms: they are the store's, not the process's", async () => {
    const { id } = store.create().task;
    const { subscriber } = await follow(id);
    commit(id, "started");
    expect(subscriber.lastId).toBe(printPosition({ epoch: store.task(id).epoch, seq: 2 }));
  });
});
