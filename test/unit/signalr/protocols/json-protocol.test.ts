import { describe, expect, test } from "vitest";
import { DEFAULT_PROTOCOL_LIMITS, ProtocolError } from "../../../../src/signalr/protocols/hub-protocol.ts";
import { jsonProtocol } from "../../../../src/signalr/protocols/json-protocol.ts";
import { type HubMessage, PING } from "../../../../src/signalr/protocols/messages.ts";

const RS = "\x1e";

function parse(...records: string[]): HubMessage[] {
  const reader = jsonProtocol.createReader(DEFAULT_PROTOCOL_LIMITS);
  for (const record of records) reader.push(record + RS);
  const messages: HubMessage[] = [];
  for (let message = reader.next(); message !== null; message = reader.next()) messages.push(message);
  return messages;
}

describe("the json protocol writes", () => {
  test.each<[HubMessage, string]>([
    [
      { type: 1, target: "T", arguments: [42, "a", null] },
      '{"type":1,"target":"T","arguments":[42,"a",null]}',
    ],
    [
      { type: 1, invocationId: "7", target: "T", arguments: [], streamIds: ["s"] },
      '{"type":1,"invocationId":"7","target":"T","arguments":[],"streamIds":["s"]}',
    ],
    [{ type: 1, target: "T", arguments: [undefined] }, '{"type":1,"target":"T","arguments":[null]}'],
    [{ type: 2, invocationId: "7", item: 42 }, '{"type":2,"invocationId":"7","item":42}'],
    [{ type: 2, invocationId: "7", item: undefined }, '{"type":2,"invocationId":"7","item":null}'],
    [{ type: 3, invocationId: "7" }, '{"type":3,"invocationId":"7"}'],
    [{ type: 3, invocationId: "7", result: undefined }, '{"type":3,"invocationId":"7","result":null}'],
    [{ type: 3, invocationId: "7", result: 0 }, '{"type":3,"invocationId":"7","result":0}'],
    [{ type: 3, invocationId: "7", error: "E" }, '{"type":3,"invocationId":"7","error":"E"}'],
    [
      { type: 4, invocationId: "7", target: "T", arguments: [] },
      '{"type":4,"invocationId":"7","target":"T","arguments":[]}',
    ],
    [{ type: 5, invocationId: "7" }, '{"type":5,"invocationId":"7"}'],
    [PING, '{"type":6}'],
    [{ type: 7 }, '{"type":7}'],
    [{ type: 7, error: "E", allowReconnect: true }, '{"type":7,"error":"E","allowReconnect":true}'],
    [{ type: 8, sequenceId: 3 }, '{"type":8,"sequenceId":3}'],
    [{ type: 9, sequenceId: 3 }, '{"type":9,"sequenceId":3}'],
  ])("%j", (message, text) => {
    expect(jsonProtocol.write(message)).toBe(text + RS);
    expect(parse(text)).toEqual([JSON.parse(text)]);
  });

  test("a value without JSON form throws", () => {
    expect(() => jsonProtocol.write({ type: 1, target: "T", arguments: [1n] })).toThrow(TypeError);
  });
});

