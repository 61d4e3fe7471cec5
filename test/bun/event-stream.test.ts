import net from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Encoding } from "../../src/rooms/encoding.ts";
import { HEARTBEAT_MS, StreamServer, until } from "../fixture/stream-server.ts";

type Block = { event?: string; id?: string; data?: Record<string, unknown>; comment?: string };

/** Reads an event stream as it comes. */
class Reader {
  readonly blocks: Block[] = [];
  ended = false;

  constructor(response: Response) {
    if (response.status !== 200) return;
    void this.#read(response).catch(() => {
      this.ended = true;
    });
  }

  get types(): (string | undefined)[] {
    return this.blocks.filter(({ event }) => event !== undefined).map(({ event }) => event);
  }

  get ids(): (string | undefined)[] {
    return this.blocks.filter(({ event }) => event !== undefined).map(({ id }) => id);
  }

  async #read(response: Response): Promise<void> {
    let text = "";
    for await (const part of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const blocks = (text + part).split("\n\n");
      text = blocks.pop() ?? "";
      this.blocks.push(...blocks.map(parse));
    }
    this.ended = true;
  }
}

function parse(text: string): Block {
  const block: Block = {};
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    const [field, value] = [line.slice(0, colon), line.slice(colon + 1).trimStart()];
    if (field === "") block.comment = value;
    if (field === "event") block.event = value;
    if (field === "id") block.id = value;
    if (field === "data") block.data = JSON.parse(value) as Record<string, unknown>;
  }
  return block;
}

