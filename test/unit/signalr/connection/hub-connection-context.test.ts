import { describe, expect, test } from "vitest";
import { createHub, type HubConnection, method } from "../../../../src/signalr/hub.ts";
import { jsonProtocol } from "../../../../src/signalr/protocols/json-protocol.ts";
import { messagePackProtocol } from "../../../../src/signalr/protocols/messagepack-protocol.ts";
import { PING } from "../../../../src/signalr/protocols/messages.ts";
import { connect, HubClient, settle } from "../../../fixture/hub-client.ts";

const RS = "\x1e";
const CLOSED = { code: 1000, reason: "" };
const text = { parse: (value: unknown) => (typeof value === "string" ? value : fail()) };
const utf8 = new TextEncoder();

function fail(): never {
  throw new Error("wrong type");
}

const echoHub = createHub<string>({
  methods: { Echo: method({ args: [text], run: (_, value) => value }) },
});

/** A hub that notes who comes and goes. */
function watchedHub(onConnected?: (connection: HubConnection<string>) => void | Promise<void>) {
  const log: string[] = [];
  const hub = createHub<string>({
    methods: { Echo: method({ args: [text], run: (_, value) => value }) },
    onConnected(connection) {
      log.push("connected");
      return onConnected?.(connection);
    },
    onDisconnected(_, error) {
      log.push(`disconnected: ${error}`);
    },
  });
  return { hub, log };
}

describe.each([jsonProtocol, messagePackProtocol])("the handshake over $name", (protocol) => {
  test("HandshakeSuccessSendsResponseWithoutError: {} in the protocol's frame kind, and only then messages", () => {
    const { hub } = watchedHub((connection) => connection.push("Welcome"));
    const client = new HubClient(hub, "p", { protocol });
    expect(client.handshake()).toBeNull();
    expect(typeof client.wire.frames[0]).toBe(protocol.transferFormat === "text" ? "string" : "object");
    expect(client.messages()).toEqual([{ type: 1, target: "Welcome", arguments: [] }]);
  });

  test("SendingHandshakeRequestInChunksWorks, and as bytes", () => {
    const request = utf8.encode(`{"protocol":"${protocol.name}","version":1}${RS}`);
    const client = new HubClient(echoHub, "p", { protocol });
    for (const byte of request) client.feed(Uint8Array.of(byte));
    expect(
      client.wire.frames
        .map((frame) => (typeof frame === "string" ? frame : new TextDecoder().decode(frame)))
        .join(""),
    ).toBe(`{}${RS}`);
    client.wire.frames.splice(0);
    client.invoke("Echo", ["hi"], "1");
    expect(client.messages()).toEqual([{ type: 3, invocationId: "1", result: "hi" }]);
  });

  test("SendingHandshakeRequestAndInvocationInSamePayload parses both", () => {
    const client = new HubClient(echoHub, "p", { protocol });
    const invocation = protocol.write({ type: 1, invocationId: "1", target: "Echo", arguments: ["hi"] });
    const request = `{"protocol":"${protocol.name}","version":1}${RS}`;
    client.feed(
      typeof invocation === "string"
        ? request + invocation
        : Uint8Array.of(...utf8.encode(request), ...invocation),
    );
    expect(client.handshakeAnswer()).toBeNull();
    expect(client.messages()).toEqual([{ type: 3, invocationId: "1", result: "hi" }]);
  });

  test("SendingInvocatonInChunksWorks: cut anywhere, one call is one call", () => {
    const invocation = protocol.write({ type: 1, invocationId: "1", target: "Echo", arguments: ["héllo"] });
    const bytes = typeof invocation === "string" ? utf8.encode(invocation) : invocation;
    for (let cut = 0; cut <= bytes.length; cut++) {
      const client = connect(echoHub, "p", { protocol });
      client.feed(bytes.subarray(0, cut));
      client.feed(bytes.subarray(cut));
      expect(client.messages()).toEqual([{ type: 3, invocationId: "1", result: "héllo" }]);
    }
  });
});