describe("the json protocol reads", () => {
  test("ParseOutOfOrderJson: properties come in any order", () => {
    expect(parse('{"arguments":[1,{"a":2}],"invocationId":"0","target":"T","type":1}')).toEqual([
      { type: 1, invocationId: "0", target: "T", arguments: [1, { a: 2 }] },
    ]);
    expect(parse('{"item":null,"invocationId":"0","type":2}')).toEqual([
      { type: 2, invocationId: "0", item: null },
    ]);
  });

  test("ExtraItemsInMessageAreIgnored: unknown properties are skipped", () => {
    expect(
      parse('{"type":6,"extra":[1]}', '{"foo":{"type":7},"type":3,"invocationId":"1","result":1}'),
    ).toEqual([PING, { type: 3, invocationId: "1", result: 1 }]);
  });

  test("an unknown type is skipped and what follows is read", () => {
    expect(parse('{"type":4711,"x":1}', '{"type":6}')).toEqual([PING]);
  });

  test("ParseMessageWithExtraData, ParserDoesNotConsumePartialData: half a message waits for the rest", () => {
    const reader = jsonProtocol.createReader(DEFAULT_PROTOCOL_LIMITS);
    reader.push(`{"type":6}${RS}{"type"`);
    expect(reader.next()).toEqual(PING);
    expect(reader.next()).toBeNull();
    expect(reader.partial).toBe(true);
    reader.push(`:7}${RS}`);
    expect(reader.next()).toEqual({ type: 7 });
  });

  test("spaces in the text, as Python writes them, mean nothing", () => {
    expect(parse('{"type": 6}', ' { "type" : 5 , "invocationId" : "1" } ')).toEqual([
      PING,
      { type: 5, invocationId: "1" },
    ]);
  });

  test("null optional properties are absent, an empty invocation id is none", () => {
    expect(
      parse('{"type":1,"target":"T","arguments":[],"invocationId":null,"streamIds":null,"headers":null}'),
    ).toEqual([{ type: 1, target: "T", arguments: [] }]);
    expect(parse('{"type":1,"target":"T","arguments":[],"invocationId":"","streamIds":[]}')).toEqual([
      { type: 1, target: "T", arguments: [] },
    ]);
    expect(parse('{"type":7,"error":null,"allowReconnect":null}')).toEqual([{ type: 7 }]);
  });

  test("an invocation without arguments has none", () => {
    expect(parse('{"type":1,"target":"T"}')).toEqual([{ type: 1, target: "T", arguments: [] }]);
  });

  test("headers are checked and dropped: one client sends its bearer token in them", () => {
    expect(
      parse('{"type":1,"target":"T","arguments":[],"headers":{"Authorization":"Bearer secret"}}'),
    ).toEqual([{ type: 1, target: "T", arguments: [] }]);
  });

  test.each([
    ["not JSON", "foo"],
    ["nothing", ""],
    ["text", '"foo"'],
    ["null", "null"],
    ["an array", "[]"],
    ["no type", "{}"],
    ["a type that is text", '{"type":"1","target":"T","arguments":[]}'],
    ["a type with a fraction", '{"type":1.5}'],
    ["no target", '{"type":1,"arguments":[]}'],
    ["a target that is no text", '{"type":1,"target":42,"arguments":[]}'],
    ["a target of null", '{"type":1,"target":null,"arguments":[]}'],
    ["arguments that are no array", '{"type":1,"target":"T","arguments":{}}'],
    ["arguments that are text", '{"type":1,"target":"T","arguments":"x"}'],
    ["stream ids that are no array", '{"type":1,"target":"T","arguments":[],"streamIds":{}}'],
    ["a stream id that is no text", '{"type":1,"target":"T","arguments":[],"streamIds":[1]}'],
    ["an invocation id that is a number", '{"type":1,"invocationId":42,"target":"T","arguments":[]}'],
    ["headers that are an array", '{"type":1,"target":"T","arguments":[],"headers":[]}'],
    ["a header that is no text", '{"type":6,"headers":{"a":1}}'],
    ["a stream item without id", '{"type":2,"item":1}'],
    ["a stream item without item", '{"type":2,"invocationId":"1"}'],
    ["a completion without id", '{"type":3,"result":1}'],
    ["a completion with result and error", '{"type":3,"invocationId":"1","result":null,"error":"E"}'],
    ["an error that is no text", '{"type":3,"invocationId":"1","error":1}'],
    ["a stream invocation without id", '{"type":4,"target":"T","arguments":[]}'],
    ["a cancellation without id", '{"type":5}'],
    ["a close error that is no text", '{"type":7,"error":{}}'],
    ["a close with a textual allowReconnect", '{"type":7,"allowReconnect":"yes"}'],
    ["an ack without number", '{"type":8}'],
    ["a sequence with a negative number", '{"type":9,"sequenceId":-1}'],
  ])("ParserThrowsForInvalidMessages: %s", (_, text) => {
    expect(() => parse(text)).toThrow(ProtocolError);
  });

  test("bounds: names, ids, numbers of arguments, streams and headers, depth", () => {
    const { maxTargetLength, maxIdLength, maxArguments, maxHeaders, maxDepth } = DEFAULT_PROTOCOL_LIMITS;
    const invocation = (fields: object) =>
      parse(JSON.stringify({ type: 1, target: "T", arguments: [], ...fields }));
    const nested = (levels: number) => JSON.parse("[".repeat(levels) + "]".repeat(levels)) as unknown;
    const headers = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`h${i}`, ""]));
    for (const [good, bad] of [
      [{ target: "T".repeat(maxTargetLength) }, { target: "T".repeat(maxTargetLength + 1) }],
      [{ invocationId: "1".repeat(maxIdLength) }, { invocationId: "1".repeat(maxIdLength + 1) }],
      [{ arguments: Array(maxArguments).fill(0) }, { arguments: Array(maxArguments + 1).fill(0) }],
      [{ streamIds: Array(maxArguments).fill("s") }, { streamIds: Array(maxArguments + 1).fill("s") }],
      [{ headers: headers(maxHeaders) }, { headers: headers(maxHeaders + 1) }],
      [{ arguments: [nested(maxDepth)] }, { arguments: [nested(maxDepth + 1)] }],
    ]) {
      expect(() => invocation(good!)).not.toThrow();
      expect(() => invocation(bad!)).toThrow(ProtocolError);
    }
  });

  test("text nested as deep as a message may be long is refused without exhausting the stack", () => {
    const open = '{"type":1,"target":"T","arguments":';
    expect(() => parse(`${open}${"[".repeat(32_000)}`)).toThrow(ProtocolError);
    expect(() => parse(`${open}${"[".repeat(16_000)}${"]".repeat(16_000)}}`)).toThrow(ProtocolError);
  });

  test("prototype keys are harmless", () => {
    const [message] = parse(
      '{"__proto__":{"invocationId":"9"},"type":1,"target":"T","arguments":[{"__proto__":{"admin":true},"constructor":1,"a":[{"__proto__":1}]}]}',
    );
    expect(message).toEqual({ type: 1, target: "T", arguments: [{ constructor: 1, a: [{}] }] });
    const [argument] = (message as unknown as { arguments: object[] }).arguments;
    expect(Object.hasOwn(argument!, "__proto__")).toBe(false);
    expect((Object.assign({}, argument) as { admin?: boolean }).admin).toBeUndefined();
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });

  test("a message above 32 kB is refused; one of exactly that size is not", () => {
    const frame = (bytes: number) => {
      const empty = '{"type":1,"target":"T","arguments":[""]}'.length + 1;
      return `{"type":1,"target":"T","arguments":["${"x".repeat(bytes - empty)}"]}`;
    };
    expect(parse(frame(32_768))).toHaveLength(1);
    expect(() => parse(frame(32_769))).toThrow("The maximum message size of 32768B was exceeded.");
  });
});