describe("an event stream", () => {
  let server: StreamServer;
  beforeEach(() => {
    server = new StreamServer({ maxConnectionsPerKey: 3, maxConnections: 4 });
  });
  afterEach(() => server.close());

  const open = async (path: string, headers: Record<string, string> = {}, signal?: AbortSignal) => {
    const response = await fetch(server.url(path), { headers, ...(signal === undefined ? {} : { signal }) });
    return { response, reader: new Reader(response) };
  };
  const events = (id: string) => `/v1/tasks/${id}/events`;

  test("carries snapshot and events with their ids, and ends after the terminal one", async () => {
    const id = server.create();
    const { response, reader } = await open(events(id));
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    expect(response.headers.get("cache-control")).toContain("no-cache");
    expect(response.headers.get("x-accel-buffering")).toBe("no");
    server.commit(id, "started");
    server.commit(id, "progress", 50);
    server.commit(id, "completed");
    await until(() => reader.ended);
    expect(reader.types).toEqual(["snapshot", "started", "progress", "completed"]);
    for (const { event, id: lineId, data } of reader.blocks.filter((block) => block.data)) {
      expect(data).toMatchObject({ type: event, id: lineId });
    }
    expect(reader.blocks.at(-1)?.data).toMatchObject({
      taskId: id,
      seq: 4,
      status: "completed",
      progress: 100,
    });
    await until(() => server.slots.open === 0);
    expect(server.asked).toEqual(["keepOpen", "limitIdle"]);
  });

  test("sends its last event and the end of the body apart: some clients drop what comes with the end", async () => {
    const id = server.create();
    const segments: string[] = [];
    const client = net.connect(server.port, "127.0.0.1");
    client.on("data", (bytes) => segments.push(bytes.toString()));
    client.write(`GET ${events(id)} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await until(() => segments.join("").includes("event: snapshot"));
    server.commit(id, "completed");
    await until(() => segments.join("").endsWith("0\r\n\r\n"));
    expect(segments.at(-1)).toBe("0\r\n\r\n");
    client.destroy();
  });

  test("resumes behind Last-Event-ID, which wins over the after of the URL", async () => {
    const id = server.create();
    const { reader } = await open(events(id));
    server.commit(id, "started");
    server.commit(id, "retrying");
    await until(() => reader.types.length === 3);
    const [first, second] = reader.ids;
    const { reader: again } = await open(`${events(id)}?after=${first}`, { "last-event-id": second ?? "" });
    await until(() => again.types.length === 1);
    expect(again.types).toEqual(["retrying"]);
    const { reader: byQuery } = await open(`${events(id)}?after=${first}`);
    await until(() => byQuery.types.length === 2);
    expect(byQuery.types).toEqual(["started", "retrying"]);
  });

  test("9.11: answers 204 to a reconnect behind the terminal event: an EventSource stops", async () => {
    const id = server.create();
    const { reader } = await open(events(id));
    server.commit(id, "started");
    server.commit(id, "failed");
    await until(() => reader.ended);
    const last = { "last-event-id": reader.ids.at(-1) ?? "" };
    expect((await open(events(id), last)).response.status).toBe(204);
    // The end of a stream that began when all was over is its snapshot.
    const { reader: late } = await open(events(id));
    await until(() => late.ended);
    expect(late.types).toEqual(["snapshot"]);
    expect((await open(events(id), { "last-event-id": late.ids[0] ?? "" })).response.status).toBe(204);
    const { response, reader: trimmed } = await open(events(id), { "last-event-id": "elsewhere.3" });
    await until(() => trimmed.ended);
    expect([response.status, trimmed.types]).toEqual([200, ["reset", "snapshot"]]);
  });

  test.each([["Last-Event-ID"], ["after"]])("refuses a %s that is none", async (param) => {
    const path = `${events(server.create())}${param === "after" ? "?after=%00%ff" : ""}`;
    const { response } = await open(path, param === "after" ? {} : { "last-event-id": "7; drop table" });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain(`"param":"${param}"`);
    expect(server.slots.open).toBe(0);
  });

  test("of an unknown or a foreign task is a 404", async () => {
    const id = server.create();
    for (const response of [
      await fetch(server.url(events("019aa5f0-1c00-7000-8000-ffffffffffff"))),
      await fetch(server.url(events(id)), { headers: { "x-key": "key_b" } }),
    ]) {
      expect(response.status).toBe(404);
      expect(await response.text()).toContain("task_not_found");
    }
    expect(server.rooms.stats().rooms).toBe(0);
  });

  test("is kept alive by comments while nothing happens", async () => {
    const { reader } = await open(events(server.create()));
    await until(() => reader.types.length === 1);
    await server.clock.advance(2 * HEARTBEAT_MS);
    await until(() => reader.blocks.filter(({ comment }) => comment === "keep-alive").length === 2);
    expect(reader.types).toEqual(["snapshot"]);
  });

  test("of a tenant begins with a position to resume from, and carries all its tasks", async () => {
    const { reader } = await open("/v1/events");
    await until(() => reader.blocks.some(({ id }) => id !== undefined));
    const start = reader.blocks.find(({ id }) => id !== undefined);
    expect(start).toEqual({ id: expect.any(String) });
    server.create();
    server.commit(server.create(), "started");
    await until(() => reader.types.length === 3);
    const { reader: again } = await open("/v1/events", { "last-event-id": start?.id ?? "" });
    await until(() => again.types.length === 3);
    expect(again.ids).toEqual(reader.ids);
  });

  test("that the client leaves frees everything", async () => {
    const id = server.create();
    const aborter = new AbortController();
    const { reader } = await open(events(id), {}, aborter.signal);
    await until(() => reader.types.length === 1);
    aborter.abort();
    await until(() => server.slots.open === 0 && server.rooms.stats().rooms === 0);
    await until(() => !server.store.hasSubscribers(id));
    server.commit(id, "started");
    await server.rooms.shutdown();
    expect(server.clock.pendingTimers).toBe(0);
  });

  test("beyond the limits of a key, or of the server, is a 429 with Retry-After", async () => {
    const id = server.create();
    for (let i = 0; i < 3; i += 1) await open(events(id));
    const { response } = await open(events(id));
    expect([response.status, response.headers.get("retry-after")]).toEqual([429, "5"]);
    expect(await response.text()).toContain("too_many_connections");
    expect((await open("/v1/events", { "x-key": "key_b" })).response.status).toBe(200);
    expect((await open("/v1/events", { "x-key": "key_c" })).response.status).toBe(429);
  });

  test("is a 503 when the store cannot be read, and takes no slot", async () => {
    const id = server.create();
    server.store.failing = true;
    const { response } = await open(events(id));
    expect(response.status).toBe(503);
    expect([server.slots.open, server.rooms.stats().rooms]).toEqual([0, 0]);
    server.store.failing = false;
  });

  test("is not opened by HEAD", async () => {
    const response = await fetch(server.url(events(server.create())), { method: "HEAD" });
    expect([response.status, response.headers.get("content-type")]).toEqual([
      200,
      "text/event-stream; charset=utf-8",
    ]);
    expect([server.slots.open, server.rooms.stats().rooms]).toEqual([0, 0]);
  });

  test("ends when the server shuts down or its key is disabled", async () => {
    const { reader: one } = await open("/v1/events");
    const { reader: other } = await open("/v1/events", { "x-key": "key_b" });
    server.rooms.closeKey("key_b");
    await until(() => other.ended);
    expect(one.ended).toBe(false);
    await server.rooms.shutdown();
    await until(() => one.ended);
  });
});

test("a stream that is not read holds a bounded amount, is cut after a while, and disturbs no other", async () => {
  const padding = " ".repeat(16_384);
  const pad = (encoding: Encoding): Encoding => ({
    ...encoding,
    event: (entry, id) => {
      const frame = encoding.event(entry, id);
      return frame instanceof Uint8Array
        ? new TextEncoder().encode(`:${padding}\n${new TextDecoder().decode(frame)}`)
        : frame;
    },
  });
  const server = new StreamServer({ pad: (encodings) => ({ ...encodings, stream: pad(encodings.stream) }) });
  const id = server.create();
  const stalled = net.connect(server.port, "127.0.0.1");
  stalled.write(`GET /v1/tasks/${id}/events HTTP/1.1\r\nHost: x\r\n\r\n`);
  await new Promise((resolve) => stalled.once("data", resolve));
  stalled.pause();
  const reader = new Reader(await fetch(server.url(`/v1/tasks/${id}/events`)));
  await until(() => server.rooms.stats().subscribers === 2);
  let told = 0;
  while (server.rooms.stats().alone === 0) {
    server.commit(id, told % 2 === 0 ? "started" : "retrying");
    told += 1;
    await server.clock.advance(100);
    await until(() => reader.types.length === told + 1);
  }
  expect(told).toBeGreaterThan(4);
  await server.clock.advance(10_100);
  expect(server.rooms.stats()).toMatchObject({ subscribers: 1, alone: 0 });
  server.commit(id, "completed");
  await until(() => reader.ended);
  expect(reader.types.length).toBe(told + 2);
  stalled.destroy();
  await server.close();
});