describe("a handshake that fails", () => {
  test.each([
    [
      "HandshakeFailureFromUnknownProtocol",
      `{"protocol":"xyz","version":1}${RS}`,
      "The protocol 'xyz' is not supported.",
    ],
    [
      "HandshakeFailureFromIncompatibleProtocolVersion",
      `{"protocol":"json","version":9001}${RS}`,
      "The server does not support version 9001 of the 'json' protocol.",
    ],
    ["no JSON", `hello${RS}`, "An unexpected error occurred during connection handshake."],
    [
      "a hub message in its place",
      `{"type":1,"target":"T","arguments":[]}${RS}`,
      "An unexpected error occurred during connection handshake.",
    ],
    [
      "a missing version",
      `{"protocol":"json"}${RS}`,
      "An unexpected error occurred during connection handshake.",
    ],
  ])("%s sends the error and closes", async (_, request, error) => {
    const { hub, log } = watchedHub();
    const client = new HubClient(hub, "p");
    client.feed(request);
    expect(client.handshakeAnswer()).toBe(error);
    expect(client.wire.closed).toEqual(CLOSED);
    expect(client.ended).toBe(1);
    await settle();
    expect(log).toEqual([]);
  });

  test("HandshakeFailureFromUnsupportedFormat: messagepack needs a transport that carries bytes", () => {
    const client = new HubClient(echoHub, "p", {
      protocol: messagePackProtocol,
      transport: { binary: false, framed: false },
    });
    expect(client.handshake()).toBe(
      "Cannot use the 'messagepack' protocol on the current transport. The transport does not support 'Binary' transfer format.",
    );
    expect(client.wire.closed).toEqual(CLOSED);
  });

  test("HandshakeTimesOut, however slowly it is dribbled", () => {
    const client = new HubClient(echoHub, "p");
    for (let second = 0; second < 14; second++) {
      client.feed("{");
      client.pass(1000);
    }
    expect(client.wire.closed).toBeNull();
    client.pass(1000);
    expect(client.handshakeAnswer()).toBe("Handshake was canceled.");
    expect(client.wire.closed).toEqual(CLOSED);
  });

  test("one that exceeds the message size is cancelled", () => {
    const client = new HubClient(echoHub, "p");
    client.feed("x".repeat(32_768));
    expect(client.handshakeAnswer()).toBe("Handshake was canceled.");
    expect(client.wire.closed).toEqual(CLOSED);
  });

  test("ConnectionClosesOnServerWithPartialHandshakeMessageAndCompletedPipe: nothing is said to who has left", () => {
    const client = new HubClient(echoHub, "p");
    client.feed('{"protocol"');
    client.connection.transportEnded(client.now);
    expect(client.wire.frames).toEqual([]);
    expect(client.ended).toBe(1);
  });

  test("detailed errors tell more", () => {
    const client = new HubClient(echoHub, "p", { settings: { detailedErrors: true } });
    client.feed(`{"version":1}${RS}`);
    expect(client.handshakeAnswer()).toBe(
      "An unexpected error occurred during connection handshake. InvalidDataException: Missing required property 'protocol'.",
    );
  });
});

