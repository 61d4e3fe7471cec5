/**
 * What every adapter of the rooms must do, whatever their store: a subscriber gets a snapshot, then every later
 * lifecycle event in order, and rising progress; a gap is announced, never silent; the terminal event always arrives.
 */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parsePosition } from "../../src/rooms/position.ts";
import type { RoomStore } from "../../src/rooms/room-log.ts";
import { Rooms, type RoomsSettings } from "../../src/rooms/rooms.ts";
import type { TaskUpdate, Tenant, TenantScope } from "../../src/tasks/task.ts";
import { settled as inProcess, type ManualClock } from "../fixture/manual-clock.ts";
import { MemoryTopics, RecordingSubscriber, TellingEncoding } from "../fixture/recording-subscriber.ts";
import type { ScriptedEvent } from "../fixture/scripted-logs.ts";

/** A store and the hand that moves its tasks. */
export type RoomsSubject = {
  store: RoomStore;
  clock: ManualClock;
  create(tenant: Tenant): Promise<TaskUpdate>;
  /** Lets everything run that needs no time. Default: enough turns for a store in the same process. */
  settled?(): Promise<void>;
  /** Commits a transition; nothing is published. */
  advance(taskId: string, type: ScriptedEvent, percent?: number): Promise<TaskUpdate>;
  close(): Promise<void>;
};

export const ROOM_SETTINGS = {
  positionCheckMs: 5_000,
  slowSweepMs: 100,
  slowBytes: 65_536,
  slowCloseMs: 10_000,
} satisfies RoomsSettings;

const OWN: Tenant = { keyId: "key_a", subject: "" };
const KEY: TenantScope = { keyId: "key_a", subject: null };

