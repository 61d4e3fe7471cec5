import { NullLogger } from "@microsoft/signalr";
import { MessagePackHubProtocol } from "@microsoft/signalr-protocol-msgpack";
import { describe, expect, test } from "vitest";
import { prefixLength } from "../../../../src/signalr/protocols/binary-format.ts";
import { DEFAULT_PROTOCOL_LIMITS, ProtocolError } from "../../../../src/signalr/protocols/hub-protocol.ts";
import { encodeMessagePack } from "../../../../src/signalr/protocols/messagepack.ts";
import { messagePackProtocol } from "../../../../src/signalr/protocols/messagepack-protocol.ts";
import { type HubMessage, PING } from "../../../../src/signalr/protocols/messages.ts";

const hex = (bytes: Uint8Array | string) =>
  [...(bytes as Uint8Array)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const bytes = (text: string) =>
  Uint8Array.from((text.replaceAll(" ", "").match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16)));

function parse(...chunks: Uint8Array[]): HubMessage[] {
  const reader = messagePackProtocol.createReader(DEFAULT_PROTOCOL_LIMITS);
  for (const chunk of chunks) reader.push(chunk);
  const messages: HubMessage[] = [];
  for (let message = reader.next(); message !== null; message = reader.next()) messages.push(message);
  return messages;
}

const parseArray = (...array: unknown[]) => parse(prefixLength(encodeMessagePack(array)));

/** The examples of the specification (`HubProtocol.md` of dotnet/aspnetcore, 2026), each behind its length. */
const SPECIFIED: [string, HubMessage, string][] = [
  [
    "Invocation",
    { type: 1, invocationId: "xyz", target: "method", arguments: [42] },
    "11 96 01 80 a3 78 79 7a a6 6d 65 74 68 6f 64 91 2a 90",
  ],
  [
    "Invocation, non-blocking",
    { type: 1, target: "method", arguments: [42] },
    "0e 96 01 80 c0 a6 6d 65 74 68 6f 64 91 2a 90",
  ],
  [
    "StreamInvocation",
    { type: 4, invocationId: "xyz", target: "method", arguments: [42] },
    "11 96 04 80 a3 78 79 7a a6 6d 65 74 68 6f 64 91 2a 90",
  ],
  ["StreamItem", { type: 2, invocationId: "xyz", item: 42 }, "08 94 02 80 a3 78 79 7a 2a"],
  [
    "Completion, error",
    { type: 3, invocationId: "xyz", error: "Error" },
    "0e 95 03 80 a3 78 79 7a 01 a5 45 72 72 6f 72",
  ],
  ["Completion, void", { type: 3, invocationId: "xyz" }, "08 94 03 80 a3 78 79 7a 02"],
  ["Completion, value", { type: 3, invocationId: "xyz", result: 42 }, "09 95 03 80 a3 78 79 7a 03 2a"],
  ["CancelInvocation", { type: 5, invocationId: "xyz" }, "07 93 05 80 a3 78 79 7a"],
  ["Ping", PING, "02 91 06"],
  ["Close", { type: 7, error: "xyz" }, "06 92 07 a3 78 79 7a"],
  ["Close, reconnect", { type: 7, error: "xyz", allowReconnect: true }, "07 93 07 a3 78 79 7a c3"],
];

/** Its examples with larger integers than needed ("any unsigned int size is fine"), and with headers: we write neither. */
const READ_ONLY: [string, HubMessage, string][] = [
  ["Ack", { type: 8, sequenceId: 36 }, "04 92 08 cc 24"],
  ["Sequence", { type: 9, sequenceId: 19 }, "04 92 09 cc 13"],
  [
    "Invocation with headers",
    { type: 1, invocationId: "xyz", target: "method", arguments: [42] },
    "19 96 01 82 a1 78 a1 79 a1 7a a1 7a a3 78 79 7a a6 6d 65 74 68 6f 64 91 2a 90",
  ],
];

