import { describe, expect, test } from "vitest";
import { createHub, type HubConnection, method } from "../../../../src/signalr/hub.ts";
import { connect, HubClient, settle } from "../../../fixture/hub-client.ts";

const RS = "\x1e";
const HANDSHAKE = '{"protocol":"json","version":1}';
const CALL = '{"type":1,"invocationId":"1","target":"Echo","arguments":["hi"]}';
const ANSWER = '{"type":3,"invocationId":"1","result":"hi"}';
const PING = '{"type":6}';

const hub = createHub<unknown>({
  methods: {
    Echo: method({ args: [{ parse: (value: unknown) => value }], run: (_, value) => value }),
    All: method({ run: () => "all" }),
  },
});

describe("a client without a SignalR library", () => {
  test("is told by its first frame: a message without separator; answers have none either", () => {
    const client = new HubClient(hub, 0);
    client.feed(CALL);
    client.connection.push("T", 1);
    expect(client.wire.frames).toEqual([ANSWER, '{"type":1,"target":"T","arguments":[1]}']);
    expect(client.connection.encoding).toBe("bare");
    client.connection.close({ allowReconnect: true });
    expect(client.wire.frames.at(-1)).toBe('{"type":7,"allowReconnect":true}');
  });

  test("may shake hands without a separator", () => {
    const client = new HubClient(hub, 0);
    client.feed(HANDSHAKE);
    client.feed(CALL);
    expect(client.wire.frames).toEqual(["{}", ANSWER]);
  });

  test("may be a SignalR client after all, whose separator came in a frame of its own", () => {
    const client = new HubClient(hub, 0);
    client.feed(HANDSHAKE);
    client.feed(RS);
    client.feed(CALL + RS);
    expect(client.wire.frames.join("")).toBe(`{}${RS}${ANSWER}${RS}`);
    expect(client.connection.encoding).toBe("json");
    client.pass(15_000);
    expect(client.wire.frames.at(-1)).toBe(PING + RS);
  });

  test("may be one whose separator came with its first message", () => {
    const client = new HubClient(hub, 0);
    client.feed(HANDSHAKE);
    client.feed(RS + CALL + RS);
    expect(client.wire.frames.join("")).toBe(`{}${RS}${ANSWER}${RS}`);
  });

  test("negotiated as bare, it is connected at once, without handshake and without time-out", () => {
    const connections: HubConnection<unknown>[] = [];
    const watched = createHub<unknown>({
      methods: { All: method({ run: () => "all" }) },
      onConnected: (connection) => void connections.push(connection),
    });
    const client = connect(watched, 0, { bare: true });
    expect(connections).toHaveLength(1);
    client.pass(60_000);
    expect(client.wire.frames).toEqual([]);
    client.feed('{"type":1,"invocationId":"1","target":"All"}');
    expect(client.wire.frames).toEqual(['{"type":3,"invocationId":"1","result":"all"}']);
  });

  test.each([HANDSHAKE, HANDSHAKE + RS])("negotiated as bare, it may still shake hands: %j", (handshake) => {
    const client = connect(hub, 0, { bare: true });
    client.feed(handshake);
    client.feed(CALL);
    expect(client.wire.frames).toEqual(["{}", ANSWER]);
  });

  test("may send separators, several messages in a frame, bytes, and blank frames", () => {
    const client = connect(hub, 0, { bare: true });
    client.feed(CALL + RS);
    client.feed(CALL + RS + CALL);
    client.feed(new TextEncoder().encode(CALL));
    client.feed("\n");
    client.feed(RS);
    expect(client.wire.frames).toEqual([ANSWER, ANSWER, ANSWER, ANSWER]);
  });

  test("is never pinged, and answering pings for 10 s meets at most two", () => {
    const client = connect(hub, 0, { bare: true });
    let pings = 0;
    client.feed(PING);
    for (; client.now < 10_000; client.now += 10) {
      if (client.now % 1000 === 0) client.connection.tick(client.now);
      for (const frame of client.wire.frames.splice(0)) {
        expect(frame).toBe(PING);
        pings++;
        client.feed(PING);
      }
    }
    expect(pings).toBeLessThanOrEqual(2);
    const silent = connect(hub, 0, { bare: true });
    silent.pass(600_000);
    expect(silent.wire.frames).toEqual([]);
  });

  test("is answered a ping every 5 s, however often it pings", () => {
    const client = connect(hub, 0, { bare: true });
    for (let ms = 0; ms < 60_000; ms += 100) {
      client.now = ms;
      client.feed(PING);
    }
    expect(client.wire.frames).toHaveLength(12);
  });

  test("is told before it is closed after an hour of silence; signs of life count", () => {
    const client = connect(hub, 0, { bare: true });
    client.pass(1_800_000);
    client.connection.touch(client.now);
    expect(client.connection.due).toBe(5_400_000);
    client.pass(3_599_000);
    expect(client.wire.closed).toBeNull();
    client.pass(1_000);
    expect(client.wire.frames).toEqual(['{"type":7,"error":"Connection was idle for too long."}']);
    expect(client.wire.closed).toEqual({ code: 1000, reason: "" });
  });

  test("is told what ends its connection: malformed frames and oversize ones", () => {
    for (const frame of [
      "nonsense",
      "[]",
      "{}",
      `{"type":1,"target":"Echo","arguments":["${"x".repeat(40_000)}"]}`,
      Uint8Array.of(0xff),
    ]) {
      const client = connect(hub, 0, { bare: true });
      client.feed(PING);
      client.feed(frame);
      expect(client.wire.frames.at(-1)).toBe(
        '{"type":7,"error":"Connection closed with an error.","allowReconnect":true}',
      );
    }
  });

  test("is unknown where frames have no boundaries: there the handshake is waited for", () => {
    const client = new HubClient(hub, 0, { transport: { framed: false, binary: false } });
    client.feed(CALL);
    expect(client.wire.frames).toEqual([]);
    client.feed(RS);
    expect(client.handshakeAnswer()).toBe("An unexpected error occurred during connection handshake.");
  });

  test("first frames that are neither are waited for like a handshake in pieces", async () => {
    for (const frame of [
      "x",
      "7",
      "[1]",
      '{"a":1}',
      '{"protocol":"messagepack","version":1}',
      Uint8Array.of(0xff),
    ]) {
      const client = new HubClient(hub, 0);
      client.feed(frame);
      await settle();
      expect(client.wire.frames).toEqual([]);
      client.pass(15_000);
      expect(client.handshakeAnswer()).toBe("Handshake was canceled.");
    }
  });
});
