import { beforeEach, describe, expect, test } from "vitest";
import { type Principal, principalOf } from "../../../src/accounts/principal.ts";
import { createMediaHub } from "../../../src/hubs/media-hub.ts";
import { createPushEncodings } from "../../../src/hubs/push-encodings.ts";
import { Subscriptions } from "../../../src/hubs/subscriptions.ts";
import { createItemEncoding } from "../../../src/hubs/task-stream.ts";
import { createTasksHub } from "../../../src/hubs/tasks-hub.ts";
import { ApiError } from "../../../src/protocol/error.ts";
import { Rooms } from "../../../src/rooms/rooms.ts";
import type { Hub } from "../../../src/signalr/hub.ts";
import { messagePackProtocol } from "../../../src/signalr/protocols/messagepack-protocol.ts";
import type { Completion, HubMessage, Invocation } from "../../../src/signalr/protocols/messages.ts";
import type { TenantScope } from "../../../src/tasks/task.ts";
import { connect, type HubClient, type HubClientOptions, WireTopics } from "../../fixture/hub-client.ts";
import { ManualClock, settled } from "../../fixture/manual-clock.ts";
import { type ScriptedEvent, ScriptedLogs } from "../../fixture/scripted-logs.ts";
import { createSeededRandom } from "../../fixture/seeded-random.ts";
import { virtualKey } from "../../fixture/virtual-key.ts";

const SETTINGS = { positionCheckMs: 5_000, slowSweepMs: 100, slowBytes: 65_536, slowCloseMs: 10_000 };
const CONTEXT = { publicUrl: "https://gateway.test", tasksMs: 0, now: () => 0 };
const DELAY_MS = 50;
const OWNER = principalOf(virtualKey({ id: "key_a" }));

let clock: ManualClock;
let store: ScriptedLogs;
let topics: WireTopics;
let rooms: Rooms;
let warnings: string[];
let subscriptions: Subscriptions;
let media: Hub<Principal>;
let tasks: Hub<Principal>;

beforeEach(() => {
  clock = new ManualClock();
  store = new ScriptedLogs();
  topics = new WireTopics();
  warnings = [];
  const log = { warn: (message: string) => void warnings.push(message) };
  rooms = new Rooms({ store, topics, clock, log }, SETTINGS);
  subscriptions = new Subscriptions(
    { tasks: { read }, rooms, store, clock, encodings: createPushEncodings(CONTEXT) },
    { snapshotDelayMs: DELAY_MS, maxPerConnection: 3 },
  );
  media = createMediaHub(subscriptions);
  tasks = createTasksHub({ subscriptions, rooms, items: createItemEncoding(CONTEXT) });
});

async function read(scope: TenantScope, id: string) {
  const task = store.ids().includes(id) ? store.task(id) : null;
  if (task === null || task.tenant.keyId !== scope.keyId) throw new ApiError("task_not_found", "No.");
  return { task, queuePosition: null };
}

function create(): string {
  const update = store.create();
  rooms.publish(update);
  return update.task.id;
}

function commit(id: string, type: ScriptedEvent, percent?: number): void {
  rooms.publish(store.advance(id, type, percent));
}

const join = (hub: Hub<Principal>, options: HubClientOptions = {}) =>
  connect(hub, OWNER, { topics, ...options });

/** Calls a method and waits for its answer; what came behind it in the same turns is there as well. */
async function call(client: HubClient<Principal>, target: string, ...args: unknown[]): Promise<HubMessage[]> {
  client.invoke(target, args, "call");
  await settled();
  return client.messages();
}

const pushes = (messages: readonly HubMessage[]) =>
  messages
    .filter((message): message is Invocation => message.type === 1)
    .map(({ target, arguments: args }) => [target, ...args]);
const eventTypes = (messages: readonly HubMessage[]) =>
  pushes(messages).map(([, event]) => (event as { type: string }).type);
const OK = { type: 3, invocationId: "call", result: null };

