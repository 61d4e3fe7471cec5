import { describe, expect, test } from "vitest";
import { decodeMessagePack, encodeMessagePack } from "../../../../src/signalr/protocols/messagepack.ts";

const hex = (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const bytes = (text: string) =>
  Uint8Array.from((text.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16)));
const decode = (text: string) => decodeMessagePack(bytes(text), 16);

describe("MessagePack values", () => {
  test.each([
    [null, "c0"],
    [undefined, "c0"],
    [true, "c3"],
    [false, "c2"],
    [0, "00"],
    [127, "7f"],
    [128, "cc80"],
    [255, "ccff"],
    [256, "cd0100"],
    [65_536, "ce00010000"],
    [4_294_967_296, "cf0000000100000000"],
    [Number.MAX_SAFE_INTEGER, "cf001fffffffffffff"],
    [-1, "ff"],
    [-32, "e0"],
    [-33, "d0df"],
    [-129, "d1ff7f"],
    [-32_769, "d2ffff7fff"],
    [-2_147_483_649, "d3ffffffff7fffffff"],
    [1.5, "cb3ff8000000000000"],
    ["", "a0"],
    ["foo", "a3666f6f"],
    ["é", "a2c3a9"],
    [[1, "a", null], "9301a161c0"],
    [{ a: 1, skipped: undefined }, "81a16101"],
    [Uint8Array.of(1, 2), "c4020102"],
    [new Date(1000), "d6ff00000001"],
    [new Date(1500), "d7ff7735940000000001"],
    [new Date(-1), "c70cff3b8b87c0ffffffffffffffff"],
    [2n ** 64n - 1n, "cfffffffffffffffff"],
    [-(2n ** 63n), "d38000000000000000"],
  ])("%s is written as %s", (value, expected) => {
    expect(hex(encodeMessagePack(value))).toBe(expected);
  });

  test("values of every size come back", () => {
    const values = [
      "x".repeat(31),
      "x".repeat(32),
      "é".repeat(200),
      "x".repeat(70_000),
      Array.from({ length: 16 }, (_, index) => index),
      Array.from({ length: 70_000 }, () => 7),
      Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`k${index}`, { index }])),
      new Uint8Array(300),
      new Uint8Array(70_000),
      -5_000_000_000,
      Math.PI,
      new Date("2026-11-22T01:02:03.456Z"),
      new Date("1912-06-23T00:00:00Z"),
      new Date("2600-01-01T00:00:00Z"),
    ];
    for (const value of values) expect(decodeMessagePack(encodeMessagePack(value), 16)).toEqual(value);
  });

  test("forms we never write are read: floats, short integers, 32-bit heads, extensions", () => {
    expect(decode("ca3fc00000")).toBe(1.5);
    expect(decode("cf0000000000000001")).toBe(1);
    expect(decode("d3ffffffffffffffff")).toBe(-1);
    expect(decode("db0000000161")).toBe("a");
    expect(decode("dd0000000101")).toEqual([1]);
    expect(decode("df00000001a16101")).toEqual({ a: 1 });
    expect(decode("8105c3")).toEqual({ 5: true });
    expect(decode("d42a07")).toEqual(Uint8Array.of(7));
    expect(decode("c70c05000102030405060708090a0b")).toEqual(bytes("000102030405060708090a0b"));
  });

  test("text that is not UTF-8 reads with replacement characters", () => {
    expect(decode("a3eda080")).toBe("\ufffd\ufffd\ufffd");
  });

  test("what a value is made of is a copy: the frame's buffer may be reused", () => {
    const frame = bytes("c4020102");
    const value = decodeMessagePack(frame, 4) as Uint8Array;
    frame.fill(9);
    expect([...value]).toEqual([1, 2]);
  });

  test.each([
    ["a truncated text", "a561"],
    ["an array of four thousand million in five bytes", "ddffffffff"],
    ["a map that claims more than is there", "dfffffffff"],
    ["binary that claims more than is there", "c6ffffffff"],
    ["an extension that claims more than is there", "c9ffffffff01"],
    ["a reserved code", "c1"],
    ["an array as a key", "819001"],
    ["bytes after the end", "c0c0"],
    ["a timestamp of five bytes", "c705ff0000000000"],
    ["nothing", ""],
  ])("%s is a protocol error", (_, text) => {
    expect(() => decode(text)).toThrow(expect.objectContaining({ name: "InvalidDataException" }));
  });

  test("a claim is refused before anything of it is read", () => {
    expect(() => decode("dc000301")).toThrow("claims more members than it has bytes");
    expect(() => decode("820102")).toThrow("claims more members than it has bytes");
  });

  test("nesting beyond the limit is a protocol error, in arrays and maps", () => {
    expect(decodeMessagePack(bytes(`${"91".repeat(4)}01`), 4)).toEqual([[[[1]]]]);
    expect(() => decodeMessagePack(bytes(`${"91".repeat(5)}01`), 4)).toThrow("nested too deeply");
    expect(() => decodeMessagePack(bytes("91".repeat(32_000)), 64)).toThrow("nested too deeply");
    expect(() => decodeMessagePack(bytes(`${"81a161".repeat(5)}01`), 4)).toThrow("nested too deeply");
  });

  test("a __proto__ key changes no prototype", () => {
    const value = decode("82a95f5f70726f746f5f5f81a161c3a16201") as Record<string, unknown>;
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(value).toEqual({ b: 1 });
    expect(value.a).toBeUndefined();
  });

  test("what has no wire form throws, and the next value is written whole", () => {
    const loop: unknown[] = [];
    loop.push(loop);
    for (const value of [loop, () => 1, Symbol("s"), 2n ** 64n, new Date(Number.NaN)])
      expect(() => encodeMessagePack(value)).toThrow(TypeError);
    expect(hex(encodeMessagePack([1]))).toBe("9101");
  });

  test("toJSON is obeyed, also when it encodes in its turn", () => {
    const inner = { toJSON: () => hex(encodeMessagePack([1, 2])) };
    expect(decodeMessagePack(encodeMessagePack(["a", inner, "b"]), 4)).toEqual(["a", "920102", "b"]);
  });
});
