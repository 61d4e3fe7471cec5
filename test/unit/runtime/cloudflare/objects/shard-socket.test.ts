import type { WebSocket } from "@cloudflare/workers-types";
import { beforeEach, expect, test } from "vitest";
import { type Principal, principalOf } from "../../../../../src/accounts/principal.ts";
import { BATCH_MS, FrameBatcher } from "../../../../../src/hubs/sharding/frame-batcher.ts";
import { ShardSocket } from "../../../../../src/runtime/cloudflare/objects/shard-socket.ts";
import { DEFAULT_HUB_CONNECTION_SETTINGS } from "../../../../../src/signalr/connection/hub-connection-options.ts";
import { createHub } from "../../../../../src/signalr/hub.ts";
import { HubConnections } from "../../../../../src/signalr/transports/connections.ts";
import { HubSocket } from "../../../../../src/signalr/transports/hub-socket.ts";
import { ManualClock, settled } from "../../../../fixture/manual-clock.ts";
import { virtualKey } from "../../../../fixture/virtual-key.ts";

const FULL = 32_768;
const OVERFULL = 786_433;

const CLOCK = { monotonic: () => 0, after: () => {} };

let clock: ManualClock;
let batcher: FrameBatcher;
let full: ShardSocket[];
/** What the platform's socket was told, and how it is. */
let native: {
  readyState: number;
  bufferedAmount: number | undefined;
  sent: unknown[];
  attached: unknown[];
  closed: unknown;
};
let socket: ShardSocket;

beforeEach(() => {
  clock = new ManualClock();
  batcher = new FrameBatcher(clock);
  full = [];
  native = { readyState: 1, bufferedAmount: 0, sent: [], attached: [], closed: null };
  const endpoint = new HubConnections<Principal>(1).add(
    {
      token: "t",
      owner: "key_a",
      hub: createHub<Principal>({ methods: {} }),
      settings: DEFAULT_HUB_CONNECTION_SETTINGS,
      transports: ["WebSockets"],
      pings: "answered",
      connectionId: "c",
      principal: principalOf(virtualKey({ id: "key_a" })),
      bare: false,
      statefulReconnect: false,
    },
    0,
  );
  if (endpoint === null) throw new Error("Expected room for a connection");
  const platform = Object.assign(native, {
    send: (frame: unknown) => native.sent.push(frame),
    close: (code: number, reason: string) => {
      native.readyState = 2;
      native.closed = { code, reason };
    },
    serializeAttachment: (value: unknown) => native.attached.push(value),
  });
  const hubSocket = new HubSocket(endpoint, "WebSockets", CLOCK);
  socket = new ShardSocket(
    platform as unknown as WebSocket,
    hubSocket,
    batcher,
    () => null,
    (which) => full.push(which),
  );
  hubSocket.opened(socket);
  hubSocket.received('{"protocol":"json","version":1}\x1e');
  native.sent.length = 0;
});

/** Sends all of them in one tick. */
async function sendTogether(...frames: (string | Uint8Array<ArrayBuffer>)[]): Promise<void> {
  batcher.schedule(() => {
    for (const frame of frames) socket.send(frame);
  });
  await clock.advance(BATCH_MS);
}

test("what a tick sends shares a frame; between ticks everything goes out at once", async () => {
  socket.send("1\x1e");
  socket.send("2\x1e");
  expect(native.sent).toEqual(["1\x1e", "2\x1e"]);
  await sendTogether("3\x1e", "4\x1e");
  await sendTogether("5\x1e");
  expect(native.sent.slice(2)).toEqual(["3\x1e4\x1e", "5\x1e"]);
  await sendTogether(new Uint8Array([1]), new Uint8Array([2, 3]));
  expect(native.sent[4]).toEqual(new Uint8Array([1, 2, 3]));
});

test("messages of bare clients are never joined, and keep their order", async () => {
  await sendTogether("{}", "1\x1e", "2\x1e", "{}", "3\x1e");
  expect(native.sent).toEqual(["{}", "1\x1e2\x1e", "{}", "3\x1e"]);
});

test("what was gathered goes out before a close, and nothing after it", async () => {
  batcher.schedule(() => {
    socket.send("1\x1e");
    socket.close(1000, "over");
    socket.send("2\x1e");
  });
  await clock.advance(BATCH_MS);
  socket.send("3\x1e");
  expect([native.sent, native.closed]).toEqual([["1\x1e"], { code: 1000, reason: "over" }]);
});

test("unsent bytes are counted with the batch, and a full socket is reported", async () => {
  native.bufferedAmount = FULL;
  batcher.schedule(() => {
    socket.send("1234\x1e");
    expect(socket.bufferedBytes()).toBe(FULL + 5);
  });
  await clock.advance(BATCH_MS);
  expect(full).toEqual([socket]);
});

test("a client that does not read is closed and may reconnect", async () => {
  native.bufferedAmount = OVERFULL;
  socket.hubSocket.send("1\x1e");
  await settled();
  expect(native.closed).toMatchObject({ code: 1013 });
});

test("a runtime that does not tell what waits is taken to have sent it", () => {
  native.bufferedAmount = undefined;
  expect(socket.hubSocket.send("1\x1e")).toBe(true);
  expect([socket.bufferedBytes(), full]).toEqual([0, []]);
});

test("has attached what is needed after hibernation, when that has changed", () => {
  for (const heardAt of [5, 5, 6]) socket.attachHeardAt(heardAt);
  expect(native.attached).toEqual([
    { connectionId: "c", heardAt: 5 },
    { connectionId: "c", heardAt: 6 },
  ]);
});