describe("the first push", () => {
  test("waits for 50 ms after the answer, whatever happens meanwhile, and sends the state of that moment", async () => {
    const id = create();
    const client = join(media);
    commit(id, "started");
    commit(id, "progress", 10);
    expect(await call(client, "SubscribeToTask", id)).toEqual([OK]);
    await clock.advance(20);
    commit(id, "progress", 40);
    await clock.advance(29);
    expect(client.messages()).toEqual([]);
    await clock.advance(1);
    expect(pushes(client.messages())).toEqual([["TaskProgress", id, 40]]);
    commit(id, "progress", 60);
    await clock.advance(1);
    expect(pushes(client.messages())).toEqual([["TaskProgress", id, 60]]);
  });

  test("is the end of a task that ended within the delay, once", async () => {
    const id = create();
    const client = join(media);
    await call(client, "SubscribeToTask", id);
    commit(id, "started");
    commit(id, "cancelled");
    await clock.advance(DELAY_MS);
    await clock.advance(10_000);
    expect(pushes(client.messages())).toEqual([["TaskFailed", id, "Task was cancelled"]]);
    expect([subscriptions.size, rooms.stats().rooms]).toEqual([0, 0]);
  });

  test("waits for an answer that waits for its client, and then for the delay", async () => {
    const id = create();
    const client = join(media);
    client.wire.waiting = true;
    await call(client, "SubscribeToTask", id);
    await clock.advance(10 * DELAY_MS);
    client.wire.waiting = false;
    await clock.advance(DELAY_MS);
    expect(client.messages()).toEqual([]);
    await clock.advance(DELAY_MS);
    expect(pushes(client.messages())).toEqual([["TaskProgress", id, 0]]);
  });

  test("comes within 15 s also to a client that is never found waiting", async () => {
    const id = create();
    const client = join(media);
    client.wire.waiting = true;
    await call(client, "SubscribeToTask", id);
    await clock.advance(15_000 + DELAY_MS);
    expect(pushes(client.messages())).toEqual([["TaskProgress", id, 0]]);
  });

  test("of a repeated subscription comes again, and nothing of the old one comes in between", async () => {
    const id = create();
    const client = join(media);
    await call(client, "SubscribeToTask", id);
    await clock.advance(DELAY_MS);
    expect(pushes(client.messages())).toEqual([["TaskProgress", id, 0]]);
    expect(await call(client, "SubscribeToRequest", id)).toEqual([OK]);
    commit(id, "started");
    commit(id, "progress", 30);
    await clock.advance(DELAY_MS - 1);
    expect(client.messages()).toEqual([]);
    commit(id, "completed");
    await clock.advance(1);
    expect(pushes(client.messages())).toMatchObject([["RequestCompleted", id, null]]);
  });

  test("does not come when the client unsubscribes, or leaves, before", async () => {
    const id = create();
    const [one, other] = [join(media), join(media)];
    await call(one, "SubscribeToTask", id);
    await call(other, "SubscribeToTask", id);
    expect(await call(one, "UnsubscribeFromTask", id)).toEqual([OK]);
    other.connection.transportEnded(0);
    await clock.advance(DELAY_MS);
    expect(one.messages()).toEqual([]);
    expect(store.calls.filter((name) => name === "follow")).toEqual([]);
    expect(subscriptions.size).toBe(0);
  });
});

describe("nothing is lost", () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])("whenever events come, seed %i", async (seed) => {
    const { below: pick } = createSeededRandom(seed);
    store.pause = async () => {
      for (let turns = pick(3); turns > 0; turns--) await Promise.resolve();
    };
    const script: ScriptedEvent[] = [
      "started",
      "progress",
      "retrying",
      "started",
      "progress",
      "progress",
      "completed",
    ];
    for (let round = 0; round < 12; round++) {
      const id = create();
      const client = join(tasks);
      const viewer = join(media);
      const subscribeAt = pick(script.length + 1);
      const resume = pick(2) === 0;
      const first = { ...store.task(id) };
      for (const [index, type] of [...script, null].entries()) {
        if (index === subscribeAt) {
          client.invoke("Subscribe", resume ? [id, `${first.epoch}.${first.seq}`] : [id], "call");
          viewer.invoke("SubscribeToTask", [id], "call");
        }
        if (type !== null) commit(id, type, index * 10);
        await clock.advance(pick(40));
      }
      await clock.advance(DELAY_MS + 5_000);
      const messages = client.messages();
      const told = eventTypes(messages).filter((type) => type !== "progress");
      const lifecycle = script.filter((type) => type !== "progress");
      if (resume) expect(told).toEqual(lifecycle);
      else {
        expect(told[0]).toBe("snapshot");
        expect(lifecycle.slice(lifecycle.length - told.length + 1)).toEqual(told.slice(1));
      }
      const seen = pushes(viewer.messages());
      expect(seen.filter(([target]) => target === "TaskCompleted")).toHaveLength(1);
      const percents = seen
        .filter(([target]) => target === "TaskProgress")
        .map(([, , percent]) => Number(percent));
      expect(percents).toEqual([...percents].sort((one, other) => one - other));
    }
  });

  test("of all tasks: what comes between the call and the first push is sent then", async () => {
    const client = join(tasks);
    const answer = await call(client, "SubscribeAll");
    expect((answer[0] as Completion).result).toMatch(/^\w+\.0$/);
    const id = create();
    commit(id, "started");
    await clock.advance(DELAY_MS - 1);
    expect(client.messages()).toEqual([]);
    await clock.advance(1);
    expect(eventTypes(client.messages())).toEqual(["queued", "started"]);
    commit(id, "completed");
    await clock.advance(1);
    expect(eventTypes(client.messages())).toEqual(["completed"]);
    expect(await call(client, "UnsubscribeAll")).toEqual([OK]);
    create();
    await clock.advance(100);
    expect(client.messages()).toEqual([]);
  });

  test("a log that was lost is announced by a reset and a snapshot; the media hubs only show the state", async () => {
    const id = create();
    const [one, other] = [join(tasks), join(media)];
    await call(one, "Subscribe", id);
    await call(other, "SubscribeToTask", id);
    await clock.advance(DELAY_MS);
    one.messages();
    other.messages();
    store.trim(id);
    await clock.advance(5_000);
    expect(eventTypes(one.messages())).toEqual(["reset", "snapshot"]);
    expect(pushes(other.messages())).toEqual([["TaskProgress", id, 0]]);
  });
});

