import { beforeEach, expect, test } from "vitest";
import { type RoomObjects, ShardRoomStore } from "../../../../src/hubs/sharding/shard-room-store.ts";
import type { RoomRow } from "../../../../src/hubs/sharding/shard-rows.ts";
import { Rooms } from "../../../../src/rooms/rooms.ts";
import { StoreUnavailableError } from "../../../../src/tasks/ports/store-error.ts";
import type { TenantScope } from "../../../../src/tasks/task.ts";
import { ROOM_SETTINGS } from "../../../contract/rooms.ts";
import { ManualClock, settled } from "../../../fixture/manual-clock.ts";
import { MemoryTopics, RecordingSubscriber, TellingEncoding } from "../../../fixture/recording-subscriber.ts";
import { type ScriptedEvent, ScriptedLogs } from "../../../fixture/scripted-logs.ts";

const KEY: TenantScope = { keyId: "key_a", subject: null };
const OTHER: TenantScope = { keyId: "key_a", subject: "other" };

let store: ScriptedLogs;
let clock: ManualClock;
let encoding: TellingEncoding;
let table: Map<string, RoomRow>;
let written: RoomRow[];
/** Calls of the rooms' objects, in order. */
let calls: string[];
/** What the next calls fail with. */
let failures: Error[];
/** Waited for by a call of `leave`. */
let leaving: Promise<void>;
let moves: number;

beforeEach(() => {
  store = new ScriptedLogs();
  clock = new ManualClock();
  encoding = new TellingEncoding();
  table = new Map();
  written = [];
  calls = [];
  failures = [];
  leaving = Promise.resolve();
  moves = 0;
});

const objects: RoomObjects = {
  getByName: (name) => {
    const call = async (what: string) => {
      calls.push(`${what} ${name}`);
      const failure = failures.shift();
      if (failure !== undefined) throw failure;
    };
    return {
      join: (shard) => call(`${shard} joins`),
      leave: async (shard) => {
        await call(`${shard} leaves`);
        await leaving;
      },
    };
  },
};

/** One life of the shard. */
function life() {
  const joined = new ShardRoomStore({
    store,
    objects,
    shard: "key_a/0",
    rows: {
      rooms: () => [...table.values()],
      putRoom: (row) => {
        table.set(row.name, row);
        written.push(row);
      },
      deleteRoom: (name) => void table.delete(name),
    },
    onMoved: () => {
      moves += 1;
    },
  });
  const rooms = new Rooms(
    { store: joined, clock, topics: new MemoryTopics(), log: { warn: () => {} } },
    { ...ROOM_SETTINGS, positionCheckMs: null },
  );
  joined.watch(rooms);
  return { joined, rooms };
}

async function commit({ joined, rooms }: ReturnType<typeof life>, id: string, type: ScriptedEvent) {
  const update = store.advance(id, type);
  rooms.publish(update);
  joined.touch(update);
  await settled();
}

const follow = async ({ rooms }: ReturnType<typeof life>, id: string, scope = KEY) => {
  const subscriber = new RecordingSubscriber(encoding);
  const { subscription, opened } = rooms.subscribeToTask(scope, id, subscriber, null);
  return { subscriber, subscription, outcome: await opened };
};

test("a room is joined once, before the store is asked, and left with its last subscriber; the follow flag is not touched", async () => {
  const { id } = store.create().task;
  const one = life();
  const [first, second] = await Promise.all([follow(one, id), follow(one, id)]);
  expect(calls).toEqual([`key_a/0 joins task/key_a/${id}`]);
  expect(store.calls).toEqual(["follow", "follow"]);
  first.subscription.unsubscribe();
  await settled();
  expect(calls).toHaveLength(1);
  second.subscription.unsubscribe();
  await settled();
  expect(calls.slice(1)).toEqual([`key_a/0 leaves task/key_a/${id}`]);
  expect([table.size, store.calls.includes("unfollow")]).toEqual([0, false]);
});

test("where a room stands is written when the shard looks, and only when it has moved", async () => {
  const { id } = store.create().task;
  const { epoch } = store.task(id);
  const one = life();
  await follow(one, id);
  one.joined.save();
  for (let count = 0; count < 3; count += 1) {
    await commit(one, id, "started");
    await commit(one, id, "retrying");
  }
  one.joined.save();
  one.joined.touch(store.advance(id, "started"));
  one.joined.save();
  expect(moves).toBe(3);
  expect(written.map(({ position }) => position)).toEqual([null, { epoch, seq: 1 }, { epoch, seq: 7 }]);
});

