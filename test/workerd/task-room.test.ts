/** Rooms as Durable Objects, followed through the Worker: what clients see on their sockets and streams. */

import { evictDurableObject, reset, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { WireError } from "../../src/protocol/error.ts";
import { connectToRoom } from "../../src/runtime/cloudflare/clients/room-connection.ts";
import { HubShard } from "../../src/runtime/cloudflare/objects/hub-shard.ts";
import { StoreObject } from "../../src/runtime/cloudflare/objects/store-object.ts";
import type { TenantScope } from "../../src/tasks/task.ts";
import { EdgeWorld, plainKey, until } from "../fixture/edge-world.ts";
import { virtualKey } from "../fixture/virtual-key.ts";

const KEY: TenantScope = { keyId: "key_a", subject: null };
const AWAY = { kind: "unavailable", reason: "broken", message: "the store is away" } as const;
const UNKNOWN_TASK = "019aa5f0-1c00-7000-8000-ffffffffffff";

let world: EdgeWorld;
let undo = () => {};

beforeEach(async () => {
  world = new EdgeWorld();
  await world.open();
});
afterEach(async () => {
  undo();
  undo = () => {};
  vi.restoreAllMocks();
  await reset();
});

/** What a room's object keeps, once nothing that it began is under way. */
async function keptBy(room: ReturnType<EdgeWorld["taskRoom"]>) {
  await room.leave("nobody");
  return runInDurableObject(room, async (_room, { storage }) => ({
    rows: [...storage.kv.list()].map(([key]) => key),
    alarm: await storage.getAlarm(),
  }));
}

const hasSubscribers = async (taskId: string) => (await world.advance(taskId, "progress", 1)).followed.task;

describe("a task followed over a WebSocket", () => {
  test("is streamed from the queue to its end, and the socket is closed then", async () => {
    const id = await world.create();
    const socket = await world.connect(`/v1/tasks/${id}/events`, { "x-request-id": "request-7" });
    expect(socket.response.headers.get("x-request-id")).toBe("request-7");
    await world.commit(id, "started");
    await world.commit(id, "progress", 40);
    await world.commit(id, "completed");
    expect(await socket.closed()).toBe(1000);
    expect(socket.types).toEqual(["snapshot", "started", "progress", "completed"]);
    expect(socket.messages).toHaveLength(4);
  });

  test("that is over is shown as it is", async () => {
    const id = await world.create();
    await world.commit(id, "cancelled");
    const socket = await world.connect(`/v1/tasks/${id}/events`);
    expect(await socket.closed()).toBe(1000);
    expect(socket.types).toEqual(["snapshot"]);
  });

  test("resumes behind the event named, and announces what it cannot resume", async () => {
    const id = await world.create();
    const first = await world.connect(`/v1/tasks/${id}/events`);
    await world.commit(id, "started");
    await first.until("started");
    await world.commit(id, "retrying");
    await world.commit(id, "started");
    const second = await world.connect(`/v1/tasks/${id}/events?after=${first.events[1]?.id}`);
    await world.commit(id, "completed");
    await second.closed();
    expect(second.types).toEqual(["retrying", "started", "completed"]);
    const lost = await world.connect(`/v1/tasks/${id}/events?after=elsewhere.1`);
    await lost.closed();
    expect(lost.types).toEqual(["reset", "snapshot"]);
  });

  test("packs the events of a tick into a message where the client offers it", async () => {
    const id = await world.create();
    const socket = await world.connect(`/v1/tasks/${id}/events`, {
      "sec-websocket-protocol": "other, conduit.batch",
    });
    expect(socket.response.headers.get("sec-websocket-protocol")).toBe("conduit.batch");
    const updates = [await world.advance(id, "started")];
    for (const percent of [10, 20, 30]) updates.push(await world.advance(id, "progress", percent));
    updates.push(await world.advance(id, "completed"));
    await Promise.all(updates.map((update) => world.publish(update)));
    await socket.closed();
    expect(socket.types).toEqual(["snapshot", "started", "progress", "progress", "progress", "completed"]);
    expect(socket.messages).toHaveLength(2);
  });

  test("answers a ping, also while the room hibernates, and does not wake it", async () => {
    const id = await world.create();
    const socket = await world.connect(`/v1/tasks/${id}/events`);
    await evictDurableObject(world.taskRoom(id));
    socket.send("ping");
    await socket.when(() => socket.messages.at(-1) === "pong");
    await expect(evictDurableObject(world.taskRoom(id))).rejects.toThrow("not currently running");
  });

  test("is closed for a message beyond the bound, and other words are ignored", async () => {
    const id = await world.create();
    const socket = await world.connect(`/v1/tasks/${id}/events`);
    socket.send("hello");
    socket.send("x".repeat(65_537));
    expect(await socket.closed()).toBe(1009);
    expect((await keptBy(world.taskRoom(id))).rows).toEqual([]);
  });

  test("is refused where the task is another key's or nobody's, and to a page of a foreign origin", async () => {
    const id = await world.create({ keyId: "key_b", subject: "" });
    const upgrade = { upgrade: "websocket" };
    for (const path of [`/v1/tasks/${id}/events`, `/v1/tasks/${UNKNOWN_TASK}/events`]) {
      for (const headers of [upgrade, {}]) {
        const response = await world.ask(path, headers);
        expect(response.status).toBe(404);
        expect(((await response.json()) as WireError).error.code).toBe("task_not_found");
      }
    }
    const foreign = await world.ask("/v1/events", { ...upgrade, origin: "https://evil.example" });
    expect(foreign.status).toBe(403);
  });

  test("is refused by the room itself where the task is gone, and nothing of it stays", async () => {
    const stream = { scope: KEY, taskId: UNKNOWN_TASK, after: null };
    expect(await connectToRoom(env.TASK_ROOM, stream, "json")).toBeNull();
    const room = world.taskRoom(UNKNOWN_TASK);
    expect(await keptBy(room)).toEqual({ rows: [], alarm: null });
    await evictDurableObject(room);
  });

  test("takes no more subscribers than a key may have connections", async () => {
    const id = await world.create();
    const stream = { scope: KEY, taskId: id, after: null };
    undo = await world.changeEvents({ maxConnectionsPerKey: 1 });
    const only = await world.connect(`/v1/tasks/${id}/events`);
    const refused = connectToRoom(env.TASK_ROOM, stream, "json");
    await expect(refused).rejects.toMatchObject({ code: "too_many_connections" });
    only.close(1000);
    await only.closed();
    await world.connect(`/v1/tasks/${id}/events`);
  });
});

describe("a room that is forgotten while its sockets stay", () => {
  test("continues in order, with nothing lost and nothing sent twice", async () => {
    const id = await world.create();
    const room = world.taskRoom(id);
    const [plain, batch] = [
      await world.connect(`/v1/tasks/${id}/events`),
      await world.connect(`/v1/tasks/${id}/events`, { "sec-websocket-protocol": "conduit.batch" }),
    ];
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      await world.commit(id, "started");
      await evictDurableObject(room);
      // Nobody rings for this one: the room finds it when the next one does not fit.
      await world.advance(id, "progress", attempt);
      await world.commit(id, "retrying");
      await evictDurableObject(room);
    }
    await world.commit(id, "started");
    await evictDurableObject(room);
    await world.commit(id, "completed");
    for (const socket of [plain, batch]) {
      expect(await socket.closed()).toBe(1000);
      // Progress is a last value: what came after it supersedes it.
      const attempt = ["started", "retrying"];
      expect(socket.types).toEqual(["snapshot", ...attempt, ...attempt, ...attempt, "started", "completed"]);
      expect(socket.events.map(({ seq }) => seq)).toEqual([1, 2, 4, 5, 7, 8, 10, 11, 12]);
    }
    expect(await keptBy(room)).toEqual({ rows: [], alarm: null });
  });

  test("finds by its alarm what was never published to it, and the end as well", async () => {
    const id = await world.create();
    const room = world.taskRoom(id);
    const socket = await world.connect(`/v1/tasks/${id}/events`);
    await world.advance(id, "started");
    expect(await runDurableObjectAlarm(room)).toBe(true);
    await socket.until("started");
    await evictDurableObject(room);
    await world.advance(id, "completed");
    expect(await runDurableObjectAlarm(room)).toBe(true);
    expect(await socket.closed()).toBe(1000);
    expect(socket.types).toEqual(["snapshot", "started", "completed"]);
    expect(await keptBy(room)).toEqual({ rows: [], alarm: null });
  });

  test("is pinned by nothing while its subscribers wait: it can be forgotten again and again", async () => {
    const id = await world.create();
    const room = world.taskRoom(id);
    await world.connect(`/v1/tasks/${id}/events`);
    await world.stream(`/v1/tasks/${id}/events`);
    await world.commit(id, "started");
    await evictDurableObject(room);
    await runDurableObjectAlarm(room);
    await evictDurableObject(room);
    await expect(evictDurableObject(room)).rejects.toThrow("not currently running");
  });

  test("admits new subscribers beside those it restores", async () => {
    const id = await world.create();
    const room = world.taskRoom(id);
    const early = await world.connect(`/v1/tasks/${id}/events`);
    await world.commit(id, "started");
    await early.until("started");
    await evictDurableObject(room);
    await world.advance(id, "retrying");
    const late = await world.connect(`/v1/tasks/${id}/events`);
    await world.commit(id, "started");
    await world.commit(id, "completed");
    await Promise.all([early.closed(), late.closed()]);
    expect(early.types).toEqual(["snapshot", "started", "retrying", "started", "completed"]);
    expect(late.types).toEqual(["snapshot", "started", "completed"]);
  });

  test("brings a subscriber up to the others that it could not bring up before it was forgotten", async () => {
    const id = await world.create();
    const room = world.taskRoom(id);
    const first = await world.connect(`/v1/tasks/${id}/events`);
    await world.commit(id, "started");
    await world.commit(id, "retrying");
    await first.until("retrying");
    await evictDurableObject(room);
    const call = StoreObject.prototype.call;
    vi.spyOn(StoreObject.prototype, "call").mockImplementation(async function (
      this: StoreObject,
      method,
      args,
    ) {
      if (method === "readLog") return { ok: false, failure: AWAY };
      return call.call(this, method, args);
    });
    const behind = await world.connect(`/v1/tasks/${id}/events?after=${first.events[0]?.id}`);
    await evictDurableObject(room);
    vi.restoreAllMocks();
    await world.commit(id, "started");
    await world.commit(id, "completed");
    await Promise.all([first.closed(), behind.closed()]);
    expect(first.types).toEqual(["snapshot", "started", "retrying", "started", "completed"]);
    expect(behind.types).toEqual(["started", "retrying", "started", "completed"]);
  });

  test("clears its follow flag when the last subscriber leaves during hibernation", async () => {
    const id = await world.create();
    const room = world.taskRoom(id);
    const socket = await world.connect(`/v1/tasks/${id}/events`);
    await world.commit(id, "started");
    await socket.until("started");
    expect(await hasSubscribers(id)).toBe(true);
    await evictDurableObject(room);
    socket.close(1000);
    expect(await socket.closed()).toBe(1000);
    expect(await keptBy(room)).toEqual({ rows: [], alarm: null });
    expect(await hasSubscribers(id)).toBe(false);
  });
});

