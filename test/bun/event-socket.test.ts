import net from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Encoding } from "../../src/rooms/encoding.ts";
import { StreamServer, until } from "../fixture/stream-server.ts";

type Message = Record<string, unknown> & { type?: string; id?: string; seq?: number };

type BunWebSocket = new (
  url: string,
  options: { headers?: Record<string, string>; protocols?: string[] },
) => WebSocket;

/** A client that keeps what it gets. */
class Client {
  readonly socket: WebSocket;
  readonly frames: string[] = [];
  closed: { code: number; reason: string } | null = null;

  constructor(url: string, options: { headers?: Record<string, string>; protocols?: string[] } = {}) {
    // Bun's client takes headers; the DOM's type, which wins here, does not know them.
    this.socket = new (WebSocket as unknown as BunWebSocket)(url, options);
    this.socket.onmessage = ({ data }) => this.frames.push(String(data));
    this.socket.onclose = ({ code, reason }) => {
      this.closed = { code, reason };
    };
  }

  get messages(): Message[] {
    return this.frames
      .filter((frame) => frame !== "pong")
      .flatMap((frame) => frame.split("\n").map((line) => JSON.parse(line) as Message));
  }

  get types(): (string | undefined)[] {
    return this.messages.map(({ type }) => type);
  }
}

describe("an event socket", () => {
  let server: StreamServer;
  beforeEach(() => {
    server = new StreamServer({ maxConnectionsPerKey: 3 });
  });
  afterEach(() => server.close());

  const events = (id: string) => server.url(`/v1/tasks/${id}/events`, "ws");
  /** The plain HTTP answer to a handshake that is refused. */
  const handshake = (path: string, headers: Record<string, string> = {}) =>
    fetch(server.url(path), {
      headers: {
        connection: "upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
        ...headers,
      },
    });

  test("carries one JSON object per message and is closed 1000 after the terminal event", async () => {
    const id = server.create();
    const client = new Client(events(id));
    await until(() => client.types.length === 1);
    server.commit(id, "started");
    server.commit(id, "progress", 50);
    server.commit(id, "completed");
    await until(() => client.closed !== null);
    expect(client.frames.length).toBe(4);
    expect(client.types).toEqual(["snapshot", "started", "progress", "completed"]);
    expect(client.closed?.code).toBe(1000);
    expect(client.socket.protocol).toBe("");
    await until(() => server.slots.open === 0);
    expect(server.rooms.stats().rooms).toBe(0);
  });

  test("resumes behind the event named", async () => {
    const id = server.create();
    const first = new Client(events(id));
    await until(() => first.types.length === 1);
    server.commit(id, "started");
    server.commit(id, "retrying");
    await until(() => first.types.length === 3);
    const again = new Client(`${events(id)}?after=${first.messages[1]?.id}`);
    await until(() => again.types.length === 1);
    server.commit(id, "cancelled");
    await until(() => again.closed !== null);
    expect(again.types).toEqual(["retrying", "cancelled"]);
  });

  test("with conduit.batch packs what is due at once into one message", async () => {
    const id = server.create();
    const client = new Client(events(id), { protocols: ["other", "conduit.batch"] });
    await until(() => client.types.length === 1);
    expect(client.socket.protocol).toBe("conduit.batch");
    server.commit(id, "started");
    for (let percent = 1; percent <= 20; percent += 1) server.commit(id, "progress", percent);
    await server.clock.advance(1);
    await until(() => client.types.length === 22);
    expect(client.frames.length).toBe(2);
  });

  test("answers ping with pong and listens to nothing else", async () => {
    const client = new Client(server.url("/v1/events", "ws"));
    await until(() => client.socket.readyState === WebSocket.OPEN);
    client.socket.send("hello");
    client.socket.send(new Uint8Array([112, 105, 110, 103]));
    client.socket.send("ping");
    await until(() => client.frames.length === 1);
    expect([client.frames, client.closed]).toEqual([["pong"], null]);
  });

  test("is closed 1009 by a message longer than any a client may send", async () => {
    const client = new Client(server.url("/v1/events", "ws"));
    await until(() => client.socket.readyState === WebSocket.OPEN);
    client.socket.send("x".repeat(65_537));
    await until(() => client.closed !== null);
    expect(client.closed?.code).toBe(1009);
    await until(() => server.slots.open === 0);
  });

  test("is refused with a status before the upgrade", async () => {
    const id = server.create();
    const unknown = await handshake("/v1/tasks/019aa5f0-1c00-7000-8000-ffffffffffff/events");
    expect([unknown.status, await unknown.text()]).toEqual([404, expect.stringContaining("task_not_found")]);
    const foreign = await handshake(`/v1/tasks/${id}/events`, { "x-key": "key_b" });
    expect(foreign.status).toBe(404);
    const after = await handshake(`/v1/tasks/${id}/events?after=x`);
    expect([after.status, await after.text()]).toEqual([400, expect.stringContaining('"param":"after"')]);
    const incomplete = await handshake("/v1/events", { "sec-websocket-key": "" });
    expect(incomplete.status).toBe(400);
    expect([server.slots.open, server.rooms.stats().rooms]).toEqual([0, 0]);
  });

  test("is refused to pages of other origins", async () => {
    const refused = await handshake("/v1/events", { origin: "https://evil.example" });
    expect([refused.status, await refused.text()]).toEqual([
      403,
      expect.stringContaining("permission_denied"),
    ]);
    const headers = { origin: "https://app.example" };
    const client = new Client(server.url("/v1/events", "ws"), { headers });
    await until(() => client.socket.readyState === WebSocket.OPEN);
  });

  test("counts against the limits of its key", async () => {
    for (let i = 0; i < 3; i += 1) new Client(server.url("/v1/events", "ws"));
    await until(() => server.rooms.stats().subscribers === 3);
    const refused = await handshake("/v1/events");
    expect([refused.status, await refused.text()]).toEqual([
      429,
      expect.stringContaining("too_many_connections"),
    ]);
    const other = new Client(server.url("/v1/events", "ws"), { headers: { "x-key": "key_b" } });
    await until(() => other.socket.readyState === WebSocket.OPEN);
  });

  test("is closed 1008 when its key is disabled and 1001 when the server shuts down", async () => {
    const own = new Client(server.url("/v1/events", "ws"));
    const other = new Client(server.url("/v1/events", "ws"), { headers: { "x-key": "key_b" } });
    await until(() => server.rooms.stats().subscribers === 2);
    server.rooms.closeKey("key_b");
    await until(() => other.closed !== null);
    await server.rooms.shutdown();
    await until(() => own.closed !== null);
    expect([other.closed?.code, own.closed?.code]).toEqual([1008, 1001]);
  });

  test("is closed 1013 when the store cannot be read, so that the client comes again", async () => {
    server.store.failing = true;
    const client = new Client(server.url("/v1/events", "ws"));
    await until(() => client.closed !== null);
    expect(client.closed?.code).toBe(1013);
  });

  test("that leaves ends its subscription and clears the store's follow flag", async () => {
    const id = server.create();
    const client = new Client(events(id));
    await until(() => client.types.length === 1);
    client.socket.close();
    await until(() => server.slots.open === 0 && !server.store.hasSubscribers(id));
    expect(server.rooms.stats().rooms).toBe(0);
  });
});