describe("connecting and leaving", () => {
  test("messages wait until OnConnected has finished", async () => {
    let finish = () => {};
    const { hub } = watchedHub(
      () =>
        new Promise<void>((resolve) => {
          finish = resolve;
        }),
    );
    const client = connect(hub, "p");
    client.invoke("Echo", ["early"], "1");
    await settle();
    expect(client.messages()).toEqual([]);
    finish();
    await settle();
    expect(client.messages()).toEqual([{ type: 3, invocationId: "1", result: "early" }]);
  });

  test.each([
    ["throws", () => fail()],
    ["fails", () => Promise.reject(new Error("wrong type"))],
  ])("ErrorInHubOnConnectSendsCloseMessageWithError: OnConnected %s", async (_, onConnected) => {
    const { hub, log } = watchedHub(onConnected);
    const client = connect(hub, "p");
    await settle();
    expect(client.messages()).toEqual([{ type: 7, error: "Connection closed with an error." }]);
    expect(client.wire.closed).toEqual(CLOSED);
    await settle();
    expect(log).toEqual(["connected"]);
    const detailed = connect(hub, "p", { settings: { detailedErrors: true } });
    await settle();
    expect(detailed.messages()).toEqual([
      { type: 7, error: "Connection closed with an error. Error: wrong type" },
    ]);
  });

  test("what OnConnected and OnDisconnected throw is reported", async () => {
    const reports: string[] = [];
    const settings = { report: (_: unknown, during: string) => void reports.push(during) };
    connect(watchedHub(() => fail()).hub, "p", { settings });
    const hub = createHub<string>({ methods: {}, onDisconnected: () => fail() });
    connect(hub, "p", { settings }).connection.abort();
    await settle();
    expect(reports).toEqual(["hub onConnected", "hub onDisconnected"]);
  });

  test("OnDisconnected runs once, after an OnConnected that was still under way", async () => {
    let finish = () => {};
    const { hub, log } = watchedHub(
      () =>
        new Promise<void>((resolve) => {
          finish = resolve;
        }),
    );
    const client = connect(hub, "p");
    client.connection.transportEnded(1, "reset");
    client.connection.transportEnded(2, "again");
    await settle();
    expect(log).toEqual(["connected"]);
    finish();
    await settle();
    expect(log).toEqual(["connected", "disconnected: reset"]);
  });

  test("ConnectionClosesWhenClientSendsCloseMessage: it is answered, without an invitation to come back", async () => {
    const { hub, log } = watchedHub();
    const client = connect(hub, "p");
    client.send({ type: 7 });
    expect(client.messages()).toEqual([{ type: 7 }]);
    expect(client.wire.closed).toEqual(CLOSED);
    await settle();
    expect(log).toEqual(["connected", "disconnected: null"]);
    expect(client.ended).toBe(1);
  });

  test("ConnectionClosesWhenClientSendsCloseMessageWithError: only the hub hears the error", async () => {
    const { hub, log } = watchedHub();
    const client = connect(hub, "p");
    client.send({ type: 7, error: "client gone mad" });
    expect(client.messages()).toEqual([{ type: 7 }]);
    await settle();
    expect(log).toEqual(["connected", "disconnected: client gone mad"]);
  });

  test("EndingConnectionSendsCloseMessageWithNoError: abort, and shutdown with an invitation to come back", () => {
    const aborted = connect(echoHub, "p");
    aborted.connection.abort();
    expect(aborted.messages()).toEqual([{ type: 7 }]);
    const shut = connect(echoHub, "p");
    shut.connection.close({ allowReconnect: true, code: 1001, reason: "shutdown" });
    expect(shut.messages()).toEqual([{ type: 7, allowReconnect: true }]);
    expect(shut.wire.closed).toEqual({ code: 1001, reason: "shutdown" });
  });

  test("after the end nothing is sent, read or counted", async () => {
    const client = connect(echoHub, "p");
    client.connection.abort();
    client.messages();
    client.connection.push("Late");
    client.connection.pushEncoded(`{}${RS}`);
    client.invoke("Echo", ["late"], "1");
    client.pass(60_000);
    await expect(client.connection.invoke("Late")).rejects.toThrow("Connection 'c1' disconnected.");
    expect(client.messages()).toEqual([]);
    expect(client.connection.signal.aborted).toBe(true);
    expect(client.connection.due).toBe(Number.POSITIVE_INFINITY);
    expect(client.ended).toBe(1);
  });

  test("a protocol error closes with an invitation to come back; what came before it was done", () => {
    const client = connect(echoHub, "p");
    const good = jsonProtocol.write({ type: 1, invocationId: "1", target: "Echo", arguments: ["x"] });
    client.feed(`${good}{"type":"6"}${RS}${good}`);
    expect(client.messages()).toEqual([
      { type: 3, invocationId: "1", result: "x" },
      { type: 7, error: "Connection closed with an error.", allowReconnect: true },
    ]);
    expect(client.wire.closed).toEqual(CLOSED);
  });

  test("a message above 32 kB closes; detailed errors name the limit", () => {
    const client = connect(echoHub, "p", { settings: { detailedErrors: true } });
    client.invoke("Echo", ["x".repeat(32_768)], "1");
    expect(client.messages()).toEqual([
      {
        type: 7,
        error:
          "Connection closed with an error. InvalidDataException: The maximum message size of 32768B was exceeded. The message size can be configured in AddHubOptions.",
        allowReconnect: true,
      },
    ]);
  });

  test("ServerSendsCloseWithErrorWhenConnectionClosedWithPartialMessage", () => {
    const client = connect(echoHub, "p", { settings: { detailedErrors: true } });
    client.feed('{"type":');
    client.connection.transportEnded(client.now);
    expect(client.messages()).toEqual([
      {
        type: 7,
        error:
          "Connection closed with an error. InvalidDataException: Connection terminated while reading a message.",
        allowReconnect: true,
      },
    ]);
  });

  test("a push that cannot be written ends the connection", () => {
    const client = connect(echoHub, "p");
    client.connection.push("T", 1n);
    expect(client.messages()).toEqual([
      { type: 7, error: "Connection closed with an error.", allowReconnect: true },
    ]);
  });
});