describe("a client that reads too slowly", () => {
  /** Says of the sockets the room has now that so many bytes are unsent. Not every runtime tells it by itself. */
  const fill = (room: ReturnType<EdgeWorld["taskRoom"]>, bytes: number) =>
    runInDurableObject(room, (_room, state) => {
      for (const socket of state.getWebSockets()) {
        Object.defineProperty(socket, "bufferedAmount", { configurable: true, value: bytes });
      }
    });

  /** Where the room's only subscriber stands, if that is not where the room stands. */
  const positionAt = (room: ReturnType<EdgeWorld["taskRoom"]>) =>
    runInDurableObject(room, (_room, state) => state.getWebSockets()[0]?.deserializeAttachment()?.at ?? null);

  test("is sent nothing while its buffer is full, and catches up when it has drained", async () => {
    const id = await world.create();
    const room = world.taskRoom(id);
    const slow = await world.connect(`/v1/tasks/${id}/events`);
    await fill(room, 100_000);
    await world.commit(id, "started");
    let percent = 0;
    await until(async () => {
      percent += 0.01;
      await world.commit(id, "progress", percent);
      return (await positionAt(room)) !== null;
    });
    const told = slow.events.length;
    const quick = await world.connect(`/v1/tasks/${id}/events`);
    await world.commit(id, "progress", 90);
    await world.commit(id, "progress", 91);
    await quick.when(() => quick.events.length === 3);
    expect(slow.events.length).toBe(told);
    await fill(room, 0);
    await slow.when(() => slow.events.at(-1)?.progress === 91);
    expect(slow.events.length).toBe(told + 1);
    await world.commit(id, "completed");
    expect(await slow.closed()).toBe(1000);
    expect(slow.types.at(-1)).toBe("completed");
  });

  test("is closed when it does not drain", async () => {
    undo = await world.changeEvents({ slowCloseMs: 5 });
    const id = await world.create();
    const slow = await world.connect(`/v1/tasks/${id}/events`);
    await fill(world.taskRoom(id), 100_000);
    await world.commit(id, "started");
    expect(await slow.closed()).toBe(1013);
  });
});

