/** Bad days of the realtime client, on a scripted hub, a scripted network and a clock that stands still. */

import { describe, expect, test } from "vitest";
import { HubError, SignalRMissingError } from "../../../src/client/realtime/hub-link.ts";
import { ConduitRealtimeClient } from "../../../src/client/realtime/realtime-client.ts";
import type { RealtimeEvents, RealtimeTransport } from "../../../src/client/realtime/realtime-events.ts";
import { ConnectionError, errorOfAnswer, RateLimitError } from "../../../src/client/transport/errors.ts";
import type { TaskEventType, WireEvent, WireTask } from "../../../src/protocol/task.ts";
import { ManualClock, settled } from "../../fixture/manual-clock.ts";
import { answering, refusing, ScriptedFetch } from "../../fixture/scripted-fetch.ts";
import { ScriptedHub } from "../../fixture/scripted-hub.ts";

const TASK = "019ab2c4-0000-7000-8000-000000000001";
const AWAY = new ConnectionError("away");
const NAMES = [
  "connected",
  "disconnected",
  "reconnecting",
  "reconnected",
  "progress",
  "completed",
  "failed",
  "error",
] as const;

function world(transports?: RealtimeTransport[]) {
  const hub = new ScriptedHub();
  const network = new ScriptedFetch(answering({ id: "key" }));
  const clock = new ManualClock();
  const options = { virtualKey: "condt_a", baseUrl: "http://gateway.test", fetch: network.fetch, clock };
  const client = new ConduitRealtimeClient(
    { ...options, random: () => 1, transports, maxRetries: 0 },
    hub.open,
  );
  const seen: [keyof RealtimeEvents, unknown][] = [];
  for (const name of NAMES) client.on(name, (payload: unknown) => seen.push([name, payload]));
  return { hub, network, clock, client, seen, names: () => seen.map(([name]) => name) };
}

function event(seq: number, type: TaskEventType, progress: number): WireEvent {
  const status = type === "completed" ? "completed" : "running";
  const result =
    type === "completed"
      ? {
          images: [{ url: "http://m/1.png", metadata: { provider: "p", model: "m", index: 0 } }],
          duration: 1,
          cost: 0,
          provider: "p",
          model: "m",
        }
      : undefined;
  return {
    id: `e.${seq}`,
    taskId: TASK,
    seq,
    type,
    status,
    progress,
    message: null,
    at: "",
    ...(result && { result }),
  };
}
const snapshot = (seq: number, progress: number) => ({
  type: "snapshot" as const,
  id: `e.${seq}`,
  seq,
  task: {
    taskId: TASK,
    status: "running",
    progress,
    message: "painting",
    estimatedSecondsRemaining: 9,
    metadata: { order: "7" },
  } as unknown as WireTask,
});

async function following() {
  const made = world();
  await made.client.connect("image");
  await made.client.subscribeToTask(TASK, "image");
  made.hub.last.listener.update(snapshot(3, 20));
  return made;
}

describe("a hub that is lost", () => {
  test("is reached again, and the task goes on behind its last event, which comes once", async () => {
    const { hub, clock, seen } = await following();
    hub.last.listener.update(event(4, "progress", 40));
    hub.last.listener.closed(new Error("cut"));
    await clock.advance(1_000);
    expect(hub.last.subscribed).toEqual([{ taskId: TASK, after: "e.4" }]);
    for (const update of [event(4, "progress", 40), event(5, "progress", 30), event(6, "progress", 60)])
      hub.last.listener.update(update);
    for (let times = 0; times < 2; times += 1) hub.last.listener.update(event(7, "completed", 100));
    expect(seen.slice(1)).toEqual([
      ["progress", { taskId: TASK, progress: 20, message: "painting", estimatedSecondsRemaining: 9 }],
      ["progress", { taskId: TASK, progress: 40 }],
      ["reconnecting", { error: new Error("cut") }],
      ["reconnected", { connectionId: "connection-2" }],
      ["progress", { taskId: TASK, progress: 60 }],
      [
        "completed",
        {
          taskId: TASK,
          status: "completed",
          imageUrl: "http://m/1.png",
          metadata: { order: "7", provider: "p", model: "m" },
        },
      ],
    ]);
  });

  test("is tried five times after growing waits; then another transport takes over, with one progress", async () => {
    const { hub, network, clock, seen, client } = await following();
    const task = { ...snapshot(0, 10).task, progress: 15 };
    network.answers = [
      ({ path }) => (path.endsWith("/events") ? new Response(null, { status: 503 }) : Response.json(task)),
    ];
    hub.refuses = AWAY;
    hub.last.listener.closed();
    const waits = [1_000, 2_000, 4_000, 8_000, 16_000];
    for (const [tries, wait] of waits.entries()) {
      await clock.advance(wait - 1);
      expect(hub.calls).toBe(1 + tries);
      await clock.advance(1);
    }
    // The last try, and once more before the hub is given up.
    expect(hub.calls).toBe(7);
    expect(client.transport).toBe("sse");
    await clock.advance(1_000);
    task.progress = 70;
    await clock.advance(10_000);
    const progress = seen
      .filter(([name]) => name === "progress")
      .map(([, said]) => (said as { progress: number }).progress);
    expect(progress).toEqual([20, 70]);
    expect(seen).toContainEqual(["reconnected", { connectionId: null }]);
    await client.disconnect();
    expect(clock.pendingTimers).toBe(0);
  });

  test("whose key is refused meanwhile ends with the reason", async () => {
    const { hub, network, clock, seen } = await following();
    hub.refuses = AWAY;
    network.answers = [refusing(403, "key_disabled")];
    hub.last.listener.closed();
    await clock.advance(1_000);
    expect(seen.at(-1)).toEqual([
      "disconnected",
      { error: expect.objectContaining({ code: "key_disabled" }) },
    ]);
    expect(clock.pendingTimers).toBe(0);
  });

  test("with nothing to follow, and a gateway that stays away, ends with the reason", async () => {
    const { hub, network, clock, seen, client } = world();
    await client.connect("image");
    hub.refuses = AWAY;
    network.answers = [() => new TypeError("fetch failed")];
    hub.last.listener.closed();
    await clock.advance(60_000);
    expect(seen.at(-1)).toEqual(["disconnected", { error: expect.any(ConnectionError) }]);
    expect(client.isConnected).toBe(false);
    expect(clock.pendingTimers).toBe(0);
  });

  test("is tried no more once the client has disconnected", async () => {
    const { hub, clock, client, names } = await following();
    hub.last.listener.closed();
    await client.disconnect();
    await clock.advance(60_000);
    expect(hub.calls).toBe(1);
    expect(names().at(-1)).toBe("disconnected");
    await expect(client.subscribeToTask(TASK, "image")).rejects.toThrow("Not connected to hub");
  });

  test("says of a task that is gone when it is reached again that it cannot be followed", async () => {
    const { hub, clock, seen } = await following();
    hub.refusesTasks = new HubError("Task not found");
    hub.last.listener.closed();
    await clock.advance(1_000);
    expect(seen).toContainEqual([
      "error",
      { type: "subscribe", error: expect.objectContaining({ message: "Task not found" }) },
    ]);
  });
});

