/** Clients that misbehave, on a real server: each is refused or bounded, and the others notice nothing. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Principal } from "../../src/accounts/principal.ts";
import { createHub, method } from "../../src/signalr/hub.ts";
import { BareClient } from "../fixture/bare-client.ts";
import { ADMIN_KEY } from "../fixture/gateway-world.ts";
import { type HubServer, startHubServer } from "../fixture/hub-server.ts";
import { RawClient } from "../fixture/raw-client.ts";
import { buildClient } from "../fixture/signalr-client.ts";
import { type SignalRServer, serveHub } from "../fixture/signalr-server.ts";
import { until } from "../fixture/stream-server.ts";

const RS = "\x1e";
const HANDSHAKE = `{"protocol":"json","version":1}${RS}`;
const any = { parse: (value: unknown) => value };

const hub = createHub<Principal>({
  methods: {
    Echo: method({ args: [any], run: (_, value) => value }),
    Swallow: method({ uploads: [any], run: () => new Promise(() => undefined) }),
    Fail: method({
      run() {
        throw new Error("a secret of the server");
      },
    }),
  },
});

let server: SignalRServer;
beforeAll(() => {
  server = serveHub(hub);
});
afterEach(async () => {
  server.connections.close(null, {});
  await until(() => server.connections.size === 0);
});
afterAll(() => server.stop());

async function socket(): Promise<BareClient> {
  const client = new BareClient(server.url, "k");
  await client.opened;
  return client;
}

const call = (target: string, args: unknown[], id = "1", more = {}) =>
  JSON.stringify({ type: 1, target, arguments: args, invocationId: id, ...more }) + RS;

async function negotiate(key = "anybody"): Promise<string> {
  const answer = await fetch(`${server.url}/negotiate?negotiateVersion=1`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}` },
  });
  return `${server.url}?id=${((await answer.json()) as { connectionToken: string }).connectionToken}`;
}

const post = (url: string, body: string) => fetch(url, { method: "POST", body });

describe("frames", () => {
  test("cut anywhere, glued together, or empty are the same messages", async () => {
    const client = await socket();
    const all = HANDSHAKE + call("Echo", ["ä🎈"], "1") + call("Echo", [2], "2");
    const bytes = new TextEncoder().encode(all);
    // Binary frames may end in the midst of a character; what they are called means nothing.
    for (let at = 0; at < bytes.length; at += 7) client.socket.send(bytes.slice(at, at + 7));
    client.socket.send("");
    client.socket.send(call("Echo", [3], "3") + call("Echo", [4], "4"));
    await client.until(({ invocationId }) => invocationId === "4");
    expect(client.messages.slice(1).map(({ result }) => result)).toEqual(["ä🎈", 2, 3, 4]);
    client.close();
  });

  test.each([
    ["beyond 32 kB", `${HANDSHAKE}${call("Echo", ["x".repeat(33_000)])}`],
    ["beyond 32 kB and never ended", `${HANDSHAKE}${"x".repeat(40_000)}`],
    ["that is no JSON", `${HANDSHAKE}{{{${RS}`],
    [
      "nested a thousand deep",
      `${HANDSHAKE}${call("Echo", [])}`.replace("[]", `[${"[".repeat(1_000)}${"]".repeat(1_000)}]`),
    ],
    ["with wrong types", `${HANDSHAKE}{"type":1,"target":5,"arguments":{}}${RS}`],
  ])("a message %s ends its connection, which may come back", async (_, text) => {
    const client = await socket();
    client.socket.send(text);
    expect((await client.ended).code).toBe(1000);
    expect(client.messages.at(-1)).toEqual({
      type: 7,
      error: "Connection closed with an error.",
      allowReconnect: true,
    });
  });

  test("a MessagePack length of two gigabytes is refused before anything is reserved for it", async () => {
    const client = await socket();
    client.socket.send(`{"protocol":"messagepack","version":1}${RS}`);
    await until(() => client.frames.length === 1);
    client.socket.send(new Uint8Array([0xff, 0xff, 0xff, 0xff, 0x07]));
    expect((await client.ended).code).toBe(1000);
  });

  test("names and keys of prototypes are data; what fails inside stays inside", async () => {
    const client = await socket();
    client.socket.send(HANDSHAKE);
    const text = '[{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}]';
    client.socket.send(call("Echo", [], "1").replace("[]", text));
    for (const [index, target] of ["constructor", "__proto__", "toString", "onConnected"].entries())
      client.socket.send(call(target, [], `${index + 2}`));
    client.socket.send(call("Fail", [], "9"));
    await client.until(({ invocationId }) => invocationId === "9");
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    const errors = client.messages.filter(({ error }) => error !== undefined).map(({ error }) => error);
    expect(errors.slice(0, 4).every((error) => error?.includes("Method does not exist"))).toBe(true);
    expect(errors[4]).toBe("An unexpected error occurred invoking 'Fail' on the server.");
    client.close();
  });

  test("unknown ids of streams, answers and cancellations are ignored", async () => {
    const client = await socket();
    client.socket.send(HANDSHAKE);
    for (const message of [
      { type: 2, invocationId: "x", item: 1 },
      { type: 3, invocationId: "x", result: 1 },
      { type: 5, invocationId: "x" },
      { type: 8, sequenceId: 7 },
      { type: 99 },
    ])
      client.socket.send(JSON.stringify(message) + RS);
    client.socket.send(call("Echo", ["still"]));
    expect((await client.until(({ type }) => type === 3)).result).toBe("still");
    client.close();
  });
});

describe("a client that", () => {
  test("has another subject of the same key finds no connection by its token", async () => {
    const url = await negotiate("k/one");
    const ask = (key: string) => fetch(url, { headers: { authorization: `Bearer ${key}` } });
    for (const key of ["k/two", "k", "other/one"]) expect((await ask(key)).status).toBe(404);
    expect((await ask("k/one")).status).toBe(200);
    await fetch(url, { method: "DELETE", headers: { authorization: "Bearer k/one" } });
  });

  test("uploads without end to a method that does not read is closed", async () => {
    const client = await socket();
    client.socket.send(HANDSHAKE + call("Swallow", [], "1", { streamIds: ["s"] }));
    const item = JSON.stringify({ type: 2, invocationId: "s", item: "x".repeat(30_000) }) + RS;
    for (let sent = 0; sent < 80; sent++) client.socket.send(item);
    await client.ended;
    expect(client.messages.at(-1)).toMatchObject({ type: 7, allowReconnect: true });
  });

  test("calls and never reads is cut, over a WebSocket", async () => {
    const { host, pathname } = new URL(server.url);
    const raw = await RawClient.send(
      server.url,
      `GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
    );
    await until(() => server.connections.used === 1);
    raw.stopReading();
    raw.write(maskedText(HANDSHAKE));
    const frame = maskedText(call("Echo", ["x".repeat(30_000)]));
    while (server.connections.size > 0) {
      raw.write(frame);
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    raw.destroy();
  });

  test("calls and never reads is cut, over an event stream and over polls", async () => {
    for (const accept of ["text/event-stream", "*/*"]) {
      const url = await negotiate();
      const { host, pathname, search } = new URL(url);
      const raw = await RawClient.send(
        url,
        `GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\nAccept: ${accept}\r\n\r\n`,
      );
      await until(() => server.connections.used === 1);
      raw.stopReading();
      await post(url, HANDSHAKE);
      let posted = 0;
      while ((await post(url, call("Echo", ["x".repeat(30_000)]))).status === 200) posted++;
      // What the kernel takes comes on top of what is kept here.
      expect(posted).toBeLessThan(600);
      raw.destroy();
    }
  });

  test("reconnects in a loop leaves nothing behind", async () => {
    const own: HubServer = await startHubServer({ env: { CONDUITLLM__HUBS__MAXCONNECTIONSPERKEY: "5" } });
    const id = await own.submit();
    for (let round = 0; round < 60; round++) {
      const client = new BareClient(`${own.url}/hubs/image-generation`, own.key);
      await client.opened;
      client.send({ type: 1, target: "SubscribeToTask", arguments: [id], invocationId: "1" });
      if (round % 2 === 0) await client.until(({ type }) => type === 3);
      if (round % 10 === 0) await client.until(({ target }) => target === "TaskProgress");
      client.close();
      await client.ended;
    }
    const metrics = async () =>
      (await (await own.request("GET", "/metrics", { key: ADMIN_KEY })).text())
        .split("\n")
        .filter((line) => /^conduit_(hub_connections|subscribers|rooms)/.test(line))
        .every((line) => line.endsWith(" 0"));
    while (!(await metrics())) await new Promise<void>((resolve) => setImmediate(resolve));
    const late = buildClient(`${own.url}/hubs/image-generation`, { key: own.key });
    await late.start();
    await late.stop();
    await own.close();
  });
});

/** A masked text frame, as clients must send them; the mask is all zeros. */
function maskedText(text: string): Uint8Array {
  const payload = new TextEncoder().encode(text);
  const long = payload.length > 125;
  const head = long
    ? [0x81, 0x80 | 126, payload.length >> 8, payload.length & 0xff]
    : [0x81, 0x80 | payload.length];
  return Uint8Array.from([...head, 0, 0, 0, 0, ...payload]);
}