describe("a room and its shards", () => {
  test("keeps the follow flag as long as a shard or a subscriber is left", async () => {
    const id = await world.create();
    await world.commit(id, "started");
    const room = world.taskRoom(id);
    await room.join("key_a/0");
    await world.parts.store.follow(KEY, id);
    const socket = await world.connect(`/v1/tasks/${id}/events`);
    socket.close(1000);
    await socket.closed();
    await evictDurableObject(room);
    expect((await keptBy(room)).rows).toContain("shard/key_a/0");
    expect(await hasSubscribers(id)).toBe(true);
    await room.leave("key_a/0");
    expect(await keptBy(room)).toEqual({ rows: [], alarm: null });
    expect(await hasSubscribers(id)).toBe(false);
  });

  test("hands every update on, also when it was forgotten meanwhile, beside its own subscribers", async () => {
    const told = vi.spyOn(HubShard.prototype, "publish").mockResolvedValue();
    const id = await world.create();
    const room = world.taskRoom(id);
    await room.join("key_a/0");
    await room.join("key_a/1");
    const sockets = [
      await world.connect(`/v1/tasks/${id}/events`),
      await world.connect(`/v1/tasks/${id}/events`),
    ];
    await world.commit(id, "started");
    await evictDurableObject(room);
    await world.commit(id, "retrying");
    await room.leave("key_a/1");
    await world.commit(id, "cancelled");
    for (const socket of sockets) {
      expect(await socket.closed()).toBe(1000);
      expect(socket.types).toEqual(["snapshot", "started", "retrying", "cancelled"]);
    }
    await until(() => told.mock.calls.length === 5);
    expect(told.mock.calls.flat().map((update) => update?.events[0]?.type)).toEqual([
      "started",
      "started",
      "retrying",
      "retrying",
      "cancelled",
    ]);
    expect(await keptBy(room)).toEqual({ rows: [], alarm: null });
  });

  test("forgets the shards with the end of the one task", async () => {
    const id = await world.create();
    const room = world.taskRoom(id);
    await room.join("key_a/0");
    await world.parts.store.follow(KEY, id);
    await world.commit(id, "cancelled");
    expect(await keptBy(room)).toEqual({ rows: [], alarm: null });
  });

  test("clears a follow flag that outlived its subscribers", async () => {
    const id = await world.create();
    await world.parts.store.follow(KEY, id);
    await world.commit(id, "started");
    await keptBy(world.taskRoom(id));
    expect(await hasSubscribers(id)).toBe(false);
  });
});

