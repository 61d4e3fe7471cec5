/** The hubs' addresses: what each request is answered, whose connection it finds, and how connections end. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BareClient } from "../fixture/bare-client.ts";
import { type HubServer, type RequestOptions, startHubServer } from "../fixture/hub-server.ts";
import { ManualClock } from "../fixture/manual-clock.ts";
import { buildClient } from "../fixture/signalr-client.ts";

const HUB = "/hubs/image-generation";
const HANDSHAKE = '{"protocol":"json","version":1}\x1e';
const UPGRADE = {
  connection: "upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};
const EVENTS = { accept: "text/event-stream" };

type Negotiated = {
  negotiateVersion: number;
  connectionId: string;
  connectionToken: string;
  availableTransports: { transport: string }[];
  error?: string;
};

let server: HubServer;
let clock: ManualClock;
beforeAll(async () => {
  clock = new ManualClock();
  server = await startHubServer({ clock, env: { CONDUITLLM__HUBS__MAXCONNECTIONSPERKEY: "4" } });
});
afterAll(() => server.close());

async function negotiate(path = `${HUB}/negotiate?negotiateVersion=1`, options: RequestOptions = {}) {
  const response = await server.request("POST", path, options);
  expect(response.status).toBe(200);
  return (await response.json()) as Negotiated;
}

async function token(options: RequestOptions = {}): Promise<string> {
  return (await negotiate(undefined, options)).connectionToken;
}

const at = (id: string, hub = HUB) => `${hub}?id=${id}`;
const answer = async (response: Response) => [response.status, await response.text()];

describe("negotiation", () => {
  test("answers the version asked for; a client that names none gets its token as its id", async () => {
    const one = await negotiate();
    expect(one.negotiateVersion).toBe(1);
    expect(one.connectionId).toMatch(/^[\w-]{22}$/);
    expect(one.connectionToken).toMatch(/^[\w-]{22}$/);
    expect(one.connectionToken).not.toBe(one.connectionId);
    expect(one.availableTransports.map(({ transport }) => transport)).toEqual([
      "WebSockets",
      "ServerSentEvents",
      "LongPolling",
    ]);
    const zero = await negotiate(`${HUB}/negotiate`);
    expect(zero.negotiateVersion).toBe(0);
    expect(zero).not.toHaveProperty("connectionToken");
    expect((await server.request("GET", at(zero.connectionId))).status).toBe(200);
    await server.request("DELETE", at(zero.connectionId));
    expect((await negotiate(`${HUB}/negotiate?NegotiateVersion=x`)).error).toMatch(/non-integer/);
  });

  test.each(["image-generation", "video-generation", "tasks"])(
    "is there for %s, and by its alias",
    async (name) => {
      for (const path of [`/hubs/${name}/negotiate`, `/hubs/negotiate/${name}`])
        expect((await negotiate(path)).availableTransports).toHaveLength(3);
    },
  );

  test("needs a key, takes it from the query as well, and takes POST only", async () => {
    const path = `${HUB}/negotiate`;
    expect((await server.request("POST", path, { key: null })).status).toBe(401);
    expect((await server.request("POST", path, { key: "condt_wrong" })).status).toBe(401);
    expect((await server.request("POST", `${path}?access_token=${server.key}`, { key: null })).status).toBe(
      200,
    );
    expect((await server.request("GET", path)).status).toBe(405);
    expect((await server.request("POST", "/hubs/other/negotiate")).status).toBe(404);
  });

  test("from a page of an allowed origin carries CORS with credentials, preflight included", async () => {
    const origin = "http://localhost:5173";
    const headers = {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization,x-requested-with,x-signalr-user-agent",
    };
    const preflight = await server.request("OPTIONS", `${HUB}/negotiate`, { headers, key: null });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-credentials")).toBe("true");
    expect(preflight.headers.get("access-control-allow-origin")).toBe(origin);
    expect(preflight.headers.get("access-control-allow-headers")).toContain("x-signalr-user-agent");
    const allowed = await server.request("POST", `${HUB}/negotiate`, { headers: { origin } });
    expect(allowed.headers.get("access-control-allow-origin")).toBe(origin);
  });
});

describe("a hub's address", () => {
  test("without an id: required everywhere but on a WebSocket", async () => {
    for (const [method, headers] of [
      ["GET", {}],
      ["GET", EVENTS],
      ["POST", {}],
      ["DELETE", {}],
    ] as const)
      expect(await answer(await server.request(method, HUB, { headers }))).toEqual([
        400,
        "Connection ID required",
      ]);
  });

  test("with an unknown id, another key's, or another hub's: no such connection", async () => {
    const { key } = await server.makeKey();
    const id = await token();
    const unknown = [404, "No Connection with that ID"];
    for (const [method, headers] of [
      ["GET", {}],
      ["GET", EVENTS],
      ["GET", UPGRADE],
      ["POST", {}],
      ["DELETE", {}],
    ] as const) {
      expect(await answer(await server.request(method, at("nobody"), { headers }))).toEqual(unknown);
      expect(await answer(await server.request(method, at(id), { headers, key }))).toEqual(unknown);
      expect(await answer(await server.request(method, at(id, "/hubs/tasks"), { headers }))).toEqual(unknown);
    }
    expect((await server.request("GET", at(id))).status).toBe(200);
    await server.request("DELETE", at(id));
  });

  test("takes a poll without a key on the word of the token, and nothing else", async () => {
    const id = await token();
    expect(await answer(await server.request("GET", at("nobody"), { key: null }))).toEqual([
      404,
      "No Connection with that ID",
    ]);
    for (const [method, headers] of [
      ["GET", EVENTS],
      ["GET", UPGRADE],
      ["POST", {}],
      ["DELETE", {}],
    ] as const)
      expect((await server.request(method, at(id), { headers, key: null })).status).toBe(401);
    expect((await server.request("GET", HUB, { key: null })).status).toBe(401);
    expect(await answer(await server.request("GET", at(id), { key: null }))).toEqual([200, ""]);
    expect((await server.request("GET", at(id), { key: "condt_wrong" })).status).toBe(401);
    await server.request("DELETE", at(id));
  });

  test("long polling: early posts, polls, a superseded poll, the end", async () => {
    const id = await token();
    expect(await answer(await server.request("POST", at(id), { body: HANDSHAKE }))).toEqual([200, ""]);
    const first = await server.request("GET", at(id));
    expect(await answer(first)).toEqual([200, ""]);
    const second = await server.request("GET", at(id));
    expect(second.headers.get("content-type")).toBe("application/octet-stream");
    expect(second.headers.get("cache-control")).toContain("no-store");
    expect(await answer(second)).toEqual([200, "{}\x1e"]);
    const hanging = server.request("GET", at(id));
    await settled();
    const taking = server.request("GET", at(id));
    expect((await hanging).status).toBe(204);
    const text = '{"type":1,"target":"Nothing","arguments":[],"invocationId":"0"}\x1e';
    await server.request("POST", at(id), { body: text });
    expect(await (await taking).text()).toContain("Method does not exist");
    const left = new AbortController();
    const given = server.request("GET", at(id), { signal: left.signal });
    await settled();
    left.abort();
    await expect(given).rejects.toThrow();
    await settled();
    await server.request("POST", at(id), { body: text });
    expect(await (await server.request("GET", at(id))).text()).toContain("Method does not exist");
    const last = server.request("GET", at(id));
    await settled();
    expect(await answer(await server.request("DELETE", at(id)))).toEqual([202, ""]);
    expect((await last).status).toBe(204);
    expect((await server.request("POST", at(id), { body: text })).status).toBe(404);
    expect((await server.request("GET", at(id))).status).toBe(404);
  });

  test("an event stream: its headers at once, posts beside it, no second one, no end by DELETE", async () => {
    const id = await token();
    const left = new AbortController();
    const stream = await server.request("GET", at(id), { headers: EVENTS, signal: left.signal });
    expect(stream.headers.get("content-type")).toBe("text/event-stream");
    expect(stream.headers.get("cache-control")).toBe("no-cache,no-store");
    expect(stream.headers.get("content-encoding")).toBe("identity");
    const reader = stream.body!.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe(":\r\n");
    const second = await server.request("GET", at(id), { headers: EVENTS });
    expect([second.status, second.headers.get("x-should-retry")]).toEqual([409, "false"]);
    expect(await answer(await server.request("GET", at(id)))).toEqual([
      400,
      "Cannot change transports mid-connection",
    ]);
    expect((await server.request("POST", at(id), { body: HANDSHAKE })).status).toBe(200);
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("data: {}\x1e\r\n\r\n");
    expect(await answer(await server.request("DELETE", at(id)))).toEqual([
      400,
      "Cannot terminate this connection using the DELETE endpoint.",
    ]);
    left.abort();
    await waitFor(async () => (await server.request("POST", at(id), { body: HANDSHAKE })).status === 404);
  });

  test("a WebSocket: posts are refused, a second socket too, and other methods", async () => {
    const id = await token();
    const client = new BareClient(`${server.url}${at(id)}`, server.key);
    await client.opened;
    expect(await answer(await server.request("POST", at(id), { body: "x" }))).toEqual([
      405,
      "POST requests are not allowed for WebSocket connections.",
    ]);
    expect((await server.request("GET", at(id), { headers: UPGRADE })).status).toBe(409);
    expect(await answer(await server.request("GET", at(id)))).toEqual([
      400,
      "Cannot change transports mid-connection",
    ]);
    expect((await server.request("PUT", at(id))).status).toBe(405);
    expect((await server.request("HEAD", at(id))).status).toBe(405);
    client.close();
    await client.ended;
    await waitFor(async () => (await server.request("GET", at(id))).status === 404);
  });

  test("an upgrade that fails half-way leaves the session alone that it wanted to take over", async () => {
    const path = `${HUB}/negotiate?negotiateVersion=1&useStatefulReconnect=true`;
    const id = (await negotiate(path)).connectionToken;
    const client = new BareClient(`${server.url}${at(id)}`, server.key);
    await client.opened;
    client.socket.send('{"protocol":"json","version":2}\x1e');
    await waitFor(async () => client.frames.length > 0);
    const { "sec-websocket-key": _, ...incomplete } = UPGRADE;
    expect((await server.request("GET", at(id), { headers: incomplete })).status).toBe(400);
    client.socket.send('{"type":1,"invocationId":"1","target":"UnsubscribeFromTask","arguments":["x"]}\x1e');
    await waitFor(async () => client.messages.some(({ invocationId }) => invocationId === "1"));
    client.close();
  });

  test("a WebSocket of a foreign page is refused, of an allowed one and of none accepted", async () => {
    const refused = await server.request("GET", HUB, {
      headers: { ...UPGRADE, origin: "https://evil.example" },
    });
    expect(refused.status).toBe(403);
    for (const origin of [{ origin: "http://localhost:5173" }, {}] as Record<string, string>[]) {
      const client = new BareClient(`${server.url}${HUB}`, server.key, origin);
      await client.opened;
      client.close();
      await client.ended;
    }
    await expect(new BareClient(`${server.url}${HUB}`, "condt_wrong").opened).rejects.toThrow();
  });

  test("a body beyond 1 MiB is refused, with a length and without", async () => {
    const id = await token();
    await server.request("GET", at(id));
    const large = "x".repeat(1_048_577);
    expect((await server.request("POST", at(id), { body: large })).status).toBe(413);
    const chunked = await fetch(`${server.url}${at(id)}`, {
      method: "POST",
      headers: { authorization: `Bearer ${server.key}` },
      body: new Blob([large]).stream(),
    });
    expect(chunked.status).toBe(413);
    await server.request("DELETE", at(id));
  });
});

describe("limits", () => {
  test("a key over its connections is refused at negotiation and at the upgrade, and has room again when one closes", async () => {
    const { key } = await server.makeKey();
    const spare = await token({ key });
    const sockets = await Promise.all(
      [0, 1, 2, 3].map(async () => {
        const client = new BareClient(`${server.url}${HUB}`, key);
        await client.opened;
        return client;
      }),
    );
    const refused = await server.request("POST", `${HUB}/negotiate`, { key });
    expect(refused.status).toBe(429);
    expect(refused.headers.get("retry-after")).toBe("15");
    expect(await refused.json()).toMatchObject({ error: { code: "too_many_connections" } });
    for (const path of [HUB, at(spare)])
      expect((await server.request("GET", path, { headers: UPGRADE, key })).status).toBe(429);
    expect((await server.request("GET", at(spare), { key })).status).toBe(429);
    expect((await server.request("POST", `${HUB}/negotiate`)).status).toBe(200);
    sockets[0]?.close();
    await sockets[0]?.ended;
    await waitFor(async () => (await server.request("POST", `${HUB}/negotiate`, { key })).status === 200);
    for (const socket of sockets) socket.close();
  });

  test("negotiations that nobody uses are bounded, and forgotten", async () => {
    const { key } = await server.makeKey();
    const statuses = new Map<number, number>();
    for (let count = 0; count < 210; count++) {
      const { status } = await server.request("POST", `${HUB}/negotiate`, { key });
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
    expect(Object.fromEntries(statuses)).toEqual({ 200: 200, 429: 10 });
    await clock.advance(16_000);
    expect((await server.request("POST", `${HUB}/negotiate`, { key })).status).toBe(200);
  });
});

describe("a client without a library", () => {
  test("may be silent for a minute before its first call, and pings to it are answered once per 5 s", async () => {
    const client = await BareClient.negotiate(server.url, "image-generation", server.key);
    await client.opened;
    const id = await server.submit();
    await clock.advance(60_000);
    expect(client.frames).toEqual([]);
    client.send({ type: 1, target: "SubscribeToTask", arguments: [id], invocationId: "1" });
    await client.until(({ type }) => type === 3);
    await settled();
    await clock.advance(50);
    await client.until(({ target }) => target === "TaskProgress");
    const before = client.frames.length;
    for (let second = 0; second < 10; second++) {
      // It answers every ping it gets, and sends one of its own each second.
      client.send({ type: 6 });
      await settled();
      await clock.advance(1_000);
    }
    const pings = client.messages.slice(before).filter(({ type }) => type === 6);
    expect(pings.length).toBeGreaterThan(0);
    expect(pings.length).toBeLessThanOrEqual(2);
    client.close();
    await client.ended;
  });
});

describe("the end", () => {
  test("a key that is disabled takes its connections along, and they are told not to come back", async () => {
    const { id, key } = await server.makeKey();
    const client = await BareClient.negotiate(server.url, "tasks", key);
    await client.opened;
    await server.request("PATCH", `/admin/v1/keys/${id}`, {
      body: { enabled: false },
      key: "admin-key-of-the-tests",
    });
    expect(await client.ended).toMatchObject({ code: 1008 });
    expect(client.messages.at(-1)).toEqual({ type: 7, error: "the key was disabled or revoked" });
  });

  test("keys never reach the log", () => {
    expect(server.log.length).toBeGreaterThan(50);
    expect(server.log.join("\n")).not.toContain(server.key);
    expect(server.log.join("\n")).not.toContain("access_token");
  });

  test("a server that stops tells its clients to reconnect", async () => {
    const own = await startHubServer();
    const client = buildClient(`${own.url}${HUB}`, {
      key: own.key,
      setUp: (builder) => builder.withAutomaticReconnect([0]),
    });
    const reconnecting = new Promise<void>((resolve) => client.onreconnecting(() => resolve()));
    await client.start();
    const bare = new BareClient(`${own.url}${HUB}`, own.key);
    await bare.opened;
    bare.send({ type: 6 });
    await bare.until(({ type }) => type === 6);
    await own.close();
    await reconnecting;
    expect(await bare.ended).toMatchObject({ code: 1001 });
    expect(bare.messages.at(-1)).toEqual({ type: 7, allowReconnect: true });
    await client.stop();
  });
});

/** Lets what was sent over loopback arrive. */
async function settled(): Promise<void> {
  await server.request("GET", "/v1/auth/me").then((response) => response.text());
  for (let turn = 0; turn < 20; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

async function waitFor(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise<void>((resolve) => setImmediate(resolve));
}
