import { beforeEach, expect, test } from "vitest";
import { type Principal, principalOf } from "../../../../src/accounts/principal.ts";
import { HibernatedConnections } from "../../../../src/hubs/sharding/hibernated-connections.ts";
import type { ConnectionRow } from "../../../../src/hubs/sharding/shard-rows.ts";
import { DEFAULT_HUB_CONNECTION_SETTINGS } from "../../../../src/signalr/connection/hub-connection-options.ts";
import { createHub, streamMethod } from "../../../../src/signalr/hub.ts";
import { HubConnections } from "../../../../src/signalr/transports/connections.ts";
import type { HubEndpoint } from "../../../../src/signalr/transports/endpoint.ts";
import { createWire } from "../../../fixture/hub-client.ts";
import { settled } from "../../../fixture/manual-clock.ts";
import { virtualKey } from "../../../fixture/virtual-key.ts";

const HANDSHAKE = '{"protocol":"json","version":1}\x1e';
const PRINCIPAL = principalOf(virtualKey({ id: "key_a" }));

let connections: HubConnections<Principal>;
let hibernated: HibernatedConnections;
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
  hibernated = new HibernatedConnections({
    rows: {
      connections: () => [],
      putConnection: (row) => void written.push(row),
      deleteConnection: () => {},
    },
    sockets: {
      of: () => ({ attachHeardAt: (heardAt) => void heard.push(heardAt) }),
      survivors: () => [],
    },
    connections,
    hubs: { hub },
    connectionSettings: DEFAULT_HUB_CONNECTION_SETTINGS,
    clock: { monotonic: () => 0, after: () => {} },
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

test("what hibernation would lose prevents it: a negotiation, a handshake to come, half a message", () => {
  expect(hibernated.saveAll()).toBe(true);
  const endpoint = add();
  expect(hibernated.saveAll()).toBe(false);
  const connection = open(endpoint);
  expect(hibernated.saveAll()).toBe(false);
  connection.receive(HANDSHAKE, 5);
  expect(hibernated.saveAll()).toBe(true);
  connection.receive('{"type"', 6);
  expect([hibernated.save(endpoint), hibernated.saveAll()]).toEqual([false, false]);
  connection.receive(":6}\x1e", 7);
  expect(hibernated.saveAll()).toBe(true);
});

test("a client that polls keeps its shard from hibernating, also between two polls", () => {
  const endpoint = add();
  endpoint.poll(() => {}, 0);
  endpoint.post(new TextEncoder().encode(HANDSHAKE), 0);
  expect(hibernated.saveAll()).toBe(false);
});

test("a row is written when something has changed, and that the client was heard needs none", () => {
  const endpoint = add();
  const connection = open(endpoint);
  connection.receive(HANDSHAKE, 5);
  for (const at of [6, 7]) {
    connection.receive('{"type":5,"invocationId":"none"}\x1e', at);
    hibernated.save(endpoint);
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
  expect(hibernated.saveAll()).toBe(true);
  endStream();
  await settled();
  expect(hibernated.saveAll()).toBe(true);
  const streams = written.map(
    ({ session: kept }) => (JSON.parse(kept) as { streams: unknown[] }).streams.length,
  );
  expect(streams).toEqual([1, 0]);
});

test("a connection that has ended is forgotten", () => {
  const endpoint = add();
  const connection = open(endpoint);
  connection.receive(HANDSHAKE, 0);
  expect(hibernated.saveAll()).toBe(true);
  connection.close({});
  hibernated.forget("c");
  expect(hibernated.saveAll()).toBe(true);
});
