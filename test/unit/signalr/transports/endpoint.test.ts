import { beforeEach, describe, expect, test } from "vitest";
import { HubConnectionContext } from "../../../../src/signalr/connection/hub-connection-context.ts";
import { DEFAULT_HUB_CONNECTION_SETTINGS } from "../../../../src/signalr/connection/hub-connection-options.ts";
import { createHub, method, streamMethod } from "../../../../src/signalr/hub.ts";
import {
  HubConnections,
  MAX_UNUSED_PER_OWNER,
  type NewConnection,
} from "../../../../src/signalr/transports/connections.ts";
import type { HubEndpoint } from "../../../../src/signalr/transports/endpoint.ts";
import type { PollAnswer } from "../../../../src/signalr/transports/long-poll.ts";
import { createWire, settle } from "../../../fixture/hub-client.ts";

const utf8 = new TextEncoder();
const HANDSHAKE = utf8.encode('{"protocol":"json","version":1}\x1e');
const CALL = utf8.encode('{"type":1,"invocationId":"1","target":"Echo","arguments":["hi"]}\x1e');
const ANSWER = '{"type":3,"invocationId":"1","result":"hi"}\x1e';
const UNKNOWN = { status: 404, body: "No Connection with that ID" };

let connections: HubConnections<string>;
let gone: (string | null)[];

beforeEach(() => {
  connections = new HubConnections(100);
  gone = [];
});

function add(options: Partial<NewConnection<string>> = {}): HubEndpoint<string> {
  const endpoint = connections.add(newConnection(options), 0);
  if (endpoint === null) throw new Error("Expected room for a connection.");
  return endpoint;
}

function newConnection(options: Partial<NewConnection<string>> = {}): NewConnection<string> {
  const hub = createHub<string>({
    methods: {
      Echo: method({ args: [{ parse: String }], run: (_, value) => value }),
      Large: streamMethod({
        async *run() {
          for (let item = 0; item < 300; item++) yield "x".repeat(1_000);
        },
      }),
    },
    onDisconnected: (_, error) => void gone.push(error),
  });
  return {
    token: "secret",
    owner: "key",
    hub,
    settings: DEFAULT_HUB_CONNECTION_SETTINGS,
    transports: ["WebSockets", "ServerSentEvents", "LongPolling"],
    pings: "server",
    connectionId: "public",
    principal: "p",
    bare: false,
    statefulReconnect: false,
    ...options,
  };
}

/** A poll and its answer. */
function poll(endpoint: HubEndpoint<string>, now = 0) {
  const answers: PollAnswer[] = [];
  const reply = (answer: PollAnswer) => void answers.push(answer);
  const refusal = endpoint.poll(reply, now);
  return { answers, reply, refusal };
}

async function startPolling(endpoint: HubEndpoint<string>) {
  poll(endpoint);
  endpoint.post(HANDSHAKE, 0);
  const { answers } = poll(endpoint);
  await settle();
  expect(answers).toEqual([{ status: 200, frames: ["{}\x1e"] }]);
}

