/** SignalR on Workers: hub connections whose shard loses its memory between two events, as the platform may any time. */

import { evictDurableObject, reset, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { closeHubs } from "../../src/http/routes/hubs/hub-proxy.ts";
import { shardName } from "../../src/hubs/sharding/shard-address.ts";
import type { WireError } from "../../src/protocol/error.ts";
import { RemoteHubShards } from "../../src/runtime/cloudflare/clients/remote-hub-shards.ts";
import {
  askHub,
  EdgeHubEvents,
  EdgeHubPolls,
  EdgeHubSocket,
  negotiate,
  PROTOCOLS,
} from "../fixture/edge-hub.ts";
import { EdgeWorld, plainKey, until } from "../fixture/edge-world.ts";
import { virtualKey } from "../fixture/virtual-key.ts";

const PING = '{"type":6}\x1e';
const UNKNOWN = "No Connection with that ID";

let world: EdgeWorld;

beforeEach(async () => {
  world = new EdgeWorld();
  await world.open();
});
afterEach(() => {
  vi.restoreAllMocks();
  return reset();
});

/** The only shard of `key_a`. */
const shard = () => env.HUB_SHARD.getByName(shardName({ keyId: "key_a", shard: 0 }));
const everyShard = () => {
  const { clock, settings } = world.parts;
  return {
    shards: new RemoteHubShards(world.bindings, { clock, keepAliveMs: 15_000 }),
    shardsPerKey: settings.hubs.shardsPerKey,
  };
};
/** Waits until the shard may sleep, and has it forget everything. */
const sleep = () => evictDurableObject(shard());

/** Runs it as if it were this long ago. The platform's own times are always now, and no alarm comes during the test. */
async function ago<T>(ms: number, run: () => Promise<T>): Promise<T> {
  const now = Date.now.bind(Date);
  const spy = vi.spyOn(Date, "now").mockImplementation(() => now() - ms);
  try {
    const outcome = await run();
    await runInDurableObject(shard(), (_, { storage }) => storage.setAlarm(now() + 60_000));
    return outcome;
  } finally {
    spy.mockRestore();
  }
}

/** What the shard keeps in its database. */
const rows = () =>
  runInDurableObject(shard(), (_, { storage }) => {
    const count = (table: string) => Number(storage.sql.exec(`SELECT count(*) AS n FROM ${table}`).one().n);
    return {
      connections: count("connections"),
      subscriptions: count("subscriptions"),
      rooms: count("rooms"),
    };
  });

/** A room is forgotten when its object knows that it was left. */
const everyRoomLeft = () => until(async () => (await rows()).rooms === 0);

const hasSubscribers = async (taskId: string) => (await world.advance(taskId, "started")).followed.task;

const percents = (client: EdgeHubSocket) =>
  client.pushes.filter(([target]) => target === "TaskProgress").map(([, , percent]) => percent);

describe.each(Object.keys(PROTOCOLS) as (keyof typeof PROTOCOLS)[])(
  "over a WebSocket with %s",
  (protocol) => {
    test("a picture is followed to its end, whatever the shard forgets on the way", async () => {
      const id = await world.create();
      const client = await EdgeHubSocket.open(world, "image-generation", protocol);
      expect(await client.invoke("SubscribeToTask", id)).toBeNull();
      await client.untilPushed("TaskProgress");
      await sleep();
      await world.commit(id, "started");
      await world.commit(id, "progress", 20);
      await client.untilPushed("TaskProgress", (_, percent) => percent === 20);
      await sleep();
      await world.commit(id, "progress", 40);
      await client.untilPushed("TaskProgress", (_, percent) => percent === 40);
      await sleep();
      await world.commit(id, "completed");
      await client.untilPushed("TaskCompleted");
      await sleep();
      expect(await client.invoke("UnsubscribeFromTask", id)).toBeNull();
      expect(client.pushes).toEqual([
        ["TaskProgress", id, 0],
        ["TaskProgress", id, 20],
        ["TaskProgress", id, 40],
        ["TaskCompleted", id, expect.objectContaining({ provider: "local" })],
      ]);
      expect(await rows()).toEqual({ connections: 1, subscriptions: 0, rooms: 0 });
    });

    test("a task's stream continues under its id, and ends once", async () => {
      const id = await world.create();
      const client = await EdgeHubSocket.open(world, "tasks", protocol);
      await client.say({ type: 4, invocationId: "s", target: "StreamTask", arguments: [id] });
      await client.untilEvent("snapshot");
      await sleep();
      await world.commit(id, "started");
      await client.untilEvent("started");
      await sleep();
      // Nobody tells of this one: what comes next shows that it is missing.
      await world.advance(id, "retrying");
      await world.commit(id, "started");
      await client.when(() => client.events.length === 4);
      await sleep();
      await world.commit(id, "completed");
      expect(await client.completion("s")).toEqual({ type: 3, invocationId: "s" });
      await sleep();
      await client.invoke("Unsubscribe", id);
      expect(client.eventTypes).toEqual(["snapshot", "started", "retrying", "started", "completed"]);
      expect(client.messages.filter(({ type }) => type === 3)).toHaveLength(2);
    });

    test("all tasks of the tenant are followed without a gap or a repetition", async () => {
      const client = await EdgeHubSocket.open(world, "tasks", protocol);
      expect(await client.invoke("SubscribeAll")).toMatch(/\./);
      const seen: string[] = [];
      for (const [first, second] of [["started", "completed"] as const, ["started", "cancelled"] as const]) {
        const id = await world.create();
        await sleep();
        await world.commit(id, first);
        await sleep();
        await world.commit(id, second);
        await client.untilEvent(second);
        seen.push("queued", first, second);
      }
      expect(client.eventTypes).toEqual(seen);
      expect(await rows()).toEqual({ connections: 1, subscriptions: 1, rooms: 1 });
      await client.invoke("UnsubscribeAll");
      await everyRoomLeft();
      expect(await rows()).toEqual({ connections: 1, subscriptions: 0, rooms: 0 });
    });

    test("a close is answered, and leaves nothing behind", async () => {
      const id = await world.create();
      const client = await EdgeHubSocket.open(world, "image-generation", protocol);
      await client.invoke("SubscribeToTask", id);
      await client.untilPushed("TaskProgress");
      await sleep();
      client.close(1000);
      expect(await client.closed()).toBe(1000);
      await sleep();
      expect(await rows()).toEqual({ connections: 0, subscriptions: 0, rooms: 0 });
      expect(await hasSubscribers(id)).toBe(false);
    });
  },
);

describe("a shard that hibernates", () => {
  test("has its clients' pings answered, and is not woken by them", async () => {
    const client = await EdgeHubSocket.open(world, "image-generation");
    await client.invoke("UnsubscribeFromTask", "nothing");
    await sleep();
    await client.transmit(PING);
    await client.when(() => client.messages.some(({ type }) => type === 6));
    await expect(sleep()).rejects.toThrow(/not currently running/);
  });

  test("answers pings itself where they are bytes", async () => {
    const client = await EdgeHubSocket.open(world, "image-generation", "messagepack");
    await client.invoke("UnsubscribeFromTask", "nothing");
    await sleep();
    await client.say({ type: 6 });
    await client.when(() => client.messages.some(({ type }) => type === 6));
    await sleep();
  });

  test("wakes by its alarm, and finds updates that were never published", async () => {
    const id = await world.create();
    const client = await EdgeHubSocket.open(world, "tasks");
    await client.invoke("Subscribe", id);
    await client.untilEvent("snapshot");
    await sleep();
    await world.advance(id, "started");
    await world.advance(id, "completed");
    await sleep().catch(() => undefined);
    expect(await runDurableObjectAlarm(shard())).toBe(true);
    await client.untilEvent("completed");
    expect(client.eventTypes).toEqual(["snapshot", "started", "completed"]);
  });

  test("sets no alarm once its last connection has gone", async () => {
    const client = await EdgeHubSocket.open(world, "tasks");
    await client.invoke("Unsubscribe", "nothing");
    client.close();
    await client.closed();
    await sleep();
    await runDurableObjectAlarm(shard());
    await sleep();
    expect(await runDurableObjectAlarm(shard())).toBe(false);
  });

  test("forgets connections whose sockets are gone, and leaves their rooms", async () => {
    const id = await world.create();
    const client = await EdgeHubSocket.open(world, "image-generation");
    await client.invoke("SubscribeToTask", id);
    await client.untilPushed("TaskProgress");
    const idle = await EdgeHubSocket.open(world, "tasks");
    await idle.invoke("Unsubscribe", "nothing");
    await evictDurableObject(shard(), { webSockets: "close" });
    await everyRoomLeft();
    expect(await rows()).toEqual({ connections: 0, subscriptions: 0, rooms: 0 });
    await sleep();
    expect(await hasSubscribers(id)).toBe(false);
  });

  test("gives up a client that pinged once and fell silent, and not one whose pings were answered for it", async () => {
    const silent = await EdgeHubSocket.open(world, "tasks", "messagepack");
    await silent.say({ type: 6 });
    const pinging = await EdgeHubSocket.open(world, "tasks");
    // Spelled otherwise than the platform answers it, so that the shard hears it.
    await pinging.transmit('{"type": 6}\x1e');
    await pinging.invoke("Unsubscribe", "nothing");
    await sleep();
    // As if both had been heard an hour ago.
    await runInDurableObject(shard(), (_, state) => {
      for (const socket of state.getWebSockets())
        socket.serializeAttachment({
          ...(socket.deserializeAttachment() as object),
          heardAt: Date.now() - 3_600_000,
        });
    });
    await sleep();
    await pinging.transmit(PING);
    await pinging.when(() => pinging.messages.filter(({ type }) => type === 6).length === 2);
    await runDurableObjectAlarm(shard());
    await silent.closed();
    expect(silent.messages.at(-1)).toEqual({ type: 7, allowReconnect: true });
    expect(await pinging.invoke("Unsubscribe", "nothing")).toBeNull();
  });
});

describe("a shard that is awake", () => {
  /** A client that has pinged, with time for the shard to store what it knows of it. */
  async function open(hub: string): Promise<EdgeHubSocket> {
    const client = await EdgeHubSocket.open(world, hub);
    // Spelled otherwise than the platform answers it, so that the shard hears it.
    await client.transmit('{"type": 6}\x1e');
    await client.when(() => pings(client) === 1);
    return client;
  }
  const pings = (client: EdgeHubSocket) => client.messages.filter(({ type }) => type === 6).length;
  const pingAnswered = async (client: EdgeHubSocket) => {
    const before = pings(client);
    await client.transmit(PING);
    await client.when(() => pings(client) > before);
  };

  test.each(["in memory all the time", "out of memory in between"])(
    "keeps a client whose pings are answered for it through its task's progress, %s",
    async (how) => {
      const id = await world.create();
      const client = await ago(60_000, async () => {
        const opened = await open("image-generation");
        await opened.invoke("SubscribeToTask", id);
        await opened.untilPushed("TaskProgress");
        return opened;
      });
      await pingAnswered(client);
      if (how !== "in memory all the time") await sleep();
      await world.commit(id, "started");
      for (const percent of [10, 20, 30]) {
        await world.commit(id, "progress", percent);
        await client.untilPushed("TaskProgress", (_, told) => told === percent);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      expect(await client.invoke("UnsubscribeFromTask", id)).toBeNull();
      expect(client.messages.filter(({ type }) => type === 7)).toEqual([]);
    },
  );

  test("keeps idle clients whose pings are answered for them beside busy ones, and gives up the silent", async () => {
    const [idle, silent] = await ago(60_000, async () => [await open("tasks"), await open("tasks")]);
    await pingAnswered(idle!);
    const busy = await open("tasks");
    for (let count = 0; count < 3; count += 1) {
      await busy.invoke("Unsubscribe", "nothing");
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    await silent!.closed();
    expect(silent!.messages.at(-1)).toEqual({ type: 7, allowReconnect: true });
    expect(await idle!.invoke("Unsubscribe", "nothing")).toBeNull();
  });

  test.each(["json", "messagepack"] as const)(
    "pings over %s who was told nothing for the keep-alive time, and nobody else",
    async (protocol) => {
      const quiet = await ago(20_000, () => EdgeHubSocket.open(world, "tasks", protocol));
      const bare = await ago(20_000, () => EdgeHubSocket.open(world, "tasks", "bare"));
      const busy = await EdgeHubSocket.open(world, "tasks", protocol);
      await busy.invoke("Unsubscribe", "nothing");
      await quiet.when(() => pings(quiet) > 0);
      await busy.invoke("Unsubscribe", "nothing");
      await sleep();
      expect([quiet, busy, bare].map(pings)).toEqual([1, 0, 0]);
    },
  );

  test("pings when its alarm has woken it", async () => {
    const quiet = await ago(20_000, async () => {
      const client = await EdgeHubSocket.open(world, "tasks", "messagepack");
      await client.invoke("Unsubscribe", "nothing");
      await sleep();
      return client;
    });
    await runDurableObjectAlarm(shard());
    await quiet.when(() => pings(quiet) > 0);
  });
});

test("a socket that a shard knows nothing of is closed, so that its client begins anew", async () => {
  const client = await EdgeHubSocket.open(world, "tasks");
  await client.invoke("Unsubscribe", "nothing");
  await runInDurableObject(shard(), (_, { storage }) => void storage.sql.exec("DELETE FROM connections"));
  await sleep();
  await rows();
  expect(await client.closed()).toBe(1012);
});

test("so is one on a hub that is not served any more, and nothing of it is kept", async () => {
  const client = await EdgeHubSocket.open(world, "tasks");
  await client.invoke("Unsubscribe", "nothing");
  await sleep();
  await runInDurableObject(shard(), (_, { storage }) => {
    storage.sql.exec("UPDATE connections SET hub = 'of an earlier release'");
  });
  await sleep();
  await runDurableObjectAlarm(shard());
  expect(await client.closed()).toBe(1012);
  expect(await rows()).toEqual({ connections: 0, subscriptions: 0, rooms: 0 });
});

describe("a key with several shards", () => {
  test("finds each connection where it was made, and ends all of them", async () => {
    world = new EdgeWorld({ CONDUITLLM__HUBS__SHARDSPERKEY: "3" });
    const id = await world.create();
    const clients = [];
    for (let count = 0; count < 8; count += 1) {
      const { connectionToken } = await negotiate(world, "tasks");
      expect(["0", "1", "2"]).toContain(connectionToken.split(".")[0]);
      const client = await EdgeHubSocket.over(world, `tasks?id=${connectionToken}`);
      await client.shakeHands();
      await client.invoke("Subscribe", id);
      clients.push(client);
    }
    for (const client of clients) await client.untilEvent("snapshot");
    await world.commit(id, "started");
    for (const client of clients) await client.untilEvent("started");
    await closeHubs(everyShard(), "key_a");
    for (const client of clients) expect(await client.closed()).toBe(1008);
  });
});

test("a connection that finds no room on one shard is made on another", async () => {
  for (let count = 0; count < world.parts.settings.hubs.maxConnectionsPerKey; count += 1)
    await EdgeHubSocket.open(world, "tasks", "bare");
  world = new EdgeWorld({ CONDUITLLM__HUBS__SHARDSPERKEY: "2" });
  for (let count = 0; count < 8; count += 1)
    expect((await negotiate(world, "tasks")).connectionToken.split(".")[0]).toBe("1");
});

describe("what is pushed in the same moment", () => {
  test("shares a frame on each socket, the end of a task with what came before it", async () => {
    const [one, other] = [await world.create(), await world.create()];
    const client = await EdgeHubSocket.open(world, "image-generation");
    for (const id of [one, other]) await client.invoke("SubscribeToTask", id);
    await client.when(() => client.pushes.length === 2);
    const updates = [await world.advance(one, "started"), await world.advance(other, "started")];
    for (const percent of [10, 20, 30])
      for (const id of [one, other]) updates.push(await world.advance(id, "progress", percent));
    const before = client.chunks.length;
    await Promise.all(updates.map((update) => world.publish(update)));
    await client.when(() => client.pushes.length === 8);
    expect(client.chunks.length - before).toBe(1);
    const progress = await world.advance(one, "progress", 40);
    const completed = await world.advance(one, "completed");
    await Promise.all([world.publish(progress), world.publish(completed)]);
    await client.untilPushed("TaskCompleted");
    expect(client.chunks.length - before).toBe(2);
    expect(percents(client)).toEqual([0, 0, 10, 20, 30, 10, 20, 30, 40]);
  });

  test("reaches a bare client message by message", async () => {
    const id = await world.create();
    const client = await EdgeHubSocket.open(world, "image-generation", "bare");
    await client.invoke("SubscribeToTask", id);
    await client.untilPushed("TaskProgress");
    const before = client.chunks.length;
    const updates = [await world.advance(id, "started")];
    for (const percent of [10, 20, 30]) updates.push(await world.advance(id, "progress", percent));
    await Promise.all(updates.map((update) => world.publish(update)));
    await client.when(() => client.pushes.length === 4);
    expect(client.chunks.length - before).toBe(3);
  });
});

describe("over server-sent events", () => {
  test("a picture is followed to its end, whatever the shard forgets on the way", async () => {
    const id = await world.create();
    const client = await EdgeHubEvents.open(world, "image-generation");
    expect(client.response.headers.get("content-type")).toBe("text/event-stream");
    expect(client.text.startsWith(":\r\n")).toBe(true);
    await client.invoke("SubscribeToTask", id);
    await client.untilPushed("TaskProgress");
    await sleep();
    await world.commit(id, "started");
    await world.commit(id, "progress", 20);
    await client.untilPushed("TaskProgress", (_, percent) => percent === 20);
    await sleep();
    await world.commit(id, "completed");
    await client.untilPushed("TaskCompleted");
    expect(client.pushes.map(([target]) => target)).toEqual([
      "TaskProgress",
      "TaskProgress",
      "TaskCompleted",
    ]);
    await client.say({ type: 7 });
    await client.when(() => client.over);
    await sleep();
    expect(await rows()).toEqual({ connections: 0, subscriptions: 0, rooms: 0 });
  });

  test("a client that leaves ends its connection", async () => {
    const id = await world.create();
    const client = await EdgeHubEvents.open(world, "image-generation");
    await client.invoke("SubscribeToTask", id);
    await client.untilPushed("TaskProgress");
    await client.leave();
    await sleep();
    expect(await rows()).toEqual({ connections: 0, subscriptions: 0, rooms: 0 });
  });

  test("refusals are told before anything is streamed", async () => {
    const accept = { accept: "text/event-stream" };
    const { connectionToken } = await negotiate(world, "tasks");
    const path = `tasks?id=${connectionToken}`;
    const stream = await askHub(world, path, { headers: accept });
    expect(stream.status).toBe(200);
    expect((await askHub(world, path, { headers: accept })).status).toBe(409);
    expect((await askHub(world, `image-generation?id=${connectionToken}`, { headers: accept })).status).toBe(
      404,
    );
    expect((await askHub(world, "tasks", { headers: accept })).status).toBe(400);
    expect((await askHub(world, path, { method: "HEAD", headers: accept })).status).toBe(405);
    await stream.body?.cancel();
  });
});

describe.each(["json", "messagepack"] as const)("over long polling with %s", (protocol) => {
  test("a picture is followed to its end, also where polls bring no key", async () => {
    const id = await world.create();
    const client = await EdgeHubPolls.open(world, "image-generation", protocol, null);
    await client.invoke("SubscribeToTask", id);
    await client.untilPushed("TaskProgress");
    await world.commit(id, "started");
    await world.commit(id, "progress", 20);
    await client.untilPushed("TaskProgress", (_, percent) => percent === 20);
    await world.commit(id, "completed");
    await client.untilPushed("TaskCompleted");
    expect(client.pushes.map(([target]) => target)).toEqual([
      "TaskProgress",
      "TaskProgress",
      "TaskCompleted",
    ]);
    expect(await client.end()).toBe(202);
    // 404 where the next poll came behind the end.
    await client.when(() => [204, 404].includes(client.statuses.at(-1) ?? 200));
    await sleep();
    expect(await rows()).toEqual({ connections: 0, subscriptions: 0, rooms: 0 });
  });
});

describe("who may connect", () => {
  test("a connection is found by its own key and hub, and by no other", async () => {
    const { connectionToken } = await negotiate(world, "tasks");
    const ask = async (path: string, key: string | null = plainKey("key_a")) => {
      const answer = await askHub(world, path, { method: "POST", body: "x", key });
      return [answer.status, await answer.text()];
    };
    expect(await ask(`tasks?id=${connectionToken}`)).toEqual([200, ""]);
    expect(await ask(`tasks?id=${connectionToken}`, plainKey("key_b"))).toEqual([404, UNKNOWN]);
    expect(await ask(`image-generation?id=${connectionToken}`)).toEqual([404, UNKNOWN]);
    const [, , secret] = connectionToken.split(".");
    for (const token of [
      secret,
      `0.key_a.${"x".repeat(22)}`,
      `1.key_a.${secret}`,
      `999.key_a.${secret}`,
      "..",
      "0.a/b.c",
    ])
      expect(await ask(`tasks?id=${token}`)).toEqual([404, UNKNOWN]);
    expect(await ask("tasks")).toEqual([400, "Connection ID required"]);
    expect((await ask(`tasks?id=${connectionToken}`, null))[0]).toBe(401);
    const stranger = await askHub(world, `tasks?id=0.key_nobody.${secret}`, { key: null });
    expect([stranger.status, await stranger.text()]).toEqual([404, UNKNOWN]);
  });

  test("the principal is the Worker's, not what a client sends", async () => {
    const id = await world.create();
    const principal = encodeURIComponent(
      JSON.stringify({ keyId: "key_a", scope: { keyId: "key_a", subject: null } }),
    );
    const client = await EdgeHubSocket.over(world, "tasks", "json", {
      key: plainKey("key_b"),
      headers: { "x-conduit-principal": principal },
    });
    await client.shakeHands();
    await expect(client.invoke("Subscribe", id)).rejects.toThrow(/Task not found/);
  });

  test("a skipped negotiation makes a connection, and stateful reconnect is not offered", async () => {
    const client = await EdgeHubSocket.over(world, "tasks");
    await client.shakeHands();
    expect(await client.invoke("Unsubscribe", "nothing")).toBeNull();
    await sleep();
    expect(await client.invoke("Unsubscribe", "nothing")).toBeNull();
    expect(await negotiate(world, "tasks", "&useStatefulReconnect=true")).not.toHaveProperty(
      "useStatefulReconnect",
    );
  });

  test("a page of a foreign origin opens no socket, and no key goes along to the shard", async () => {
    const { connectionToken } = await negotiate(world, "tasks");
    const path = `tasks?id=${connectionToken}&access_token=${plainKey("key_a")}`;
    const foreign = EdgeHubSocket.over(world, path, "json", {
      headers: { origin: "https://elsewhere.example" },
    });
    await expect(foreign).rejects.toThrow(/403/);
    const client = await EdgeHubSocket.over(world, path, "json", { key: null });
    await client.shakeHands();
    expect(await client.invoke("Unsubscribe", "nothing")).toBeNull();
  });

  test("a key has as many connections as it may have, hibernating or not, and slots become free again", async () => {
    const most = world.parts.settings.hubs.maxConnectionsPerKey;
    const clients = [];
    for (let count = 0; count < most; count += 1)
      clients.push(await EdgeHubSocket.open(world, "tasks", "bare"));
    for (const client of clients) await client.invoke("Unsubscribe", "nothing");
    await sleep();
    const refused = await askHub(world, "tasks/negotiate", { method: "POST" });
    expect(refused.status).toBe(429);
    expect(((await refused.json()) as WireError).error.code).toBe("too_many_connections");
    clients[0]?.close();
    await clients[0]?.closed();
    await negotiate(world, "tasks");
  });

  test("a key that is disabled loses its connections at once, over every transport", async () => {
    const [socket, events] = [
      await EdgeHubSocket.open(world, "tasks"),
      await EdgeHubEvents.open(world, "tasks"),
    ];
    const polls = await EdgeHubPolls.open(world, "tasks");
    for (const client of [socket, events, polls]) await client.invoke("SubscribeAll");
    await closeHubs(everyShard(), "key_a");
    await socket.closed();
    expect(socket.closedWith?.code).toBe(1008);
    await events.when(() => events.over);
    await polls.when(() => polls.statuses.at(-1) === 204);
    for (const client of [socket, events, polls])
      expect(client.messages.at(-1)).toEqual({ type: 7, error: "the key was disabled or revoked" });
  });

  test("a plain form that was rotated away ends its key's connections with the next alarm, to be made anew", async () => {
    const client = await EdgeHubSocket.open(world, "tasks");
    await client.invoke("SubscribeAll");
    await sleep();
    const { store } = world.parts;
    const { hash, last4 } = (await store.getKey("key_a")) ?? virtualKey({ id: "key_a" });
    const previous = { hash, last4, validUntil: Date.now() - 1, successor: "new" };
    await store.updateKey("key_a", { hash: "new", previous }, Date.now());
    await runDurableObjectAlarm(shard());
    expect(await client.closed()).toBe(1001);
    expect(client.messages.at(-1)).toMatchObject({ type: 7, allowReconnect: true });
  });

  test("a key that has ended by itself loses its connections with the next alarm", async () => {
    const client = await EdgeHubSocket.open(world, "tasks");
    await client.invoke("SubscribeAll");
    await sleep();
    await world.parts.store.deleteKey("key_a");
    await runDurableObjectAlarm(shard());
    expect(await client.closed()).toBe(1008);
  });
});
