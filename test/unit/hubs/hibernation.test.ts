/** Hub connections on a host that forgets them between events: what is kept of them, and how they go on. */

import { beforeEach, describe, expect, test } from "vitest";
import { type Principal, principalOf } from "../../../src/accounts/principal.ts";
import { createMediaHub } from "../../../src/hubs/media-hub.ts";
import { createPushEncodings } from "../../../src/hubs/push-encodings.ts";
import { type SavedSubscription, Subscriptions } from "../../../src/hubs/subscriptions.ts";
import { createItemEncoding } from "../../../src/hubs/task-stream.ts";
import { createTasksHub } from "../../../src/hubs/tasks-hub.ts";
import { taskRoomName } from "../../../src/rooms/room-name.ts";
import { Rooms } from "../../../src/rooms/rooms.ts";
import type { SavedHubConnection } from "../../../src/signalr/connection/hub-connection-options.ts";
import { createHub, type Hub, method, streamMethod } from "../../../src/signalr/hub.ts";
import { bareProtocol } from "../../../src/signalr/protocols/bare-mode.ts";
import type { HubProtocol } from "../../../src/signalr/protocols/hub-protocol.ts";
import { jsonProtocol } from "../../../src/signalr/protocols/json-protocol.ts";
import { messagePackProtocol } from "../../../src/signalr/protocols/messagepack-protocol.ts";
import type { HubMessage, Invocation, StreamItem } from "../../../src/signalr/protocols/messages.ts";
import type { Position } from "../../../src/tasks/task.ts";
import { ROOM_SETTINGS } from "../../contract/rooms.ts";
import { connect, HubClient, WireTopics } from "../../fixture/hub-client.ts";
import { ManualClock, settled } from "../../fixture/manual-clock.ts";
import { type ScriptedEvent, ScriptedLogs } from "../../fixture/scripted-logs.ts";
import { virtualKey } from "../../fixture/virtual-key.ts";

const CONTEXT = { publicUrl: "https://gateway.test", tasksMs: 0, now: () => 0 };
const DELAY_MS = 50;
const PACK_MS = 30;
const OWNER = principalOf(virtualKey({ id: "key_a" }));

let clock: ManualClock;
let store: ScriptedLogs;
let topics: WireTopics;
/** What would be rows. */
let kept: Map<string, SavedSubscription>;
let places: Map<string, Position>;
let rooms: Rooms;
let subscriptions: Subscriptions;
let media: Hub<Principal>;
let tasks: Hub<Principal>;

beforeEach(() => {
  clock = new ManualClock();
  store = new ScriptedLogs();
  kept = new Map();
  places = new Map();
  wake();
});

/** A new life of the host: all it knows is what was kept. */
function wake(): void {
  topics = new WireTopics();
  rooms = new Rooms(
    {
      store,
      clock,
      topics,
      log: { warn: () => {} },
      scheduleFlush: (flush, urgent) => clock.after(urgent ? 0 : PACK_MS, flush),
    },
    { ...ROOM_SETTINGS, positionCheckMs: null },
  );
  const read = async (_: unknown, id: string) => ({ task: store.task(id), queuePosition: null });
  const journal = {
    began: (_: string, subscription: SavedSubscription) => void kept.set(subscription.target, subscription),
    ended: (_: string, target: string) => void kept.delete(target),
    left: () => kept.clear(),
  };
  subscriptions = new Subscriptions(
    { tasks: { read }, rooms, store, clock, encodings: createPushEncodings(CONTEXT), journal },
    { snapshotDelayMs: DELAY_MS, maxPerConnection: 100 },
  );
  const positionOf = (_: unknown, id: string) => places.get(taskRoomName("key_a", id)) ?? null;
  media = createMediaHub(subscriptions);
  tasks = createTasksHub({ subscriptions, rooms, items: createItemEncoding(CONTEXT), positionOf });
}

/** What the host keeps of a connection when it falls asleep. */
function sleep(client: HubClient<Principal>): SavedHubConnection {
  for (const id of store.ids()) {
    const place = rooms.positionOf(taskRoomName("key_a", id));
    if (place !== null) places.set(taskRoomName("key_a", id), place);
  }
  const saved = client.connection.save();
  if (saved === null) throw new Error("Expected a connection that can sleep");
  wake();
  return JSON.parse(JSON.stringify(saved)) as SavedHubConnection;
}