describe("finding a connection", () => {
  test("EndpointsThatRequireConnectionId400WhenNoConnectionIdProvided", () => {
    for (const token of [null, ""])
      expect(connections.find(token, "key")).toEqual({ status: 400, body: "Connection ID required" });
  });

  test("EndpointsThatAcceptConnectionId404WhenUnknownConnectionIdProvided", () => {
    expect(connections.find("nobody", "key")).toEqual(UNKNOWN);
  });

  test("another key's connection is answered like none; without credentials the token is the proof", () => {
    const endpoint = add();
    expect(connections.find("secret", "other")).toEqual(UNKNOWN);
    expect(connections.find("secret", "key")).toBe(endpoint);
    expect(connections.find("secret", null)).toBe(endpoint);
  });

  test("one that nobody uses is forgotten after 15 s", () => {
    add();
    connections.tick(14_999);
    expect(connections.size).toBe(1);
    connections.tick(15_000);
    expect(connections.size).toBe(0);
  });

  test("thousands of unused ones are refused per owner; used and forgotten ones make room again", () => {
    for (let count = 0; count < MAX_UNUSED_PER_OWNER; count++) add({ token: `t${count}` });
    expect(connections.add(newConnection({ token: "more" }), 0)).toBeNull();
    expect(connections.add(newConnection({ token: "other", owner: "other" }), 0)).not.toBeNull();
    (connections.find("t0", "key") as HubEndpoint<string>).openWebSocket(createWire().output, 0);
    expect(connections.add(newConnection({ token: "more" }), 0)).not.toBeNull();
    expect(connections.add(newConnection({ token: "evenMore" }), 0)).toBeNull();
    connections.tick(15_000);
    expect(connections.add(newConnection({ token: "evenMore" }), 15_000)).not.toBeNull();
  });

  test("an owner that may have more in use may negotiate as many at once", () => {
    const many = MAX_UNUSED_PER_OWNER + 50;
    connections = new HubConnections(many);
    for (let count = 0; count < many; count++) add({ token: `t${count}` });
    expect(connections.add(newConnection({ token: "more" }), 0)).toBeNull();
  });

  test("connections in use are counted per owner, from the claim of a socket on", () => {
    connections = new HubConnections(2);
    expect(add({ token: "a" }).claim("WebSockets")).toBeNull();
    expect([connections.full("key"), connections.used, [...connections.owners()]]).toEqual([
      false,
      1,
      ["key"],
    ]);
    const second = add({ token: "b" });
    expect(connections.full("key")).toBe(false);
    second.openEvents(createWire().output, 0);
    expect([connections.full("key"), connections.full("other")]).toEqual([true, false]);
    second.close({});
    expect(connections.full("key")).toBe(true);
    second.streamOver();
    expect(connections.full("key")).toBe(false);
    connections.tick(15_000);
    expect([connections.used, connections.size, [...connections.owners()]]).toEqual([0, 0, []]);
  });

  test("a claimed connection that is over before its socket comes is not opened any more", () => {
    const endpoint = add();
    expect(endpoint.claim("WebSockets")).toBeNull();
    connections.close("key", {});
    expect(endpoint.openWebSocket(createWire().output, 0)).toEqual(UNKNOWN);
  });

  test("closing an owner's connections, or all, forgets them", () => {
    const wire = createWire();
    add().openWebSocket(wire.output, 0);
    add({ token: "unused" });
    add({ token: "other", owner: "other" });
    connections.close("key", { code: 1008, reason: "key disabled" });
    expect(wire.wire.closed).toEqual({ code: 1008, reason: "key disabled" });
    expect(connections.size).toBe(1);
    connections.close(null, { allowReconnect: true });
    expect(connections.size).toBe(0);
  });
});

describe("transports", () => {
  test.each(["WebSockets", "ServerSentEvents", "LongPolling"] as const)(
    "EndPointThatOnlySupports%sRejectsOtherTransports",
    (only) => {
      const endpoint = add({ transports: [only] });
      const open = {
        WebSockets: () => endpoint.openWebSocket(createWire().output, 0),
        ServerSentEvents: () => endpoint.openEvents(createWire().output, 0),
        LongPolling: () => endpoint.poll(() => undefined, 0) ?? endpoint.connection,
      };
      for (const [name, attempt] of Object.entries(open)) {
        if (name === only) continue;
        expect(attempt()).toEqual({
          status: 404,
          body: `${name} transport not supported by this end point type`,
        });
      }
      expect(open[only]()).toBeInstanceOf(HubConnectionContext);
    },
  );

  test("a connection keeps its transport", () => {
    const endpoint = add();
    endpoint.openEvents(createWire().output, 0);
    const refusal = { status: 400, body: "Cannot change transports mid-connection" };
    expect(endpoint.openWebSocket(createWire().output, 0)).toEqual(refusal);
    expect(poll(endpoint).refusal).toEqual(refusal);
  });

  test("RequestToActiveConnectionId409ForStreamingTransports", () => {
    const events = add();
    events.openEvents(createWire().output, 0);
    expect(events.openEvents(createWire().output, 0)).toMatchObject({ status: 409 });
    const socket = add({ token: "socket" });
    socket.openWebSocket(createWire().output, 0);
    expect(socket.openWebSocket(createWire().output, 0)).toMatchObject({ status: 409 });
  });

  test("with stateful reconnect a second WebSocket takes over, and a lost one keeps its place for 15 s", () => {
    const endpoint = add({ statefulReconnect: true });
    const first = createWire();
    const connection = endpoint.openWebSocket(first.output, 0) as HubConnectionContext<string>;
    connection.receive('{"protocol":"json","version":2}\x1e', 0);
    const second = createWire();
    expect(endpoint.openWebSocket(second.output, 0)).toBe(connection);
    expect(first.wire.closed).not.toBeNull();
    expect(second.wire.frames).toEqual(['{"type":9,"sequenceId":1}\x1e']);
    connection.transportEnded(0);
    connections.tick(14_999);
    expect(connections.find("secret", "key")).toBe(endpoint);
    connections.tick(15_000);
    expect(connections.find("secret", "key")).toEqual(UNKNOWN);
  });

  test("stateful reconnect is for WebSockets: an event stream that ends is over", () => {
    const endpoint = add({ statefulReconnect: true });
    const connection = endpoint.openEvents(createWire().output, 0) as HubConnectionContext<string>;
    endpoint.post(utf8.encode('{"protocol":"json","version":2}\x1e'), 0);
    connection.transportEnded(0);
    endpoint.streamOver();
    expect(connections.find("secret", "key")).toEqual(UNKNOWN);
  });

  test("PostNotAllowedForWebSocketConnections", () => {
    const endpoint = add();
    endpoint.openWebSocket(createWire().output, 0);
    expect(endpoint.post(CALL, 0)).toEqual({
      status: 405,
      body: "POST requests are not allowed for WebSocket connections.",
    });
  });

  test("DeleteEndpointRejectsRequestToTerminateNonLongPollingTransport", () => {
    const endpoint = add();
    const refusal = { status: 400, body: "Cannot terminate this connection using the DELETE endpoint." };
    expect(endpoint.terminate(0)).toEqual(refusal);
    endpoint.openEvents(createWire().output, 0);
    expect(endpoint.terminate(0)).toEqual(refusal);
  });

  test("PostSendsToConnection over an event stream, also what was posted before it opened", () => {
    const endpoint = add();
    expect(endpoint.post(HANDSHAKE, 0)).toBeNull();
    const { wire, output } = createWire();
    endpoint.openEvents(output, 0);
    expect(endpoint.post(CALL.subarray(0, 9), 0)).toBeNull();
    expect(endpoint.post(CALL.subarray(9), 0)).toBeNull();
    expect(wire.frames).toEqual(["{}\x1e", ANSWER]);
  });

  test("what is posted before there is a transport is bounded", () => {
    const endpoint = add();
    expect(endpoint.post(new Uint8Array(60_000), 0)).toBeNull();
    expect(endpoint.post(new Uint8Array(60_000), 0)).toMatchObject({ status: 413 });
  });

  test("RequestToDisposedConnectionIdReturns404, PostReturns404IfConnectionDisposed", () => {
    const endpoint = add();
    const connection = endpoint.openEvents(createWire().output, 0) as HubConnectionContext<string>;
    connection.transportEnded(0);
    endpoint.streamOver();
    expect(endpoint.post(CALL, 0)).toEqual(UNKNOWN);
    expect(connections.find("secret", "key")).toEqual(UNKNOWN);
  });

  test("a post whose connection was forgotten while its body came finds none", () => {
    const endpoint = add();
    connections.tick(15_000);
    expect(endpoint.post(CALL, 15_000)).toEqual(UNKNOWN);
  });

  test("a bare client is bare over a WebSocket only", () => {
    const endpoint = add({ bare: true });
    const connection = endpoint.openWebSocket(createWire().output, 0) as HubConnectionContext<string>;
    expect(connection.encoding).toBe("bare");
    const events = add({ token: "events", bare: true }).openEvents(createWire().output, 0);
    expect((events as HubConnectionContext<string>).encoding).toBe("json");
  });
});

