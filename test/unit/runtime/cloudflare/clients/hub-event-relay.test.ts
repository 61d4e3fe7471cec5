import type { WebSocket } from "@cloudflare/workers-types";
import { beforeEach, expect, test } from "vitest";
import { HubEventRelay } from "../../../../../src/runtime/cloudflare/clients/hub-event-relay.ts";
import { ManualClock } from "../../../../fixture/manual-clock.ts";

const KEEP_ALIVE_MS = 15_000;

let clock: ManualClock;
let listeners: Map<string, (event: object) => void>;
let closed: { code: number; reason: string }[];
let relay: HubEventRelay;
let reader: ReadableStreamDefaultReader<Uint8Array>;

beforeEach(() => {
  clock = new ManualClock();
  listeners = new Map();
  closed = [];
  const socket = {
    addEventListener: (type: string, listener: (event: object) => void) => listeners.set(type, listener),
    accept: () => {},
    close: (code: number, reason: string) => closed.push({ code, reason }),
  };
  relay = new HubEventRelay(socket as unknown as WebSocket, { clock, keepAliveMs: KEEP_ALIVE_MS });
  reader = relay.body.getReader();
});

const arrive = (data: string) => listeners.get("message")?.({ data });

async function read(): Promise<string | null> {
  const { value, done } = await reader.read();
  return done ? null : new TextDecoder().decode(value);
}

test("what comes over the socket is printed as events, after a first line that opens the stream", async () => {
  arrive("{}\x1e");
  arrive('{"type":6}\x1e{"type":6}\x1e');
  expect(await read()).toBe(":\r\n");
  expect(await read()).toBe("data: {}\x1e\r\n\r\n");
  expect(await read()).toBe('data: {"type":6}\x1e{"type":6}\x1e\r\n\r\n');
});

test("the client is pinged as long as the stream is open", async () => {
  await read();
  await clock.advance(2 * KEEP_ALIVE_MS);
  for (let count = 0; count < 2; count += 1) expect(await read()).toBe('data: {"type":6}\x1e\r\n\r\n');
  relay.abandon();
  expect(clock.pendingTimers).toBe(0);
});

test("a client that leaves closes the socket, once", async () => {
  await reader.cancel();
  relay.abandon();
  expect(closed).toEqual([{ code: 1000, reason: "the client has left" }]);
});

test.each(["close", "error"])(
  "the stream ends with the socket's %s, behind everything that came",
  async (end) => {
    arrive("last\x1e");
    listeners.get(end)?.({});
    expect(await read()).toBe(":\r\n");
    expect(await read()).toBe("data: last\x1e\r\n\r\n");
    expect(await read()).toBeNull();
    expect(clock.pendingTimers).toBe(0);
  },
);

test("a client that does not read is cut off, and what waited for it is dropped", async () => {
  for (let count = 0; count < 20; count += 1) arrive("x".repeat(65_536));
  expect(closed[0]).toEqual({ code: 1013, reason: "events were read too slowly" });
  let bytes = 0;
  for (let piece = await read(); piece !== null; piece = await read()) bytes += piece.length;
  expect(bytes).toBeLessThan(200_000);
});