function restore(
  hub: Hub<Principal>,
  saved: SavedHubConnection,
  protocol: HubProtocol,
): HubClient<Principal> {
  const client = new HubClient(hub, OWNER, { protocol, topics, bare: protocol === bareProtocol });
  client.connection.open(saved);
  for (const subscription of kept.values())
    subscriptions.restore(
      client.connection,
      subscription,
      places.get(taskRoomName("key_a", subscription.target)) ?? null,
    );
  return client;
}

async function commit(id: string, type: ScriptedEvent, percent?: number): Promise<void> {
  rooms.publish(store.advance(id, type, percent));
  await clock.advance(PACK_MS);
  await settled();
}

const calls = (messages: readonly HubMessage[]) =>
  messages
    .filter((message): message is Invocation => message.type === 1)
    .map(({ target, arguments: args }) => [target, args[1]]);
const items = (messages: readonly HubMessage[]) =>
  messages
    .filter((message): message is StreamItem => message.type === 2)
    .map(({ item }) => (item as { type: string }).type);

describe.each([
  ["json", jsonProtocol],
  ["messagepack", messagePackProtocol],
  ["bare", bareProtocol],
])("a connection that speaks %s", (_, protocol) => {
  const begin = (hub: Hub<Principal>) =>
    connect(hub, OWNER, { protocol, topics, bare: protocol === bareProtocol });

  test("continues behind the last push, and its end comes once", async () => {
    const { id } = store.create().task;
    const asleep = begin(media);
    asleep.invoke("SubscribeToTask", [id], "1");
    await settled();
    await clock.advance(DELAY_MS);
    await settled();
    await commit(id, "started");
    await commit(id, "progress", 10);
    expect(calls(asleep.messages())).toEqual([
      ["TaskProgress", 0],
      ["TaskProgress", 10],
    ]);
    const awake = restore(media, sleep(asleep), protocol);
    await commit(id, "progress", 20);
    expect(calls(awake.messages())).toEqual([["TaskProgress", 20]]);
    await commit(id, "completed");
    expect(calls(awake.messages())).toEqual([["TaskCompleted", null]]);
    expect(kept.size).toBe(0);
    const again = restore(media, sleep(awake), protocol);
    await settled();
    expect(again.messages()).toEqual([]);
  });

  test("has its stream go on behind the last item, under the same id", async () => {
    const { id } = store.create().task;
    const asleep = begin(tasks);
    asleep.send({ type: 4, invocationId: "7", target: "StreamTask", arguments: [id] });
    await settled();
    await commit(id, "started");
    expect(items(asleep.messages())).toEqual(["snapshot", "started"]);
    let saved = sleep(asleep);
    // Told by nobody while it slept.
    store.advance(id, "progress", 10);
    let awake = restore(tasks, saved, protocol);
    await settled();
    expect(items(awake.messages())).toEqual(["progress"]);
    saved = sleep(awake);
    awake = restore(tasks, saved, protocol);
    await settled();
    await commit(id, "completed");
    const rest = awake.messages();
    expect(items(rest)).toEqual(["completed"]);
    expect(rest.at(-1)).toEqual({ type: 3, invocationId: "7" });
    expect(awake.connection.save()?.streams).toEqual([]);
  });
});

test("a subscription whose position is not known begins anew", async () => {
  const { id } = store.create().task;
  const asleep = connect(media, OWNER, { topics });
  asleep.invoke("SubscribeToTask", [id], "1");
  await settled();
  await clock.advance(DELAY_MS);
  await settled();
  const saved = sleep(asleep);
  places.clear();
  const awake = restore(media, saved, jsonProtocol);
  await settled();
  expect(calls(awake.messages())).toEqual([["TaskProgress", 0]]);
});