describe("limits", () => {
  test("a connection has a limit of subscriptions and is refused more; the same task again is no further one", async () => {
    const ids = [create(), create(), create(), create()];
    const client = join(media);
    for (const id of ids.slice(0, 3)) expect(await call(client, "SubscribeToTask", id)).toEqual([OK]);
    const [refused] = await call(client, "SubscribeToTask", ids[3]);
    expect((refused as Completion).error).toContain("HubException: A connection may follow 3 tasks at once.");
    expect(await call(client, "SubscribeToRequest", ids[0])).toEqual([OK]);
    await call(client, "UnsubscribeFromTask", ids[1]);
    expect(await call(client, "SubscribeToTask", ids[3])).toEqual([OK]);
    await clock.advance(DELAY_MS);
    commit(ids[0]!, "started");
    commit(ids[0]!, "completed");
    await clock.advance(DELAY_MS);
    expect(await call(client, "SubscribeToTask", ids[1])).toContainEqual(OK);
  });

  test("a store that cannot be read ends the connection, which may come back; one that fails the call only fails it", async () => {
    const id = create();
    const client = join(media);
    await call(client, "SubscribeToTask", id);
    store.failing = true;
    await clock.advance(DELAY_MS);
    expect(client.messages()).toMatchObject([{ type: 7, allowReconnect: true }]);
    expect(client.wire.closed?.code).toBe(1013);
    expect(subscriptions.size).toBe(0);
    const other = join(tasks);
    const [refused] = await call(other, "SubscribeAll");
    expect((refused as Completion).error).toBe(
      "An unexpected error occurred invoking 'SubscribeAll' on the server.",
    );
    expect(other.connection.closed).toBe(false);
  });

  test("a store that cannot be read does not matter to who has unsubscribed before it said so", async () => {
    const id = create();
    const client = join(media);
    await call(client, "SubscribeToTask", id);
    let answer = () => {};
    store.pause = () => new Promise((resolve) => (answer = resolve));
    await clock.advance(DELAY_MS);
    expect(await call(client, "UnsubscribeFromTask", id)).toEqual([OK]);
    store.failing = true;
    answer();
    await settled();
    expect(client.connection.closed).toBe(false);
  });

  test("a client that does not read is taken out of the broadcast, and closed after 10 s", async () => {
    const id = create();
    const [slow, healthy] = [join(media), join(media)];
    for (const client of [slow, healthy]) await call(client, "SubscribeToTask", id);
    await clock.advance(DELAY_MS);
    slow.messages();
    slow.wire.buffered = 70_000;
    commit(id, "started");
    commit(id, "progress", 10);
    await clock.advance(100);
    slow.messages();
    for (let percent = 20; percent < 60; percent += 10) {
      commit(id, "progress", percent);
      await clock.advance(200);
    }
    expect(slow.messages()).toEqual([]);
    slow.wire.buffered = 0;
    await clock.advance(100);
    expect(pushes(slow.messages())).toEqual([["TaskProgress", id, 50]]);
    slow.wire.buffered = 70_000;
    commit(id, "progress", 60);
    await clock.advance(10_300);
    expect(slow.wire.closed?.code).toBe(1013);
    expect(slow.messages().at(-1)).toMatchObject({ type: 7, allowReconnect: true });
    expect(healthy.connection.closed).toBe(false);
  });
});