export function roomsContract(subject: { name: string; open(): Promise<RoomsSubject> }): void {
  describe(`rooms over ${subject.name}`, () => {
    let opened: RoomsSubject;
    let rooms: Rooms;
    let topics: MemoryTopics;
    let encoding: TellingEncoding;

    beforeEach(async () => {
      opened = await subject.open();
      topics = new MemoryTopics();
      encoding = new TellingEncoding();
      const { store, clock } = opened;
      rooms = new Rooms({ store, topics, clock, log: { warn: () => {} } }, ROOM_SETTINGS);
    });
    afterEach(() => opened.close());

    const settled = () => opened.settled?.() ?? inProcess();
    /** Time passes, and what it brings about is waited for. */
    const pass = async (ms: number) => {
      await opened.clock.advance(ms);
      await settled();
    };
    const create = async (tenant = OWN) => (await opened.create(tenant)).task.id;
    const commit = async (taskId: string, type: ScriptedEvent, percent?: number) => {
      const update = await opened.advance(taskId, type, percent);
      rooms.publish(update);
      await settled();
      return update;
    };
    const subscribeToTask = async (taskId: string, after: string | null = null, scope = KEY) => {
      const subscriber = new RecordingSubscriber(encoding, topics);
      const position = after === null ? null : parsePosition(after, "after");
      const { subscription, opened: began } = rooms.subscribeToTask(scope, taskId, subscriber, position);
      return { subscriber, subscription, outcome: await began };
    };
    const subscribeToTenant = async (scope: TenantScope, after: string | null = null) => {
      const subscriber = new RecordingSubscriber(encoding, topics);
      const position = after === null ? null : parsePosition(after, "after");
      const { subscription, opened: began } = rooms.subscribeToTenant(scope, subscriber, position);
      await began;
      return { subscriber, subscription };
    };

    test("a subscriber gets a snapshot, every event after it, and is closed after the terminal one", async () => {
      const id = await create();
      const { subscriber } = await subscribeToTask(id);
      await commit(id, "started");
      await commit(id, "progress", 50);
      await commit(id, "completed");
      expect(subscriber.types).toEqual(["snapshot", "started", "progress", "completed"]);
      expect(subscriber.seqs).toEqual([-1, 2, 3, 4]);
      expect(subscriber.closedWith).toBe(1000);
      expect(rooms.stats()).toEqual({ rooms: 0, subscribers: 0, alone: 0 });
    });

    test("a task that is over is shown as it is, and the stream ends", async () => {
      const id = await create();
      await commit(id, "started");
      await commit(id, "cancelled");
      const { subscriber } = await subscribeToTask(id);
      expect(subscriber.types).toEqual(["snapshot"]);
      expect(subscriber.closedWith).toBe(1000);
    });

    test("resuming continues behind the event named, without a snapshot", async () => {
      const id = await create();
      const { subscriber: first } = await subscribeToTask(id);
      await commit(id, "started");
      const after = first.lastId;
      await commit(id, "progress", 40);
      await commit(id, "retrying");
      const { subscriber } = await subscribeToTask(id, after);
      expect(subscriber.types.at(-1)).toBe("retrying");
      expect(subscriber.types).not.toContain("snapshot");
      await commit(id, "started");
      expect(subscriber.types.slice(-2)).toEqual(["retrying", "started"]);
    });

    test("resuming at the terminal event ends at once and sends nothing", async () => {
      const id = await create();
      const { subscriber: first } = await subscribeToTask(id);
      await commit(id, "started");
      await commit(id, "completed");
      const { subscriber } = await subscribeToTask(id, first.lastId);
      expect(subscriber.told).toEqual([]);
      expect(subscriber.closedWith).toBe(1000);
    });

    test("a position of another epoch is answered by a reset and a snapshot", async () => {
      const id = await create();
      const { subscriber } = await subscribeToTask(id, "elsewhere.1");
      expect(subscriber.types).toEqual(["reset", "snapshot"]);
      await commit(id, "started");
      expect(subscriber.types).toEqual(["reset", "snapshot", "started"]);
    });

    test("a position ahead of the log is answered by a reset and a snapshot", async () => {
      const id = await create();
      const { subscriber: first } = await subscribeToTask(id);
      const epoch = first.lastId.split(".")[0];
      const { subscriber } = await subscribeToTask(id, `${epoch}.999`);
      expect(subscriber.types).toEqual(["reset", "snapshot"]);
    });

    test("updates that arrive out of order, twice or not at all reach a subscriber once and in order", async () => {
      const id = await create();
      const { subscriber } = await subscribeToTask(id);
      const started = await opened.advance(id, "started");
      const retrying = await opened.advance(id, "retrying");
      await opened.advance(id, "started");
      const completed = await opened.advance(id, "completed");
      rooms.publish(retrying);
      rooms.publish(started);
      rooms.publish(completed);
      rooms.publish(retrying);
      await settled();
      expect(subscriber.types).toEqual(["snapshot", "started", "retrying", "started", "completed"]);
      expect(subscriber.closedWith).toBe(1000);
    });

    test("an event whose doorbell never rang arrives with the next position check", async () => {
      const id = await create();
      const { subscriber } = await subscribeToTask(id);
      await opened.advance(id, "started");
      await pass(ROOM_SETTINGS.positionCheckMs);
      expect(subscriber.types).toEqual(["snapshot", "started"]);
      await opened.advance(id, "completed");
      await pass(ROOM_SETTINGS.positionCheckMs);
      expect(subscriber.types).toEqual(["snapshot", "started", "completed"]);
      expect(subscriber.closedWith).toBe(1000);
    });

    test("a task of another key, or none, is not found", async () => {
      const id = await create();
      const foreign = await subscribeToTask(id, null, { keyId: "key_b", subject: null });
      expect(foreign.outcome).toBe("not_found");
      const subject = await subscribeToTask(id, null, { keyId: "key_a", subject: "someone" });
      expect(subject.outcome).toBe("not_found");
      const unknown = await subscribeToTask("019aa5f0-1c00-7000-8000-ffffffffffff");
      expect(unknown.outcome).toBe("not_found");
      expect(foreign.subscriber.told).toEqual([]);
      expect(rooms.stats().rooms).toBe(0);
    });

    test("an ephemeral key follows its own tasks and those granted to it", async () => {
      const own = await create({ keyId: "key_a", subject: "sam" });
      const granted = await create();
      const scope: TenantScope = { keyId: "key_a", subject: "sam", granted: [granted] };
      const { subscriber: one } = await subscribeToTask(own, null, scope);
      const { subscriber: other } = await subscribeToTask(granted, null, scope);
      await commit(own, "started");
      await commit(granted, "started");
      expect(one.types).toEqual(["snapshot", "started"]);
      expect(other.types).toEqual(["snapshot", "started"]);
    });

    test("a tenant's stream carries all its tasks, and progress between their events", async () => {
      const { subscriber } = await subscribeToTenant(KEY);
      const first = await opened.create(OWN);
      rooms.publish(first);
      const second = await opened.create({ keyId: "key_a", subject: "sam" });
      rooms.publish(second);
      await commit(first.task.id, "started");
      await commit(first.task.id, "progress", 30);
      await commit(second.task.id, "started");
      await commit(first.task.id, "completed");
      const types = ["queued", "queued", "started", "progress", "started", "completed"];
      expect(subscriber.types).toEqual(["begin", ...types]);
      expect(subscriber.closedWith).toBeNull();
      const ids = subscriber.told.map((told) => told.id);
      // Progress is not stored in a tenant's log: it repeats the position of the event before it.
      expect(ids[4]).toBe(ids[3]);
      expect(new Set(ids).size).toBe(ids.length - 1);
    });

    test("a subject's stream carries its own tasks only", async () => {
      const { subscriber } = await subscribeToTenant({ keyId: "key_a", subject: "sam" });
      const own = await opened.create({ keyId: "key_a", subject: "sam" });
      rooms.publish(own);
      rooms.publish(await opened.create(OWN));
      await commit(own.task.id, "started");
      expect(subscriber.types).toEqual(["begin", "queued", "started"]);
    });

    test("a tenant's stream resumes behind the event named", async () => {
      const { subscriber: first } = await subscribeToTenant(KEY);
      const task = await opened.create(OWN);
      rooms.publish(task);
      await settled();
      const after = first.lastId;
      await commit(task.task.id, "started");
      await commit(task.task.id, "completed");
      const { subscriber } = await subscribeToTenant(KEY, after);
      expect(subscriber.types).toEqual(["started", "completed"]);
      const { subscriber: lost } = await subscribeToTenant(KEY, "elsewhere.3");
      expect(lost.types).toEqual(["reset"]);
    });

    test("lost and doubled updates of a tenant are read from its log", async () => {
      const { subscriber } = await subscribeToTenant(KEY);
      const created = await opened.create(OWN);
      const id = created.task.id;
      const started = await opened.advance(id, "started");
      const late = await opened.advance(id, "progress", 20);
      const completed = await opened.advance(id, "completed");
      rooms.publish(completed);
      rooms.publish(late);
      rooms.publish(started);
      rooms.publish(created);
      await settled();
      expect(subscriber.types).toEqual(["begin", "queued", "started", "completed"]);
    });

    test("the store's follow flag is cleared when the last subscriber leaves, and publishing stops", async () => {
      const id = await create();
      const one = await subscribeToTask(id);
      const other = await subscribeToTask(id);
      expect((await opened.advance(id, "started")).followed.task).toBe(true);
      one.subscription.unsubscribe();
      await settled();
      expect((await opened.advance(id, "progress", 10)).followed.task).toBe(true);
      other.subscription.unsubscribe();
      await settled();
      expect((await opened.advance(id, "progress", 20)).followed.task).toBe(false);
      expect(rooms.stats().rooms).toBe(0);
      expect(topics.size()).toBe(0);
    });

    test("one that subscribes while the follow flag is being cleared is published to all the same", async () => {
      const id = await create();
      const first = await subscribeToTask(id);
      first.subscription.unsubscribe();
      const { subscriber } = await subscribeToTask(id);
      const update = await opened.advance(id, "started");
      expect(update.followed.task).toBe(true);
      rooms.publish(update);
      expect(subscriber.types).toEqual(["snapshot", "started"]);
    });

    test("a disabled key loses its subscribers, other keys keep theirs", async () => {
      const id = await create();
      const foreign = await create({ keyId: "key_b", subject: "" });
      const { subscriber: own } = await subscribeToTask(id);
      const { subscriber: tenant } = await subscribeToTenant({ keyId: "key_a", subject: "sam" });
      const { subscriber: other } = await subscribeToTask(foreign, null, { keyId: "key_b", subject: null });
      rooms.closeKey("key_a");
      expect([own.closedWith, tenant.closedWith, other.closedWith]).toEqual([1008, 1008, null]);
      rooms.closeKey("key_a");
    });

    test("a shutdown closes all subscribers and leaves no timer and no follow flag behind", async () => {
      const id = await create();
      const { subscriber } = await subscribeToTask(id);
      await commit(id, "started");
      await rooms.shutdown();
      expect(subscriber.closedWith).toBe(1001);
      expect(opened.clock.pendingTimers).toBe(0);
      expect((await opened.advance(id, "progress", 10)).followed.task).toBe(false);
      const { subscriber: late } = await subscribeToTask(id);
      expect(late.closedWith).toBe(1001);
    });
  });
}