/** What Microsoft's JavaScript client (10.0.11) puts on the wire, byte for byte: five elements without streams. */
const SHIPPED: [string, HubMessage, string][] = [
  [
    "invoke",
    { type: 1, invocationId: "0", target: "add", arguments: [1, 2] },
    "0c 95 01 80 a1 30 a3 616464 92 01 02",
  ],
  ["send", { type: 1, target: "nb", arguments: [] }, "08 95 01 80 c0 a2 6e62 90"],
  [
    "invoke with an upload",
    { type: 1, invocationId: "3", target: "up", arguments: [], streamIds: ["2"] },
    "0c 96 01 80 a1 33 a2 7570 90 91 a1 32",
  ],
  ["stream", { type: 4, invocationId: "4", target: "s", arguments: [3] }, "09 95 04 80 a1 34 a1 73 91 03"],
  ["cancel", { type: 5, invocationId: "1" }, "05 93 05 80 a1 31"],
  ["upload item", { type: 2, invocationId: "2", item: "x" }, "07 94 02 80 a1 32 a1 78"],
  ["upload end", { type: 3, invocationId: "2" }, "06 94 03 80 a1 32 02"],
  ["ping", PING, "02 91 06"],
  ["close", { type: 7 }, "03 92 07 c0"],
  ["ack", { type: 8, sequenceId: 5 }, "03 92 08 05"],
  ["sequence", { type: 9, sequenceId: 5 }, "03 92 09 05"],
];