test("a room of before the hibernation is not joined again, and continues at its stored position", async () => {
  const { id } = store.create().task;
  const one = life();
  await follow(one, id);
  await commit(one, id, "started");
  one.joined.save();
  const two = life();
  const name = `task/key_a/${id}`;
  expect(two.joined.positionOf(name)).toEqual({ epoch: store.task(id).epoch, seq: 2 });
  await follow(two, id);
  expect(calls).toEqual([`key_a/0 joins ${name}`]);
});

test("a room whose position was not written yet is joined again", async () => {
  const { id } = store.create().task;
  await follow(life(), id);
  await follow(life(), id);
  expect(calls).toHaveLength(2);
});

test("rooms without subscriptions after hibernation are left, and the others are not", async () => {
  const [left, kept, opening] = [store.create().task.id, store.create().task.id, store.create().task.id];
  const one = life();
  for (const id of [left, kept, opening]) await follow(one, id);
  one.joined.save();
  calls.length = 0;
  const two = life();
  const at = two.joined.positionOf(`task/key_a/${kept}`);
  two.rooms.resubscribeToTask(KEY, kept, new RecordingSubscriber(encoding), at!);
  void follow(two, opening);
  await two.joined.leaveEmpty();
  expect(calls).toEqual([`key_a/0 leaves task/key_a/${left}`]);
});

test("a room that could not be left is left at the next start", async () => {
  const [{ id }, { id: again }] = [store.create().task, store.create().task];
  const one = life();
  const opened = [await follow(one, id), await follow(one, again)];
  one.joined.save();
  failures = Array.from({ length: 4 }, () => new Error("away"));
  for (const { subscription } of opened) subscription.unsubscribe();
  await settled();
  expect(failures).toEqual([]);
  // Who comes back meanwhile is told by the room again, and stays.
  await follow(one, again);
  one.joined.save();
  calls.length = 0;
  const two = life();
  const at = two.joined.positionOf(`task/key_a/${again}`);
  two.rooms.resubscribeToTask(KEY, again, new RecordingSubscriber(encoding), at!);
  await two.joined.leaveEmpty();
  expect(calls).toEqual([`key_a/0 leaves task/key_a/${id}`]);
  expect([...table.keys()]).toEqual([`task/key_a/${again}`]);
});

test("a task that is not there is not followed, and its room is left again", async () => {
  const { id } = store.create().task;
  const one = life();
  expect((await follow(one, id, OTHER)).outcome).toBe("not_found");
  await settled();
  expect(calls.map((call) => call.split(" ")[1])).toEqual(["joins", "leaves"]);
  expect(table.size).toBe(0);
});

test("a refused subscription does not take the room from those that were admitted", async () => {
  const { id } = store.create().task;
  const one = life();
  const [{ outcome }] = await Promise.all([follow(one, id), follow(one, id, OTHER)]);
  await settled();
  expect([outcome, calls.length]).toEqual(["subscribed", 1]);
});

test("an object that was restarted is asked again once; one that stays away is a store that cannot be read", async () => {
  const [one, other] = [store.create().task.id, store.create().task.id];
  const shard = life();
  failures = [new Error("restarted")];
  expect((await follow(shard, one)).outcome).toBe("subscribed");
  failures = [new Error("restarted"), new Error("restarted")];
  await expect(follow(shard, other)).rejects.toThrow(StoreUnavailableError);
  await settled();
  expect(table.size).toBe(1);
  expect((await follow(shard, other)).outcome).toBe("subscribed");
});

test("one that subscribes while a room is being left joins after that", async () => {
  const { id } = store.create().task;
  const one = life();
  const { subscription } = await follow(one, id);
  const gate = Promise.withResolvers<void>();
  leaving = gate.promise;
  subscription.unsubscribe();
  const again = follow(one, id);
  await settled();
  expect(calls.map((call) => call.split(" ")[1])).toEqual(["joins", "leaves"]);
  gate.resolve();
  expect((await again).outcome).toBe("subscribed");
  expect(calls.map((call) => call.split(" ")[1])).toEqual(["joins", "leaves", "joins"]);
});

test("a tenant's stream is joined and left in the same way", async () => {
  const one = life();
  const { subscription, opened } = one.rooms.subscribeToTenant(KEY, new RecordingSubscriber(encoding), null);
  await opened;
  const update = store.create();
  one.rooms.publish(update);
  one.joined.touch(update);
  one.joined.save();
  expect(table.get("tenant/key_a")?.position?.seq).toBe(1);
  subscription.unsubscribe();
  await settled();
  expect(calls).toEqual(["key_a/0 joins tenant/key_a", "key_a/0 leaves tenant/key_a"]);
});
