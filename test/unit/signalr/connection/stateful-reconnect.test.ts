import { describe, expect, test } from "vitest";
import { MessageBuffer } from "../../../../src/signalr/connection/message-buffer.ts";
import { createHub, method, streamMethod } from "../../../../src/signalr/hub.ts";
import { jsonProtocol } from "../../../../src/signalr/protocols/json-protocol.ts";
import { messagePackProtocol } from "../../../../src/signalr/protocols/messagepack-protocol.ts";
import { PING } from "../../../../src/signalr/protocols/messages.ts";
import { connect, HubClient, settle } from "../../../fixture/hub-client.ts";

function countingHub() {
  const seen: unknown[] = [];
  const gone: (string | null)[] = [];
  const hub = createHub<unknown>({
    methods: {
      Note: method({
        args: [{ parse: (value: unknown) => value }],
        run(_, value) {
          seen.push(value);
          return value;
        },
      }),
    },
    onDisconnected: (_, error) => void gone.push(error),
  });
  return { hub, seen, gone };
}

const push = (value: unknown) => ({ type: 1, target: "T", arguments: [value] });
const stateful = { statefulReconnect: true };

describe("the replay buffer", () => {
  const sizes = (frames: unknown[]) => frames.map((frame) => (frame as string).length);

  test("WriteBlocksOnAckWhenMessageBufferFull: messages beyond the window wait for acknowledgements, in order", () => {
    const buffer = new MessageBuffer(10);
    expect(["aaaa", "bbbbbb", "c", "dd"].map((frame) => buffer.add(frame))).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(buffer.waiting).toBe(true);
    expect(buffer.acknowledge(1)).toEqual(["c", "dd"]);
    expect(buffer.waiting).toBe(false);
  });

  test("one message may always go, whatever its size", () => {
    const buffer = new MessageBuffer(10);
    expect(buffer.add("x".repeat(100))).toBe(true);
    expect(buffer.add("y")).toBe(false);
    expect(buffer.acknowledge(1)).toEqual(["y"]);
  });

  test("WriteManyMessagesAckSomeProperlyBuffers, MessageBufferLimitCanBeModified", () => {
    const buffer = new MessageBuffer(1_000_000);
    for (let length = 1; length <= 1000; length++) expect(buffer.add("x".repeat(length))).toBe(true);
    expect(buffer.acknowledge(200)).toEqual([]);
    const { sequenceId, frames } = buffer.replay();
    expect(sequenceId).toBe(201);
    expect(sizes(frames)).toEqual(Array.from({ length: 800 }, (_, index) => 201 + index));
  });

  test("AckedMessageNotResentOnReconnect: with nothing left, the next number is announced", () => {
    const buffer = new MessageBuffer(100);
    buffer.add("a");
    buffer.add("b");
    buffer.acknowledge(2);
    expect(buffer.replay()).toEqual({ sequenceId: 3, frames: [] });
  });

  test("acknowledgements that repeat, go back or run ahead free only what was sent", () => {
    const buffer = new MessageBuffer(4);
    for (const frame of ["aa", "bb", "cc"]) buffer.add(frame);
    expect(buffer.acknowledge(0)).toEqual([]);
    expect(buffer.acknowledge(99)).toEqual(["cc"]);
    expect(buffer.acknowledge(1)).toEqual([]);
    expect(buffer.replay()).toEqual({ sequenceId: 3, frames: ["cc"] });
  });

  test("it says when as much waits as may be on its way", () => {
    const buffer = new MessageBuffer(4);
    for (const frame of ["aaaa", "bbbb"]) buffer.add(frame);
    expect(buffer.overflowing).toBe(false);
    buffer.add("c");
    expect(buffer.overflowing).toBe(true);
  });
});

