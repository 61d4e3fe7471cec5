/** Hubs for the holders of ephemeral keys: whom they follow, whose connections they find, and what ends them. */

import type { HubConnection } from "@microsoft/signalr";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { WireEphemeralKey } from "../../src/protocol/ephemeral-key.ts";
import type { WireAccepted } from "../../src/protocol/task.ts";
import { ADMIN_KEY } from "../fixture/gateway-world.ts";
import { type HubServer, startHubServer } from "../fixture/hub-server.ts";
import { ManualClock } from "../fixture/manual-clock.ts";
import { buildClient, type Wire } from "../fixture/signalr-client.ts";

const HUB = "/hubs/tasks";
const HANDSHAKE = '{"protocol":"json","version":1}\x1e';
const TRANSPORTS = ["WebSockets", "ServerSentEvents", "LongPolling"] as const;

let server: HubServer;
let clock: ManualClock;
const clients: HubConnection[] = [];
beforeAll(async () => {
  clock = new ManualClock();
  server = await startHubServer({ clock });
});
afterEach(() => Promise.all(clients.splice(0).map((client) => client.stop())));
afterAll(() => server.close());

async function mint(body: object = {}, key?: string): Promise<WireEphemeralKey> {
  const options = key === undefined ? { body } : { body, key };
  const response = await server.request("POST", "/v1/auth/ephemeral-keys", options);
  expect(response.status).toBe(200);
  return (await response.json()) as WireEphemeralKey;
}

async function connect(key: string, transport: Wire[0] = "WebSockets"): Promise<HubConnection> {
  const client = buildClient(`${server.url}${HUB}`, { key, wire: [transport, "json"] });
  clients.push(client);
  await client.start();
  return client;
}

/** The ids of the tasks of which events came. */
function heard(client: HubConnection): Set<string> {
  const ids = new Set<string>();
  client.on("TaskEvent", (event: { taskId?: string; task?: { taskId: string } }) => {
    ids.add(event.taskId ?? event.task?.taskId ?? "");
  });
  return ids;
}

const cancel = (taskId: string) => server.request("DELETE", `/v1/tasks/${taskId}`);

async function until(holds: () => boolean): Promise<void> {
  // The delay before a first push begins when the answer has left, which may be after the client has it.
  while (!holds()) {
    await clock.advance(1);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("a subject", () => {
  test("follows its own tasks one by one and together, and no others", async () => {
    const one = await mint({ subject: "hub-one" });
    const other = await mint({ subject: "hub-other" });
    const [own, foreign, parents] = [
      await server.submit({}, one.key),
      await server.submit({}, other.key),
      await server.submit(),
    ];
    const client = await connect(one.key);
    const ids = heard(client);
    await client.invoke("SubscribeAll", null);
    for (const taskId of [foreign, parents])
      await expect(client.invoke("Subscribe", taskId, null)).rejects.toThrow("Task not found");
    await client.invoke("Subscribe", own, null);
    for (const taskId of [foreign, parents, own]) await cancel(taskId);
    await until(() => ids.has(own));
    await clock.advance(1_000);
    expect([...ids]).toEqual([own]);
  });

  test("follows a task that was granted to it", async () => {
    const granted = await server.submit();
    const { key } = await mint({ tasks: [granted] });
    const client = await connect(key);
    const ids = heard(client);
    await client.invoke("Subscribe", granted, null);
    await until(() => ids.has(granted));
  });

  test("finds neither the connections of its parent nor those of another subject, nor they its own", async () => {
    const keys = [server.key, (await mint({ subject: "c1" })).key, (await mint({ subject: "c2" })).key];
    for (const owner of keys) {
      const negotiated = await server.request("POST", `${HUB}/negotiate?negotiateVersion=1`, { key: owner });
      const { connectionToken } = (await negotiated.json()) as { connectionToken: string };
      const at = `${HUB}?id=${connectionToken}`;
      for (const key of keys.filter((key) => key !== owner))
        expect((await server.request("POST", at, { key, body: "x" })).status).toBe(404);
      expect((await server.request("GET", at, { key: owner })).status).toBe(200);
      await server.request("DELETE", at, { key: owner });
    }
  });
});

test("the key that comes with a task follows it, on every transport", async () => {
  for (const transport of TRANSPORTS) {
    const created = await server.request("POST", "/v1/images/generations/async", {
      body: { prompt: "a fox", model: "local/canvas", access_token: {} },
    });
    const { taskId, accessToken } = (await created.json()) as WireAccepted;
    const client = await connect(accessToken!, transport);
    const ids = heard(client);
    await client.invoke("Subscribe", taskId, null);
    await until(() => ids.has(taskId));
    await client.stop();
  }
});

describe("a key that expires", () => {
  test("ends no open connection, whatever its transport", async () => {
    for (const transport of TRANSPORTS) {
      const { key } = await mint({ ttl_seconds: 10, subject: "brief" });
      const taskId = await server.submit({}, key);
      const client = await connect(key, transport);
      let closed = false;
      client.onclose(() => {
        closed = true;
      });
      const ids = heard(client);
      for (let seconds = 0; seconds < 15; seconds += 1) await clock.advance(1_000);
      expect((await server.request("GET", "/v1/tasks", { key })).status).toBe(401);
      await client.invoke("Subscribe", taskId, null);
      await cancel(taskId);
      await until(() => ids.has(taskId));
      expect(closed).toBe(false);
      await client.stop();
    }
  });

  test("opens no new one, and takes over no transport", async () => {
    const { key } = await mint({ ttl_seconds: 10 });
    const negotiated = await server.request("POST", `${HUB}/negotiate?negotiateVersion=1`, { key });
    const { connectionToken } = (await negotiated.json()) as { connectionToken: string };
    await clock.advance(10_000);
    expect((await server.request("POST", `${HUB}/negotiate`, { key })).status).toBe(401);
    const events = { key, headers: { accept: "text/event-stream" } };
    expect((await server.request("GET", `${HUB}?id=${connectionToken}`, events)).status).toBe(401);
    expect((await server.request("POST", HUB, { key, body: HANDSHAKE })).status).toBe(401);
  });
});

test("the end of its parent ends its connections", async () => {
  const parent = await server.makeKey();
  const { key } = await mint({}, parent.key);
  const client = await connect(key);
  const closed = new Promise<void>((resolve) => client.onclose(() => resolve()));
  await server.request("PATCH", `/admin/v1/keys/${parent.id}`, {
    key: ADMIN_KEY,
    body: { enabled: false },
  });
  await closed;
});

test("a connection's token without any key opens polls alone, as before", async () => {
  const negotiated = await server.request("POST", `${HUB}/negotiate?negotiateVersion=1`);
  const { connectionToken } = (await negotiated.json()) as { connectionToken: string };
  const at = `${HUB}?id=${connectionToken}`;
  expect((await server.request("POST", at, { key: null, body: HANDSHAKE })).status).toBe(401);
  expect((await server.request("DELETE", at, { key: null })).status).toBe(401);
  expect((await server.request("GET", at, { key: null })).status).toBe(200);
  await server.request("DELETE", at);
});