describe("long polling", () => {
  test("the first poll is answered at once and empty; later ones with what there is", async () => {
    const endpoint = add();
    expect(poll(endpoint).answers).toEqual([{ status: 200, frames: [] }]);
    const { answers } = poll(endpoint);
    endpoint.post(HANDSHAKE, 0);
    endpoint.post(CALL, 0);
    expect(answers).toEqual([]);
    await settle();
    // MultipleFramesSentAsSingleResponse
    expect(answers).toEqual([{ status: 200, frames: ["{}\x1e", ANSWER] }]);
  });

  test("a client may post its handshake before its first poll", async () => {
    const endpoint = add();
    endpoint.post(HANDSHAKE, 0);
    expect(poll(endpoint).answers).toEqual([{ status: 200, frames: [] }]);
    expect(poll(endpoint).answers).toEqual([{ status: 200, frames: ["{}\x1e"] }]);
  });

  test("what is said between polls waits for the next, in order", async () => {
    const endpoint = add();
    await startPolling(endpoint);
    for (const value of [1, 2]) endpoint.connection?.push("T", value);
    const { answers } = poll(endpoint);
    expect(answers).toMatchObject([
      { status: 200, frames: [/1/, /2/].map((value) => expect.stringMatching(value)) },
    ]);
  });

  test("LongPollingTimeoutSets200StatusCode: after 90 s, empty", async () => {
    const endpoint = add();
    await startPolling(endpoint);
    const { answers } = poll(endpoint, 1_000);
    connections.tick(90_999);
    expect(answers).toEqual([]);
    connections.tick(91_000);
    expect(answers).toEqual([{ status: 200, frames: [] }]);
    expect(gone).toEqual([]);
  });

  test("AttemptingToPollWhileAlreadyPollingReplacesTheCurrentPoll", async () => {
    const endpoint = add();
    await startPolling(endpoint);
    const first = poll(endpoint);
    const second = poll(endpoint);
    expect(first.answers).toEqual([{ status: 204 }]);
    endpoint.connection?.push("T");
    await settle();
    expect(second.answers).toHaveLength(1);
    expect(first.answers).toHaveLength(1);
  });

  test("a message for a poll that was given up waits for the next one", async () => {
    const endpoint = add();
    await startPolling(endpoint);
    const given = poll(endpoint);
    endpoint.pollAbandoned(given.reply, 0);
    endpoint.connection?.push("T", 1);
    await settle();
    expect(given.answers).toEqual([]);
    expect(poll(endpoint).answers).toMatchObject([{ status: 200, frames: [{}] }]);
  });

  test("DeleteEndpointGracefullyTerminatesLongPolling: the waiting poll gets 204, later requests 404", async () => {
    const endpoint = add();
    await startPolling(endpoint);
    const { answers } = poll(endpoint);
    expect(endpoint.terminate(0)).toBeNull();
    expect(answers).toEqual([{ status: 204 }]);
    await settle();
    expect(gone).toEqual([null]);
    expect(endpoint.post(CALL, 0)).toEqual(UNKNOWN);
    expect(connections.find("secret", "key")).toEqual(UNKNOWN);
  });

  test("DeleteEndpointGracefullyTerminatesLongPollingEvenWhenBetweenPolls", async () => {
    const endpoint = add();
    await startPolling(endpoint);
    expect(endpoint.terminate(0)).toBeNull();
    expect(connections.size).toBe(0);
  });

  test("CompletedEndPointEndsLongPollingConnection: the Close message first, then 204, then 404", async () => {
    const endpoint = add();
    await startPolling(endpoint);
    const last = poll(endpoint);
    endpoint.connection?.close({ allowReconnect: true });
    await settle();
    expect(last.answers).toEqual([{ status: 200, frames: ['{"type":7,"allowReconnect":true}\x1e'] }]);
    expect(connections.find("secret", "key")).toBe(endpoint);
    expect(poll(endpoint).answers).toEqual([{ status: 204 }]);
    expect(connections.find("secret", "key")).toEqual(UNKNOWN);
  });

  test("the same when it ends between two polls, and it waits no longer for the client than between any two", async () => {
    for (const asksAgain of [true, false]) {
      const endpoint = add();
      await startPolling(endpoint);
      endpoint.connection?.close({ allowReconnect: true });
      const ended = connections.ended();
      expect(poll(endpoint).answers).toEqual([
        { status: 200, frames: ['{"type":7,"allowReconnect":true}\x1e'] },
      ]);
      expect(connections.find("secret", "key")).toBe(endpoint);
      if (asksAgain) expect(poll(endpoint).answers).toEqual([{ status: 204 }]);
      else for (const now of [1_000, 15_999, 16_000]) connections.tick(now);
      expect(connections.find("secret", "key")).toEqual(UNKNOWN);
      await ended;
    }
  });

  test("an answer that comes late leaves the client its whole 15 s to ask again", async () => {
    const endpoint = add();
    await startPolling(endpoint);
    const { answers } = poll(endpoint);
    connections.tick(60_000);
    endpoint.connection?.push("T", 1);
    await settle();
    expect(answers).toHaveLength(1);
    connections.tick(61_000);
    connections.tick(75_999);
    expect(connections.size).toBe(1);
    connections.tick(76_000);
    expect(connections.size).toBe(0);
  });

  test("a client that does not poll for 15 s is gone, and so are its last words", async () => {
    const endpoint = add();
    await startPolling(endpoint);
    connections.tick(0);
    connections.tick(14_999);
    expect(connections.size).toBe(1);
    connections.tick(15_000);
    await settle();
    expect(connections.size).toBe(0);
    expect(gone).toEqual(["The client stopped polling."]);
    const closed = add();
    await startPolling(closed);
    closed.connection?.abort();
    connections.tick(0);
    connections.tick(15_000);
    expect(connections.size).toBe(0);
  });

  test("a large stream pauses between polls and goes on with each", async () => {
    const endpoint = add();
    await startPolling(endpoint);
    endpoint.post(utf8.encode('{"type":4,"invocationId":"1","target":"Large","arguments":[]}\x1e'), 0);
    let received = "";
    let polls = 0;
    for (; !received.includes('"type":3') && polls < 100; polls++) {
      const { answers } = poll(endpoint);
      for (let turn = 0; turn < 100; turn++) await settle();
      for (const answer of answers) if (answer.status === 200) received += answer.frames.join("");
    }
    expect(received.split('"type":2')).toHaveLength(301);
    expect(polls).toBeGreaterThan(3);
  });

  test("a client that lets 4 MB wait is given up", async () => {
    const endpoint = add();
    await startPolling(endpoint);
    for (let pushed = 0; pushed < 10 && endpoint.connection?.closed === false; pushed++)
      endpoint.connection.push("T", "x".repeat(1_000_000));
    await settle();
    expect(gone).toEqual(["The client reads too slowly."]);
  });
});