describe("a gateway that is gone for a minute", () => {
  test("is waited for, and the task goes on to its one end", async () => {
    const { hub, network, clock, seen, client } = await following();
    hub.refuses = AWAY;
    network.answers = [() => new TypeError("fetch failed")];
    hub.last.listener.closed(new Error("gone"));
    await clock.advance(60_000);
    expect(client.isConnected).toBe(true);
    const progress = {
      id: "e.4",
      taskId: TASK,
      seq: 4,
      type: "progress",
      status: "running",
      progress: 60,
      message: null,
    };
    network.answers = [
      ({ path }) =>
        path.endsWith("/events")
          ? new Response(`data: ${JSON.stringify(progress)}\n\n`)
          : Response.json({ ...snapshot(0, 60).task, message: null }),
    ];
    await clock.advance(10_000);
    hub.refuses = null;
    await clock.advance(60_000);
    expect(hub.last.subscribed).toEqual([{ taskId: TASK, after: "e.4" }]);
    for (let times = 0; times < 2; times += 1) hub.last.listener.update(event(5, "completed", 100));
    const told = seen.filter(([name]) => name === "progress" || name === "completed");
    expect(told.map(([name, said]) => `${name} ${(said as { progress?: number }).progress ?? ""}`)).toEqual([
      "progress 20",
      "progress 60",
      "completed ",
    ]);
    expect(seen.some(([name]) => name === "disconnected" || name === "error")).toBe(false);
    await client.disconnect();
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("a key that has expired", () => {
  test("is renewed by its provider, when connecting and when the hub was lost", async () => {
    const hub = new ScriptedHub();
    const network = new ScriptedFetch(({ headers }) =>
      headers.get("authorization") === "Bearer ek_1"
        ? refusing(401, "expired_api_key")()
        : Response.json({ id: "key" }),
    );
    let asked = 0;
    const tokenProvider = () => {
      asked += 1;
      return `ek_${asked}`;
    };
    const clock = new ManualClock();
    const options = { tokenProvider, baseUrl: "http://gateway.test", fetch: network.fetch, clock };
    const client = new ConduitRealtimeClient({ ...options, random: () => 1 }, async (requester, ...rest) => {
      if ((await requester.credentials.token()) === "ek_1") throw AWAY;
      return hub.open(requester, ...rest);
    });
    await client.connect("image");
    expect([client.transport, asked]).toEqual(["hub", 2]);
    await client.disconnect();
  });
});

describe("connecting", () => {
  test("falls back where the hub cannot be had, and asks the gateway before it says so", async () => {
    const { hub, network, client } = world();
    hub.refuses = AWAY;
    await client.connect("image");
    expect(client.transport).toBe("sse");
    expect(network.asked.map(({ path }) => path)).toEqual(["/v1/key"]);
  });

  test("falls back until the hub can be had, which then takes over behind what was read", async () => {
    const { hub, network, client, clock, seen } = world();
    hub.refuses = AWAY;
    await client.connect("image");
    network.answers = [
      ({ path }) =>
        path.endsWith("/events")
          ? new Response(`data: ${JSON.stringify(event(4, "progress", 40))}\n\n`)
          : Response.json({ ...snapshot(0, 40).task, message: null }),
    ];
    await client.subscribeToTask(TASK, "image");
    await clock.advance(0);
    await clock.advance(29_999);
    hub.refuses = null;
    await clock.advance(1);
    expect(client.transport).toBe("hub");
    expect(hub.last.subscribed).toEqual([{ taskId: TASK, after: "e.4" }]);
    hub.last.listener.update(event(4, "progress", 40));
    hub.last.listener.update(event(5, "progress", 50));
    expect(seen.filter(([name]) => name === "progress").map(([, said]) => said)).toEqual([
      { taskId: TASK, progress: 40 },
      { taskId: TASK, progress: 50 },
    ]);
    const asked = network.asked.length;
    await clock.advance(60_000);
    expect(network.asked).toHaveLength(asked);
    await client.disconnect();
    expect(clock.pendingTimers).toBe(0);
  });

  test("tries the hub no more where its package is not installed", async () => {
    const { hub, client, clock } = world();
    hub.refuses = new SignalRMissingError("not installed");
    await client.connect("image");
    await clock.advance(3_600_000);
    expect(hub.calls).toBe(1);
    expect(clock.pendingTimers).toBe(0);
  });

  test("rejects with what a hub says that refuses, where only the hub is allowed", async () => {
    const { hub, client } = world(["hub"]);
    const headers = new Headers();
    hub.refuses = errorOfAnswer({ status: 429, headers }, '{"error":{"code":"too_many_connections"}}');
    const error = await client.connect("image").catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RateLimitError);
    expect(error).toMatchObject({ code: "too_many_connections" });
  });

  test("rejects where only the hub is allowed", async () => {
    const { hub, client } = world(["hub"]);
    hub.refuses = AWAY;
    await expect(client.connect("image")).rejects.toThrow("no other transport");
    expect(client.isConnected).toBe(false);
  });

  test("a second time replaces the connection and keeps the tasks", async () => {
    const { hub, client, names } = await following();
    await client.connect("video");
    expect(hub.links.map(({ closed }) => closed)).toEqual([true, false]);
    expect(hub.last.subscribed).toEqual([{ taskId: TASK, after: "e.3" }]);
    expect(names()).not.toContain("disconnected");
  });

  test("again while a disconnection is on its way is what counts", async () => {
    const { hub, client } = await following();
    const ended = client.disconnect();
    await client.connect("image");
    await ended;
    await client.subscribeToTask(TASK, "image");
    expect(client.isConnected).toBe(true);
    expect(hub.last.subscribed).toEqual([{ taskId: TASK, after: null }]);
  });

  test("that is left by disconnecting rejects, and leaves no connection open", async () => {
    const { hub, client } = world();
    const connecting = client.connect("image").catch((error: unknown) => error);
    const ended = client.disconnect();
    expect(await connecting).toBeInstanceOf(Error);
    await ended;
    await settled();
    expect(hub.links.every(({ closed }) => closed)).toBe(true);
    expect(client.isConnected).toBe(false);
  });
});

test("a connection that is ended while its tasks are followed again is not told as there", async () => {
  const { hub, client, names } = await following();
  const held = Promise.withResolvers<void>();
  hub.holdsTasks = held.promise;
  const connecting = client.connect("image").catch((error: unknown) => error);
  await settled();
  await client.disconnect();
  held.resolve();
  expect(await connecting).toBeInstanceOf(Error);
  expect(names().slice(-1)).toEqual(["disconnected"]);
  expect(client.isConnected).toBe(false);
});

test("a task that was let go and is followed anew is not lost to the refusal of the first time", async () => {
  const { hub, client, names } = world();
  await client.connect("image");
  const held = Promise.withResolvers<void>();
  hub.holdsTasks = held.promise;
  const first = client.subscribeToTask(TASK, "image").catch((error: unknown) => error);
  await client.unsubscribeFromTask(TASK);
  hub.holdsTasks = null;
  await client.subscribeToTask(TASK, "image");
  hub.refusesTasks = new HubError("Not found");
  held.resolve();
  expect(await first).toBeInstanceOf(HubError);
  hub.last.listener.update(event(1, "completed", 100));
  expect(names()).toEqual(["connected", "completed"]);
});

describe("a listener that throws", () => {
  test("keeps nothing from the others", async () => {
    const { hub, client, seen } = await following();
    const said = console.error;
    const errors: unknown[] = [];
    console.error = (...words: unknown[]) => errors.push(words);
    try {
      client.on("progress", () => {
        throw new Error("mine");
      });
      const heard: number[] = [];
      client.on("progress", ({ progress }) => heard.push(progress));
      hub.last.listener.update(event(4, "progress", 40));
      expect(heard).toEqual([40]);
      expect(errors).toHaveLength(1);
      expect(seen.at(-1)?.[0]).toBe("progress");
    } finally {
      console.error = said;
    }
  });
});