describe("keeping alive", () => {
  test("WritesPingMessageIfNothingWritten: a ping every 15 s", () => {
    const client = connect(echoHub, "p");
    client.pass(14_000);
    expect(client.messages()).toEqual([]);
    client.pass(1_000);
    expect(client.messages()).toEqual([PING]);
    client.pass(30_000);
    expect(client.messages()).toEqual([PING, PING]);
  });

  test("no pings on long polling, which needs none, and no time-out", () => {
    const client = connect(echoHub, "p", { transport: { pings: "none", framed: false } });
    client.send(PING);
    client.pass(120_000);
    expect(client.messages()).toEqual([]);
    expect(client.wire.closed).toBeNull();
  });

  test("AcceptsPingMessages without answering", () => {
    const client = connect(echoHub, "p");
    client.send(PING);
    expect(client.messages()).toEqual([]);
  });

  test("a host that hibernates answers pings instead, at most once in 5 s", () => {
    const client = connect(echoHub, "p", { transport: { pings: "answered" } });
    client.send(PING);
    client.send(PING);
    expect(client.messages()).toEqual([PING]);
    client.now += 5_000;
    client.send(PING);
    expect(client.messages()).toEqual([PING]);
  });

  test("ConnectionNotTimedOutIfClientNeverPings", () => {
    const client = connect(echoHub, "p");
    client.invoke("Echo", ["x"]);
    client.pass(600_000);
    expect(client.wire.closed).toBeNull();
  });

  test("ConnectionTimesOutIfInitialPingAndThenNoMessages: it may come back", async () => {
    const { hub, log } = watchedHub();
    const client = connect(hub, "p");
    client.send(PING);
    client.pass(29_000);
    expect(client.wire.closed).toBeNull();
    client.pass(1_000);
    expect(client.messages().at(-1)).toEqual({ type: 7, allowReconnect: true });
    await settle();
    expect(log[1]).toMatch(/^disconnected: The client was silent/);
  });

  test("ReceivingMessagesPreventsConnectionTimeout", () => {
    const client = connect(echoHub, "p");
    client.send(PING);
    for (let turn = 0; turn < 10; turn++) {
      client.pass(29_000);
      client.invoke("Echo", ["x"]);
    }
    expect(client.wire.closed).toBeNull();
  });

  test("silence does not count while reading is held up by a method", async () => {
    let finish = () => {};
    const hub = createHub<string>({
      methods: {
        Wait: method({
          run: () =>
            new Promise<void>((resolve) => {
              finish = resolve;
            }),
        }),
      },
    });
    const client = connect(hub, "p");
    client.send(PING);
    client.invoke("Wait");
    client.invoke("Wait");
    client.pass(60_000);
    expect(client.wire.closed).toBeNull();
    finish();
    await settle();
    client.pass(31_000);
    expect(client.wire.closed).not.toBeNull();
  });

  test("`due` names the moments at which a tick matters", () => {
    const client = new HubClient(echoHub, "p");
    expect(client.connection.due).toBe(15_000);
    client.now = 1_000;
    client.handshake();
    expect(client.connection.due).toBe(16_000);
    client.now = 14_000;
    client.connection.tick(16_000);
    expect(client.connection.due).toBe(31_000);
    client.send(PING);
    expect(client.connection.due).toBe(31_000);
    client.connection.tick(31_000);
    expect(client.connection.due).toBe(44_000);
  });
});

describe("what hosts need", () => {
  test("CanSendToConnectionsWithDifferentProtocols: a push encoded once per encoding", () => {
    const push = { type: 1, target: "T", arguments: ["x"] } as const;
    for (const protocol of [jsonProtocol, messagePackProtocol]) {
      const client = connect(echoHub, "p", { protocol });
      expect(client.connection.encoding).toBe(protocol.encoding);
      expect(client.connection.topics).not.toBeNull();
      client.connection.pushEncoded(protocol.write(push));
      expect(client.messages()).toEqual([push]);
    }
  });

  test("a connection is saved and restored: hubs see nothing of it, and it continues as it was", async () => {
    const { hub, log } = watchedHub();
    const asleep = connect(hub, "p", { protocol: messagePackProtocol });
    asleep.now = 5_000;
    asleep.send(PING);
    const saved = asleep.connection.save();
    expect(saved).toEqual({ encoding: "messagepack", pinged: true, heardAt: 5_000, streams: [] });
    const awake = new HubClient(hub, "p", { protocol: messagePackProtocol, now: 20_000 });
    awake.connection.open(saved!);
    awake.invoke("Echo", ["again"], "1");
    expect(awake.messages()).toEqual([{ type: 3, invocationId: "1", result: "again" }]);
    await settle();
    expect(log).toEqual(["connected"]);
    awake.connection.abort();
    await settle();
    expect(log).toEqual(["connected", "disconnected: null"]);
  });

  test("nothing is saved while half a message is there", () => {
    const client = connect(echoHub, "p");
    client.feed("{");
    expect(client.connection.save()).toBeNull();
  });
});
