import { describe, expect, test } from "vitest";
import {
  HandshakeReader,
  parseHandshakeRequest,
  parseHandshakeResponse,
  writeHandshakeRequest,
  writeHandshakeResponse,
} from "../../../../src/signalr/protocols/handshake.ts";
import { ProtocolError } from "../../../../src/signalr/protocols/hub-protocol.ts";

const RS = "\x1e";
const utf8 = new TextEncoder();

describe("the handshake", () => {
  test("a request is read whatever else is in it", () => {
    expect(parseHandshakeRequest('{"protocol": "json", "version": 0, "x": {}}')).toEqual({
      protocol: "json",
      version: 0,
    });
    expect(writeHandshakeRequest({ protocol: "json", version: 1 })).toBe(
      `{"protocol":"json","version":1}${RS}`,
    );
  });

  test.each([
    "",
    "x",
    "null",
    "[]",
    "{}",
    '{"protocol":"json"}',
    '{"version":1}',
    '{"protocol":1,"version":1}',
    '{"protocol":"json","version":"1"}',
    '{"protocol":"json","version":1.5}',
    '{"type":6}',
  ])("%s is no request", (text) => {
    expect(() => parseHandshakeRequest(text)).toThrow(ProtocolError);
  });

  test("answers: nothing, an error, and never a message", () => {
    expect(writeHandshakeResponse()).toBe("{}");
    expect(parseHandshakeResponse("{}")).toBeNull();
    expect(parseHandshakeResponse('{"error":""}')).toBeNull();
    expect(parseHandshakeResponse(writeHandshakeResponse('no "json"'))).toBe('no "json"');
    expect(() => parseHandshakeResponse('{"type":6}')).toThrow(ProtocolError);
  });

  test("what follows the separator is given back, in the kind it came", () => {
    expect(new HandshakeReader().push(`{}${RS}rest`)).toEqual({ record: "{}", rest: "rest" });
    expect(new HandshakeReader().push(utf8.encode(`{}${RS}rest`))).toEqual({
      record: "{}",
      rest: utf8.encode("rest"),
    });
  });

  test("a record cut anywhere, even inside a character and into both kinds, is the same", () => {
    const bytes = utf8.encode(`{"é":1}${RS}`);
    for (let cut = 0; cut < bytes.length; cut++) {
      const reader = new HandshakeReader();
      expect(reader.push(bytes.subarray(0, cut))).toBeNull();
      expect(reader.push(bytes.subarray(cut))?.record).toBe('{"é":1}');
    }
    const mixed = new HandshakeReader();
    expect(mixed.push('{"é"')).toBeNull();
    expect(mixed.push(utf8.encode(`:1}${RS}`))?.record).toBe('{"é":1}');
  });

  test("a record that does not end within the limit is given up", () => {
    const reader = new HandshakeReader(10);
    expect(reader.push("123456789")).toBeNull();
    expect(reader.overflowed).toBe(false);
    expect(() => reader.push("0")).toThrow("The maximum message size of 10B was exceeded.");
    expect(reader.overflowed).toBe(true);
  });
});