describe.each([jsonProtocol, messagePackProtocol])("stateful reconnect over $name", (protocol) => {
  test("UnAckedMessageResentOnReconnect: a sequence, then everything unacknowledged, then what is new", () => {
    const client = connect(countingHub().hub, 0, { ...stateful, protocol });
    for (const value of [1, 2, 3]) client.connection.push("T", value);
    expect(client.messages()).toEqual([push(1), push(2), push(3)]);
    client.send({ type: 8, sequenceId: 1 });
    client.connection.transportEnded(0, "reset");
    client.connection.push("T", 4);
    expect(client.reconnect()).toBe(true);
    client.connection.push("T", 5);
    expect(client.messages()).toEqual([{ type: 9, sequenceId: 2 }, push(2), push(3), push(4), push(5)]);
  });

  test("messages the client repeats are not processed twice; only after its sequence is anything read", () => {
    const { hub, seen } = countingHub();
    const client = connect(hub, 0, { ...stateful, protocol });
    client.invoke("Note", ["a"]);
    client.invoke("Note", ["b"]);
    client.connection.transportEnded(0);
    client.reconnect();
    client.invoke("Note", ["before the sequence"]);
    client.send({ type: 9, sequenceId: 2 });
    client.invoke("Note", ["b"]);
    client.invoke("Note", ["c"]);
    expect(seen).toEqual(["a", "b", "c"]);
  });
});