describe("a key that is no longer good", () => {
  test("loses its subscribers at the room's next look, and other keys keep theirs", async () => {
    const own = await world.create();
    const foreign = await world.create({ keyId: "key_b", subject: "" });
    const [task, tenant] = [
      await world.connect(`/v1/tasks/${own}/events`),
      await world.connect("/v1/events"),
    ];
    const other = await world.connect(`/v1/tasks/${foreign}/events`, {
      authorization: `Bearer ${plainKey("key_b")}`,
    });
    await world.parts.store.updateKey("key_a", { enabled: false }, Date.now());
    for (const room of [world.taskRoom(own), world.tenantRoom(KEY), world.taskRoom(foreign, "key_b")]) {
      await evictDurableObject(room);
      expect(await runDurableObjectAlarm(room)).toBe(true);
    }
    expect([await task.closed(), await tenant.closed(), other.closedWith]).toEqual([1008, 1008, null]);
    expect(await keptBy(world.taskRoom(own))).toEqual({ rows: [], alarm: null });
  });
});

describe("a key whose plain form was rotated away", () => {
  test("lets its subscribers come back at the end of the overlap, also after hibernation", async () => {
    const task = await world.create();
    const socket = await world.connect(`/v1/tasks/${task}/events`);
    const { store } = world.parts;
    const { hash, last4 } = (await store.getKey("key_a")) ?? virtualKey({ id: "key_a" });
    const previous = { hash, last4, validUntil: Date.now() - 1, successor: "new" };
    await store.updateKey("key_a", { hash: "new", previous }, Date.now());
    await evictDurableObject(world.taskRoom(task));
    expect(await runDurableObjectAlarm(world.taskRoom(task))).toBe(true);
    expect(await socket.closed()).toBe(1001);
  });
});

