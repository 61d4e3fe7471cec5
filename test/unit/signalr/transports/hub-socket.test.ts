import { expect, test } from "vitest";
import { DEFAULT_HUB_CONNECTION_SETTINGS } from "../../../../src/signalr/connection/hub-connection-options.ts";
import { createHub } from "../../../../src/signalr/hub.ts";
import { HubConnections } from "../../../../src/signalr/transports/connections.ts";
import type { HubEndpoint } from "../../../../src/signalr/transports/endpoint.ts";
import { HubSocket } from "../../../../src/signalr/transports/hub-socket.ts";
import type { TransportName } from "../../../../src/signalr/transports/negotiation.ts";
import { TURN_MS } from "../../../../src/signalr/transports/stream-end.ts";
import type { Socket } from "../../../../src/sockets/socket-upgrade.ts";
import { ManualClock } from "../../../fixture/manual-clock.ts";

const CLOCK = { monotonic: () => 0, after: () => {} };

function createEndpoint(transport: TransportName = "WebSockets"): HubEndpoint<string> {
  const connections = new HubConnections<string>(100);
  const endpoint = connections.add(
    {
      token: "t",
      owner: "o",
      hub: createHub<string>({ methods: {} }),
      settings: DEFAULT_HUB_CONNECTION_SETTINGS,
      transports: [transport],
      pings: "server",
      connectionId: "c",
      principal: "p",
      bare: false,
      statefulReconnect: true,
    },
    0,
  );
  if (endpoint === null) throw new Error("Expected room for a connection.");
  return endpoint;
}

function fakeSocket() {
  const told = { sent: [] as unknown[], closed: null as number | null, buffered: 0 };
  const socket: Socket = {
    topics: null,
    send: (frame) => told.sent.push(frame),
    bufferedBytes: () => told.buffered,
    close: (code) => {
      told.closed ??= code;
    },
  };
  return { socket, told };
}

test("a socket that was replaced ends nothing when its end is seen late", () => {
  const endpoint = createEndpoint();
  const [old, fresh] = [
    new HubSocket(endpoint, "WebSockets", CLOCK),
    new HubSocket(endpoint, "WebSockets", CLOCK),
  ];
  const first = fakeSocket();
  old.opened(first.socket);
  old.received('{"protocol":"json","version":2}\x1e');
  fresh.opened(fakeSocket().socket);
  expect(first.told.closed).toBe(1000);
  old.closed();
  expect(endpoint.connection?.waiting).toBe(false);
  fresh.closed();
  expect(endpoint.connection?.waiting).toBe(true);
});

test("a socket for a connection that is over is closed", () => {
  const endpoint = createEndpoint();
  endpoint.close({});
  const { socket, told } = fakeSocket();
  new HubSocket(endpoint, "WebSockets", CLOCK).opened(socket);
  expect(told).toMatchObject({ sent: [], closed: 1008 });
});

test("a client that does not read is closed with allowReconnect", async () => {
  const endpoint = createEndpoint();
  const { socket, told } = fakeSocket();
  const hubSocket = new HubSocket(endpoint, "WebSockets", CLOCK);
  hubSocket.opened(socket);
  hubSocket.received('{"protocol":"json","version":1}\x1e');
  told.buffered = 700_000;
  endpoint.connection?.push("T");
  await Promise.resolve();
  expect([told.closed, endpoint.connection?.congested]).toEqual([null, true]);
  told.buffered = 0;
  hubSocket.drained();
  expect(endpoint.connection?.congested).toBe(false);
  told.buffered = 800_000;
  endpoint.connection?.push("T");
  await Promise.resolve();
  expect(told.closed).toBe(1013);
  expect(told.sent.at(-1)).toContain('"allowReconnect":true');
});

test("for an event stream the last event and the end wait for their turns, and posts are taken until then", async () => {
  const clock = new ManualClock();
  const endpoint = createEndpoint("ServerSentEvents");
  const { socket, told } = fakeSocket();
  const hubSocket = new HubSocket(endpoint, "ServerSentEvents", clock);
  hubSocket.opened(socket);
  endpoint.post(new TextEncoder().encode('{"protocol":"json","version":1}\x1e'), 0);
  endpoint.connection?.push("T");
  endpoint.connection?.close({ error: "enough" });
  expect([told.sent.length, told.closed]).toEqual([2, null]);
  await clock.advance(TURN_MS);
  expect([told.sent.at(-1), told.closed]).toEqual(['{"type":7,"error":"enough"}\x1e', null]);
  expect(endpoint.post(new Uint8Array(1), 0)).toBeNull();
  await clock.advance(TURN_MS);
  expect(told.closed).toBe(1000);
  hubSocket.closed();
  expect(endpoint.post(new Uint8Array(1), 0)).toEqual({ status: 404, body: "No Connection with that ID" });
});