describe("stateful reconnect", () => {
  test("it is off unless both sides asked for it", () => {
    const { hub } = countingHub();
    const old = new HubClient(hub, 0, stateful);
    old.handshake(1);
    expect(old.connection.topics).not.toBeNull();
    old.connection.transportEnded(0);
    expect(old.ended).toBe(1);
    expect(old.reconnect()).toBe(false);
    const unasked = new HubClient(hub, 0);
    unasked.handshake(2);
    unasked.connection.transportEnded(0);
    expect(unasked.ended).toBe(1);
    expect(connect(hub, 0, stateful).connection.topics).toBeNull();
  });

  test("UnsolicitedSequenceAndAckMessagesDoNothing", () => {
    const { hub, seen } = countingHub();
    const client = connect(hub, 0);
    client.send({ type: 9, sequenceId: 1234 });
    client.send({ type: 8, sequenceId: 1234 });
    client.invoke("Note", ["x"], "1");
    expect(seen).toEqual(["x"]);
    expect(client.messages()).toEqual([{ type: 3, invocationId: "1", result: "x" }]);
  });

  test("acknowledgements are sent within a second, and only when something came", () => {
    const client = connect(countingHub().hub, 0, stateful);
    client.pass(3_000);
    expect(client.messages()).toEqual([]);
    for (const value of [1, 2, 3]) client.invoke("Note", [value]);
    client.send(PING);
    expect(client.connection.due).toBe(4_000);
    client.pass(1_000);
    expect(client.messages()).toEqual([{ type: 8, sequenceId: 3 }]);
    client.pass(5_000);
    expect(client.messages()).toEqual([]);
  });

  test("a message that waits for an earlier call is acknowledged when processed, and taken again after a reconnect", async () => {
    const gates: (() => void)[] = [];
    const seen: unknown[] = [];
    const hub = createHub<unknown>({
      methods: {
        Wait: method({
          args: [{ parse: (value: unknown) => value }],
          async run(_, value) {
            seen.push(value);
            await new Promise<void>((resolve) => gates.push(resolve));
          },
        }),
      },
    });
    const client = connect(hub, 0, stateful);
    client.invoke("Wait", ["a"]);
    client.invoke("Wait", ["b"]);
    client.pass(1_000);
    expect(client.messages()).toEqual([{ type: 8, sequenceId: 1 }]);
    client.connection.transportEnded(client.now);
    gates.shift()?.();
    await settle();
    client.reconnect();
    client.send({ type: 9, sequenceId: 2 });
    client.invoke("Wait", ["b"]);
    expect(seen).toEqual(["a", "b"]);
  });

  test("ReceiveSequenceMessageWithLargerIDThanMessagesReceived ends the connection", () => {
    const client = connect(countingHub().hub, 0, { ...stateful, settings: { detailedErrors: true } });
    client.invoke("Note", ["a"]);
    client.send({ type: 9, sequenceId: 3 });
    expect(client.messages().at(-1)).toEqual({
      type: 7,
      error:
        "Connection closed with an error. InvalidDataException: Sequence ID greater than amount of messages we've received.",
      allowReconnect: true,
    });
  });

  test("half a message is forgotten with its transport", () => {
    const { hub, seen } = countingHub();
    const client = connect(hub, 0, stateful);
    client.feed('{"type":1,"target":"No');
    client.connection.transportEnded(0);
    client.reconnect();
    client.send({ type: 9, sequenceId: 1 });
    client.invoke("Note", ["whole"]);
    expect(seen).toEqual(["whole"]);
  });

  test("the hub learns nothing of a gap, and of the end when nobody comes back in 15 s", async () => {
    const { hub, gone } = countingHub();
    const client = connect(hub, 0, stateful);
    client.connection.transportEnded(0);
    client.pass(14_000);
    client.reconnect();
    client.connection.transportEnded(client.now);
    expect(client.connection.due).toBe(29_000);
    client.pass(14_000);
    await settle();
    expect(gone).toEqual([]);
    client.pass(1_000);
    await settle();
    expect(gone).toEqual(["The client did not reconnect in time."]);
    expect(client.reconnect()).toBe(false);
  });

  test("a second transport replaces a living one", () => {
    const client = connect(countingHub().hub, 0, stateful);
    const first = client.wire;
    client.reconnect();
    expect(first.closed).toEqual({ code: 1000, reason: "" });
    client.connection.push("T", 1);
    expect(client.messages()).toEqual([{ type: 9, sequenceId: 1 }, push(1)]);
  });

  test("GracefulCloseDisablesReconnect", () => {
    const client = connect(countingHub().hub, 0, stateful);
    client.send({ type: 7 });
    expect(client.messages()).toEqual([{ type: 7 }]);
    expect(client.reconnect()).toBe(false);
  });

  test("CanWriteNonBufferedMessagesWithoutBlocking: pings and acknowledgements pass a full window", () => {
    const client = connect(countingHub().hub, 0, { ...stateful, settings: { replayBytes: 60 } });
    client.connection.push("T", "x".repeat(60));
    client.connection.push("T", "waits");
    client.invoke("Note", ["a"]);
    client.pass(15_000);
    expect(client.messages()).toEqual([push("x".repeat(60)), { type: 8, sequenceId: 1 }, PING]);
    client.send({ type: 8, sequenceId: 1 });
    expect(client.messages()).toEqual([push("waits")]);
  });

  test("a stream waits for acknowledgements instead of filling the buffer", async () => {
    let produced = 0;
    const hub = createHub<unknown>({
      methods: {
        Endless: streamMethod({
          async *run() {
            for (;;) yield `${produced++}`.padStart(50);
          },
        }),
      },
    });
    const client = connect(hub, 0, { ...stateful, settings: { replayBytes: 500 } });
    client.send({ type: 4, invocationId: "1", target: "Endless", arguments: [] });
    await settle();
    const stopped = produced;
    expect(stopped).toBeLessThan(10);
    await settle();
    expect(produced).toBe(stopped);
    client.send({ type: 8, sequenceId: 3 });
    await settle();
    expect(produced).toBeGreaterThan(stopped);
    expect(client.wire.closed).toBeNull();
    client.connection.abort();
  });

  test("a client that never acknowledges is closed, not buffered for ever", () => {
    const client = connect(countingHub().hub, 0, { ...stateful, settings: { replayBytes: 1_000 } });
    let pushed = 0;
    for (; client.wire.closed === null && pushed < 1_000; pushed++)
      client.connection.push("T", "x".repeat(100));
    expect(pushed).toBeLessThan(20);
    expect(client.messages().at(-1)).toEqual({ type: 7, allowReconnect: true });
  });

  test("a client that is away too long while much happens is given up", async () => {
    const { hub, gone } = countingHub();
    const client = connect(hub, 0, { ...stateful, settings: { replayBytes: 1_000 } });
    client.connection.transportEnded(0);
    for (let pushed = 0; pushed < 30; pushed++) client.connection.push("T", "x".repeat(100));
    await settle();
    expect(gone).toEqual(["The client reads too slowly."]);
  });
});