describe("a tenant's stream", () => {
  test("carries all tasks of the key, also when its room was forgotten between them", async () => {
    const socket = await world.connect("/v1/events");
    const stream = await world.stream("/v1/events");
    const first = await world.create();
    await world.commit(first, "started");
    await evictDurableObject(world.tenantRoom(KEY));
    const second = await world.create({ keyId: "key_a", subject: "sam" });
    await world.create({ keyId: "key_b", subject: "" });
    await world.commit(first, "progress", 30);
    await world.commit(first, "completed");
    await world.commit(second, "cancelled");
    for (const subscriber of [socket, stream]) {
      await subscriber.until("cancelled");
      expect(subscriber.types).toEqual(["queued", "started", "queued", "progress", "completed", "cancelled"]);
      expect(subscriber.events.map(({ taskId }) => taskId)).toEqual([
        first,
        first,
        second,
        first,
        first,
        second,
      ]);
    }
    const resumed = await world.stream("/v1/events", { "last-event-id": stream.events[1]?.id ?? "" });
    await resumed.until("cancelled");
    expect(resumed.types).toEqual(["queued", "completed", "cancelled"]);
  });
});

describe("a client that comes back after long", () => {
  test("is sent all it missed, in order, before new events", async () => {
    const first = await world.connect("/v1/events");
    await world.create();
    await first.until("queued");
    first.close(1000);
    await first.closed();
    const missed: string[] = [];
    for (let task = 0; task < 90; task += 1) missed.push(await world.create());
    const back = await world.connect(`/v1/events?after=${first.lastId}`);
    const now = await world.create();
    await back.when(() => back.events.at(-1)?.taskId === now);
    expect(back.events.map(({ taskId }) => taskId)).toEqual([...missed, now]);
  });
});