describe("an event socket that is not read", () => {
  const padding = " ".repeat(16_384);
  const pad = (encoding: Encoding): Encoding => ({
    ...encoding,
    event: (entry, id) => `${encoding.event(entry, id)}${padding}`,
  });
  let server: StreamServer;
  let id: string;
  let stalled: net.Socket;
  let received: number;
  let healthy: Client;
  let told: number;

  beforeEach(async () => {
    server = new StreamServer({ pad: (encodings) => ({ ...encodings, socket: pad(encodings.socket) }) });
    id = server.create();
    stalled = net.connect(server.port, "127.0.0.1");
    received = 0;
    stalled.on("data", (bytes) => {
      received += bytes.length;
    });
    stalled.write(
      `GET /v1/tasks/${id}/events HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
    );
    await new Promise((resolve) => stalled.once("data", resolve));
    stalled.pause();
    healthy = new Client(server.url(`/v1/tasks/${id}/events`, "ws"));
    await until(() => server.rooms.stats().subscribers === 2 && healthy.frames.length === 1);
    told = 0;
    while (server.rooms.stats().alone === 0) {
      server.commit(id, told % 2 === 0 ? "started" : "retrying");
      told += 1;
      await server.clock.advance(100);
      await until(() => healthy.frames.length === told + 1);
    }
  });
  afterEach(async () => {
    stalled.destroy();
    await server.close();
  });

  test("is cut after a while, and the others notice nothing", async () => {
    for (let percent = 1; percent <= 90; percent += 1) server.commit(id, "progress", percent);
    await server.clock.advance(10_100);
    expect(server.rooms.stats()).toMatchObject({ subscribers: 1, alone: 0 });
    server.commit(id, "completed");
    await until(() => healthy.closed !== null);
    expect(healthy.frames.length).toBe(told + 92);
  });

  test("and is read again gets every lifecycle event once and only the last progress", async () => {
    server.commit(id, "started");
    for (let percent = 1; percent <= 90; percent += 1) server.commit(id, "progress", percent);
    const chunks: Buffer[] = [];
    stalled.on("data", (bytes) => chunks.push(Buffer.from(bytes)));
    stalled.resume();
    let drained = -1;
    while (drained !== received || server.rooms.stats().alone > 0) {
      drained = received;
      await server.clock.advance(100);
    }
    server.commit(id, "completed");
    let over = false;
    stalled.on("end", () => {
      over = true;
    });
    stalled.on("close", () => {
      over = true;
    });
    const text = () => Buffer.concat(chunks).toString("latin1");
    await until(() => over || text().includes('"type":"completed"'));
    const seqs = [...text().matchAll(/"seq":(\d+),"type":"(\w+)"/g)].map(([, seq, type]) => ({
      seq: Number(seq),
      type,
    }));
    const lifecycle = seqs.filter(({ type }) => type !== "progress").map(({ seq }) => seq);
    const expected = (server.store.history.get(id) ?? []).map(({ seq }) => seq);
    expect(lifecycle).toEqual(expected.slice(-lifecycle.length));
    expect(lifecycle.length).toBeGreaterThanOrEqual(expected.length - 2);
    expect(seqs.filter(({ type }) => type === "progress").length).toBe(1);
  });
});