describe("the messagepack protocol", () => {
  test.each(SPECIFIED)("reads and writes the specification's %s", (_, message, wire) => {
    expect(parse(bytes(wire))).toEqual([message]);
    expect(hex(messagePackProtocol.write(message))).toBe(wire.replaceAll(" ", ""));
  });

  test.each([...READ_ONLY, ...SHIPPED])("reads %s", (_, message, wire) => {
    expect(parse(bytes(wire))).toEqual([message]);
  });

  test("lengths are written as in the specification's examples", () => {
    expect(hex(prefixLength(new Uint8Array(5248)).subarray(0, 2))).toBe("8029");
    expect(hex(prefixLength(new Uint8Array(53)).subarray(0, 1))).toBe("35");
  });

  test.each<[HubMessage, string]>([
    [{ type: 3, invocationId: "1", result: 42 }, "07 95 03 80 a1 31 03 2a"],
    [{ type: 3, invocationId: "1", result: undefined }, "07 95 03 80 a1 31 03 c0"],
    [{ type: 3, invocationId: "1", error: "E" }, "08 95 03 80 a1 31 01 a1 45"],
    [{ type: 7, error: "E", allowReconnect: true }, "05 93 07 a1 45 c3"],
    [{ type: 7, error: "E" }, "04 92 07 a1 45"],
    [{ type: 7 }, "03 92 07 c0"],
    [{ type: 1, target: "nb", arguments: [] }, "09 96 01 80 c0 a2 6e62 90 90"],
    [
      { type: 1, invocationId: "3", target: "up", arguments: [], streamIds: ["2"] },
      "0c 96 01 80 a1 33 a2 7570 90 91 a1 32",
    ],
    [{ type: 8, sequenceId: 36 }, "03 92 08 24"],
    [{ type: 9, sequenceId: 19 }, "03 92 09 13"],
    [{ type: 9, sequenceId: 200 }, "04 92 09 cc c8"],
  ])("writes %j", (message, wire) => {
    expect(hex(messagePackProtocol.write(message))).toBe(wire.replaceAll(" ", ""));
  });

  test("ExtraItemsInMessageAreIgnored: longer arrays are read", () => {
    expect(parseArray(6, "extra")).toEqual([PING]);
    expect(parseArray(1, {}, null, "T", [], [], "extra")).toEqual([{ type: 1, target: "T", arguments: [] }]);
    expect(parseArray(3, {}, "1", 2, "extra")).toEqual([{ type: 3, invocationId: "1" }]);
    expect(parseArray(7, null, false, 1)).toEqual([{ type: 7 }]);
  });

  test("unknown types are skipped and what follows is read; an empty invocation id is none", () => {
    expect(parse(prefixLength(encodeMessagePack([77, 1])), bytes("02 91 06"))).toEqual([PING]);
    expect(parseArray(1, {}, "", "T", [])).toEqual([{ type: 1, target: "T", arguments: [] }]);
  });

  test("ParserDoesNotConsumePartialData: cut anywhere, messages are the same", () => {
    const whole = Uint8Array.from(SHIPPED.flatMap(([, , wire]) => [...bytes(wire)]));
    const messages = SHIPPED.map(([, message]) => message);
    for (let cut = 0; cut <= whole.length; cut++)
      expect(parse(whole.subarray(0, cut), whole.subarray(cut))).toEqual(messages);
  });

  test.each([
    ["no array", prefixLength(encodeMessagePack("x"))],
    ["an empty array", prefixLength(encodeMessagePack([]))],
    ["a type that is text", prefixLength(encodeMessagePack(["1"]))],
    ["headers that are no map", prefixLength(encodeMessagePack([1, [], null, "T", []]))],
    ["a header that is no text", prefixLength(encodeMessagePack([1, { a: 1 }, null, "T", []]))],
    ["a target that is no text", prefixLength(encodeMessagePack([1, {}, null, 7, []]))],
    ["arguments that are no array", prefixLength(encodeMessagePack([1, {}, null, "T", {}]))],
    ["too few elements", prefixLength(encodeMessagePack([1, {}, null, "T"]))],
    ["a stream invocation without id", prefixLength(encodeMessagePack([4, {}, null, "T", []]))],
    ["a stream item without item", prefixLength(encodeMessagePack([2, {}, "1"]))],
    ["a completion of unknown kind", prefixLength(encodeMessagePack([3, {}, "1", 4, 0]))],
    ["a completion without its value", prefixLength(encodeMessagePack([3, {}, "1", 3]))],
    ["a completion whose error is no text", prefixLength(encodeMessagePack([3, {}, "1", 1, 5]))],
    ["a cancellation without id", prefixLength(encodeMessagePack([5, {}, null]))],
    ["a close without its error", prefixLength(encodeMessagePack([7]))],
    ["an ack with text for a number", prefixLength(encodeMessagePack([8, "1"]))],
    ["an empty body", Uint8Array.of(0)],
    ["an array that claims more than there is", bytes("05 dd ffffffff")],
    ["bytes behind the message", bytes("03 91 06 c0")],
  ])("ParserThrowsForInvalidMessages: %s", (_, chunk) => {
    expect(() => parse(chunk)).toThrow(ProtocolError);
  });

  test("a declared length above 32 kB is refused before anything of it comes", () => {
    expect(() => parse(bytes("fe ff 01"))).toThrow("The maximum message size of 32768B was exceeded.");
    expect(() => parse(bytes("ff ff ff ff 07"))).toThrow("exceeded");
  });

  test("nested arguments are bounded like JSON's", () => {
    const nested = (levels: number) => JSON.parse("[".repeat(levels) + "]".repeat(levels)) as unknown;
    const { maxDepth } = DEFAULT_PROTOCOL_LIMITS;
    expect(parseArray(1, {}, null, "T", [nested(maxDepth)])).toHaveLength(1);
    expect(() => parseArray(1, {}, null, "T", [nested(maxDepth + 1)])).toThrow(ProtocolError);
  });

  test("Microsoft's own reader understands what we write", () => {
    const peer = new MessagePackHubProtocol();
    const values = [0, -1, 2 ** 40, 1.5, "é🎈", null, true, [1, [2]], { a: { b: [] } }, Uint8Array.of(1, 2)];
    const messages: HubMessage[] = [
      { type: 1, target: "T", arguments: values },
      { type: 2, invocationId: "1", item: { deep: values } },
      { type: 3, invocationId: "1", result: values },
      { type: 3, invocationId: "1", error: "failed" },
      PING,
      { type: 7, error: "bye", allowReconnect: true },
    ];
    const stream = Uint8Array.from(
      messages.flatMap((message) => [...(messagePackProtocol.write(message) as Uint8Array)]),
    );
    const read = peer.parseMessages(stream.slice().buffer, NullLogger.instance);
    expect(read).toMatchObject(messages.map((message) => ({ ...message })));
  });

  test("we understand what Microsoft's own writer writes", () => {
    const peer = new MessagePackHubProtocol();
    const date = new Date("2026-11-22T10:00:00.123Z");
    const written = peer.writeMessage({
      type: 1,
      invocationId: "1",
      target: "T",
      arguments: [1, "a", date, Uint8Array.of(7), { a: [null] }],
      streamIds: ["2"],
    });
    expect(parse(new Uint8Array(written))).toEqual([
      {
        type: 1,
        invocationId: "1",
        target: "T",
        arguments: [1, "a", date, Uint8Array.of(7), { a: [null] }],
        streamIds: ["2"],
      },
    ]);
  });
});
