import { beforeEach, expect, test } from "vitest";
import { type Principal, principalOf } from "../../../../../src/accounts/principal.ts";
import { HibernatedConnections } from "../../../../../src/runtime/cloudflare/objects/shard-hibernation.ts";
import type { ConnectionRow } from "../../../../../src/runtime/cloudflare/objects/shard-rows.ts";
import { DEFAULT_HUB_CONNECTION_SETTINGS } from "../../../../../src/signalr/connection/hub-connection-options.ts";
import { createHub, streamMethod } from "../../../../../src/signalr/hub.ts";
import { HubConnections } from "../../../../../src/signalr/transports/connections.ts";
import type { HubEndpoint } from "../../../../../src/signalr/transports/endpoint.ts";
import { createWire } from "../../../../fixture/hub-client.ts";
import { settled } from "../../../../fixture/manual-clock.ts";
import { virtualKey } from "../../../../fixture/virtual-key.ts";

const HANDSHAKE = '{"protocol":"json","version":1}\x1e';
const PRINCIPAL = principalOf(virtualKey({ id: "key_a" }));

let connections: HubConnections<Principal>;
let memory: HibernatedConnections;
let written: ConnectionRow[];
let heard: number[];
/** Ends the stream that runs. */
let endStream: () => void;

const hub = createHub<Principal>({
  methods: {
    Stream: streamMethod({
      async *run() {
        await new Promise<void>((resolve) => {
          endStream = resolve;
        });
      },
      resume: (_, args) => args,
    }),
  },
});

beforeEach(() => {
  connections = new HubConnections(10);
  written = [];
  heard = [];
  memory = new HibernatedConnections({
    state: { getWebSockets: () => [] },
    rows: {
      connections: () => [],
      putConnection: (row) => void written.push(row),
      deleteConnection: () => {},
    },
    sockets: {
      of: () => ({ remember: (heardAt) => void heard.push(heardAt) }),
      restore: () => {
        throw new Error("there is nothing to restore");
      },
    },
    connections,
    hubs: { hub },
    connectionSettings: DEFAULT_HUB_CONNECTION_SETTINGS,
    now: () => 0,
  });
});

function add(): HubEndpoint<Principal> {
  const endpoint = connections.add(
    {
      token: "t",
      owner: "key_a",
      hub,
      settings: DEFAULT_HUB_CONNECTION_SETTINGS,
      transports: ["WebSockets", "LongPolling"],
      pings: "answered",
      connectionId: "c",
      principal: PRINCIPAL,
      bare: false,
      statefulReconnect: false,
    },
    0,
  );
  if (endpoint === null) throw new Error("Expected room for a connection");
  return endpoint;
}

function open(endpoint: HubEndpoint<Principal>) {
  const connection = endpoint.openWebSocket(createWire().output, 0);
  if (!("receive" in connection)) throw new Error(connection.body);
  return connection;
}

test("nothing that sleep would lose is slept through: a negotiation, a handshake to come, half a message", () => {
  expect(memory.settle()).toBe(true);
  const endpoint = add();
  expect(memory.settle()).toBe(false);
  const connection = open(endpoint);
  expect(memory.settle()).toBe(false);
  connection.receive(HANDSHAKE, 5);
  expect(memory.settle()).toBe(true);
  connection.receive('{"type"', 6);
  expect([memory.keep(endpoint), memory.settle()]).toEqual([false, false]);
  connection.receive(":6}\x1e", 7);
  expect(memory.settle()).toBe(true);
});

test("a client that polls keeps its shard awake, also between two polls", () => {
  const endpoint = add();
  endpoint.poll(() => {}, 0);
  endpoint.post(new TextEncoder().encode(HANDSHAKE), 0);
  expect(memory.settle()).toBe(false);
});

test("a row is written when something has changed, and that the client was heard needs none", () => {
  const endpoint = add();
  const connection = open(endpoint);
  connection.receive(HANDSHAKE, 5);
  for (const at of [6, 7]) {
    connection.receive('{"type":5,"invocationId":"none"}\x1e', at);
    memory.keep(endpoint);
  }
  expect(written).toEqual([
    {
      id: "c",
      token: "t",
      hub: "hub",
      transport: "WebSockets",
      principal: JSON.stringify(PRINCIPAL),
      session: JSON.stringify({ encoding: "json", pinged: false, streams: [] }),
    },
  ]);
  expect(heard).toEqual([6, 7]);
});

test("a stream is kept while it runs, and its end is found by looking", async () => {
  const endpoint = add();
  const connection = open(endpoint);
  connection.receive(HANDSHAKE, 0);
  connection.receive('{"type":4,"invocationId":"s","target":"Stream","arguments":[]}\x1e', 0);
  await settled();
  expect(memory.settle()).toBe(true);
  endStream();
  await settled();
  expect(memory.settle()).toBe(true);
  const streams = written.map(
    ({ session: kept }) => (JSON.parse(kept) as { streams: unknown[] }).streams.length,
  );
  expect(streams).toEqual([1, 0]);
});

test("a connection that has ended is forgotten", () => {
  const endpoint = add();
  const connection = open(endpoint);
  connection.receive(HANDSHAKE, 0);
  expect(memory.settle()).toBe(true);
  connection.close({});
  memory.forget("c");
  expect(memory.settle()).toBe(true);
});