describe("a task followed by server-sent events", () => {
  test("is streamed from the queue to its end, through hibernations of the room", async () => {
    const id = await world.create();
    const stream = await world.stream(`/v1/tasks/${id}/events`);
    expect(stream.response.headers.get("content-type")).toContain("text/event-stream");
    await world.commit(id, "started");
    await evictDurableObject(world.taskRoom(id));
    await world.commit(id, "progress", 40);
    await world.commit(id, "completed");
    await stream.ended();
    expect(stream.types).toEqual(["snapshot", "started", "progress", "completed"]);
    expect(stream.text).toContain(`event: completed\nid: ${stream.lastId}\n`);
  });

  test("resumes without a gap behind the event named, and sends nothing behind the last", async () => {
    const id = await world.create();
    const first = await world.stream(`/v1/tasks/${id}/events`);
    await world.commit(id, "started");
    await first.until("started");
    await first.leave();
    await world.commit(id, "retrying");
    await world.commit(id, "started");
    const second = await world.stream(`/v1/tasks/${id}/events`, { "last-event-id": first.lastId });
    await world.commit(id, "failed");
    await second.ended();
    expect(second.types).toEqual(["retrying", "started", "failed"]);
    const over = await world.ask(`/v1/tasks/${id}/events`, { "last-event-id": second.lastId });
    expect(over.status).toBe(204);
  });

  test("is over when the room's object is replaced, and continues behind the last event elsewhere", async () => {
    const id = await world.create();
    const first = await world.stream(`/v1/tasks/${id}/events`);
    await world.commit(id, "started");
    await first.until("started");
    await evictDurableObject(world.taskRoom(id), { webSockets: "close" });
    await first.ended();
    await world.advance(id, "retrying");
    const second = await world.stream(`/v1/tasks/${id}/events`, { "last-event-id": first.lastId });
    await world.commit(id, "started");
    await world.commit(id, "completed");
    await second.ended();
    expect(second.types).toEqual(["retrying", "started", "completed"]);
  });

  test("is kept alive by comments while nothing happens", async () => {
    const lively = new EdgeWorld({ CONDUITLLM__EVENTS__HEARTBEATMS: "20" });
    const id = await world.create();
    const stream = await lively.stream(`/v1/tasks/${id}/events`);
    await stream.when(() => stream.text.split(": keep-alive\n\n").length > 2);
    await stream.leave();
  });

  test("is refused with a status while the store is away, like a socket", async () => {
    const id = await world.create();
    const room = world.taskRoom(id);
    const call = StoreObject.prototype.call;
    vi.spyOn(StoreObject.prototype, "call").mockImplementation(async function (
      this: StoreObject,
      method,
      args,
    ) {
      if (method === "follow") return { ok: false, failure: AWAY };
      return call.call(this, method, args);
    });
    for (const headers of [{}, { upgrade: "websocket" }]) {
      const response = await world.ask(`/v1/tasks/${id}/events`, headers);
      expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
    }
    vi.restoreAllMocks();
    expect(await keptBy(room)).toEqual({ rows: [], alarm: null });
    await evictDurableObject(room);
  });

  test("leaves the room when its reader does", async () => {
    const id = await world.create();
    const room = world.taskRoom(id);
    const stream = await world.stream(`/v1/tasks/${id}/events`);
    await world.commit(id, "started");
    await stream.until("started");
    await stream.leave();
    await until(async () => (await keptBy(room)).rows.length === 0);
    expect(await hasSubscribers(id)).toBe(false);
  });
});

describe("a request that waits for a task's end", () => {
  test("goes on waiting when the room's object is replaced", async () => {
    const id = await world.create();
    const room = world.taskRoom(id);
    await world.advance(id, "started");
    const waiting = world.parts.tasks.waitUntilEnded(KEY, await world.parts.tasks.read(KEY, id), 60_000);
    await until(() => hasSubscribers(id));
    await evictDurableObject(room, { webSockets: "close" });
    await world.commit(id, "completed");
    expect((await waiting).task.status).toBe("completed");
  });

  test("is woken by the end, and not by the room's being forgotten", async () => {
    const id = await world.create();
    const room = world.taskRoom(id);
    await world.advance(id, "started");
    const waiting = world.parts.tasks.waitUntilEnded(KEY, await world.parts.tasks.read(KEY, id), 60_000);
    await until(() => hasSubscribers(id));
    await evictDurableObject(room);
    await world.commit(id, "completed");
    expect((await waiting).task.status).toBe("completed");
    expect((await keptBy(room)).rows).toEqual([]);
  });
});