test("a subscription is kept from its first push on, and not beyond unsubscribing", async () => {
  const { id } = store.create().task;
  const client = connect(media, OWNER, { topics });
  client.invoke("SubscribeToTask", [id], "1");
  await settled();
  expect([...kept.values()]).toEqual([]);
  await clock.advance(DELAY_MS);
  await settled();
  expect([...kept.values()]).toEqual([{ target: id, vocabulary: "task" }]);
  client.invoke("SubscribeToRequest", [id], "2");
  await settled();
  expect(kept.size).toBe(0);
  await clock.advance(DELAY_MS);
  await settled();
  expect([...kept.values()]).toEqual([{ target: id, vocabulary: "request" }]);
  client.invoke("UnsubscribeFromTask", [id], "3");
  await settled();
  expect(kept.size).toBe(0);
});

test("a running method, or a stream that cannot be resumed, prevents hibernation", async () => {
  const answer = Promise.withResolvers<void>();
  const hub = createHub<string>({
    methods: {
      Wait: method({ run: () => answer.promise }),
      Endless: streamMethod({
        async *run() {
          yield 1;
          await new Promise(() => undefined);
        },
      }),
    },
  });
  const client = connect(hub, "p");
  client.invoke("Wait", [], "1");
  expect(client.connection.save()).toBeNull();
  answer.resolve();
  await settled();
  expect(client.connection.save()).not.toBeNull();
  client.send({ type: 4, invocationId: "2", target: "Endless", arguments: [] });
  expect(client.connection.save()).toBeNull();
});

describe("pings that the host answers by itself", () => {
  const begin = () => connect(createHub<string>({ methods: {} }), "p", { transport: { pings: "answered" } });

  test("keep a client alive, and make its silence mean something", () => {
    const client = begin();
    client.pass(60_000);
    expect(client.connection.closed).toBe(false);
    client.wire.pingAnsweredAt = 55_000;
    client.pass(24_000);
    expect(client.connection.closed).toBe(false);
    client.pass(1_000);
    expect(client.messages().at(-1)).toEqual({ type: 7, allowReconnect: true });
  });

  test("keep it through a task of 100 s whose progress keeps the host awake, and nothing but progress is sent", () => {
    const client = begin();
    for (let second = 1; second <= 100; second += 1) {
      if (second % 15 === 0) client.wire.pingAnsweredAt = client.now;
      client.connection.push("TaskProgress", "id", second);
      client.pass(1_000);
    }
    expect(client.connection.closed).toBe(false);
    expect(client.messages()).toHaveLength(100);
  });

  test("count when the connection is saved", () => {
    const client = begin();
    client.wire.pingAnsweredAt = 12_345;
    expect(client.connection.save()).toMatchObject({ pinged: true, heardAt: 12_345 });
  });
});

describe("a host that hibernates pings when it looks", () => {
  const begin = () => connect(createHub<string>({ methods: {} }), "p", { transport: { pings: "answered" } });

  test("at a connection that was silent for the keep-alive time, whatever broke the silence", () => {
    const client = begin();
    client.pass(14_000);
    expect(client.messages()).toEqual([]);
    client.pass(1_000);
    expect(client.messages()).toEqual([{ type: 6 }]);
    client.pass(10_000);
    client.connection.push("T");
    client.pass(14_000);
    expect(client.messages()).toEqual([{ type: 1, target: "T", arguments: [] }]);
    client.wire.pingAnsweredAt = client.now;
    client.pass(14_000);
    expect(client.messages()).toEqual([]);
    client.pass(1_000);
    expect(client.messages()).toEqual([{ type: 6 }]);
  });

  test("also at one of before the hibernation", () => {
    const asleep = begin();
    const saved = asleep.connection.save();
    const awake = new HubClient(createHub<string>({ methods: {} }), "p", {
      transport: { pings: "answered" },
      now: 20_000,
    });
    awake.connection.open(saved!);
    awake.connection.tick(20_000);
    expect(awake.messages()).toEqual([{ type: 6 }]);
  });

  test("but not at a bare client", () => {
    const client = connect(createHub<string>({ methods: {} }), "p", {
      protocol: bareProtocol,
      bare: true,
      transport: { pings: "answered" },
    });
    client.pass(60_000);
    expect(client.messages()).toEqual([]);
  });
});