describe("fan-out", () => {
  test("each event is handed over once for each protocol and vocabulary, numbered connections apart", async () => {
    const id = create();
    const clients = [
      ...Array.from({ length: 20 }, () => join(media)),
      ...Array.from({ length: 20 }, () => join(media, { protocol: messagePackProtocol })),
      ...Array.from({ length: 20 }, () => join(media, { bare: true })),
    ];
    const numbered = join(media, { statefulReconnect: true });
    const requests = join(media);
    for (const client of [...clients, numbered]) client.invoke("SubscribeToTask", [id]);
    requests.invoke("SubscribeToRequest", [id]);
    await settled();
    await clock.advance(DELAY_MS);
    expect(topics.published).toEqual([]);
    for (const client of [...clients, numbered, requests]) client.wire.frames.length = 0;
    commit(id, "started");
    commit(id, "progress", 50);
    await clock.advance(1);
    const room = `task/key_a/${id}|hub`;
    expect(topics.published.toSorted()).toEqual([
      `${room}-request-json`,
      `${room}-task-bare`,
      `${room}-task-json`,
      `${room}-task-messagepack`,
    ]);
    const frames = new Set(clients.map(({ wire }) => wire.frames[0]));
    expect(frames.size).toBe(3);
    expect(numbered.wire.frames).toEqual([clients[0]?.wire.frames[0]]);
    expect(requests.wire.frames[0]).toContain("RequestProgress");
    // What has a number can be said again.
    numbered.connection.transportEnded(0);
    numbered.reconnect();
    expect(pushes(numbered.messages())).toContainEqual(["TaskProgress", id, 50]);
  });

  test("events of one turn share a frame where the protocol allows it", async () => {
    const id = create();
    const [json, bare] = [join(tasks), join(tasks, { bare: true })];
    for (const client of [json, bare]) await call(client, "Subscribe", id);
    await clock.advance(DELAY_MS);
    for (const { wire } of [json, bare]) wire.frames.length = 0;
    commit(id, "started");
    commit(id, "completed");
    await clock.advance(1);
    expect(json.wire.frames).toHaveLength(1);
    expect(String(json.wire.frames[0]).split("\x1e")).toHaveLength(3);
    expect(bare.wire.frames).toHaveLength(2);
  });

  test("a connection that ends leaves every room, also those it was about to enter", async () => {
    const [one, two] = [create(), create()];
    const client = join(tasks);
    await call(client, "Subscribe", one);
    await clock.advance(DELAY_MS);
    await call(client, "Subscribe", two);
    await call(client, "SubscribeAll");
    client.connection.close({});
    await settled();
    await clock.advance(DELAY_MS);
    expect([subscriptions.size, rooms.stats()]).toEqual([0, { rooms: 0, subscribers: 0, alone: 0 }]);
  });
});

describe("a task's stream", () => {
  test("leaves its room when the client cancels it, and when the client leaves", async () => {
    const id = create();
    const client = join(tasks);
    const stream = (invocationId: string) =>
      client.send({ type: 4, invocationId, target: "StreamTask", arguments: [id] });
    stream("1");
    await settled();
    expect(client.messages()).toMatchObject([{ type: 2, item: { type: "snapshot" } }]);
    client.send({ type: 5, invocationId: "1" });
    await settled();
    expect(client.messages()).toEqual([{ type: 3, invocationId: "1" }]);
    expect(rooms.stats().subscribers).toBe(0);
    stream("2");
    client.connection.close({});
    await settled();
    expect(rooms.stats().subscribers).toBe(0);
  });

  test("that its client does not read waits, and fails by name when that lasts", async () => {
    const id = create();
    const client = join(tasks);
    client.wire.roomy = false;
    client.send({ type: 4, invocationId: "1", target: "StreamTask", arguments: [id] });
    await settled();
    commit(id, "started");
    for (let count = 0; count < 400; count++) {
      commit(id, "retrying");
      commit(id, "started");
    }
    await clock.advance(30_000);
    client.wire.roomy = true;
    client.connection.drained();
    await settled();
    const messages = client.messages();
    expect(messages.at(-1)).toMatchObject({
      error: expect.stringContaining("HubException: events were read too slowly"),
    });
  });
});
