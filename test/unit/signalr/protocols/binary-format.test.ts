import { describe, expect, test } from "vitest";
import { BinaryReader, prefixLength } from "../../../../src/signalr/protocols/binary-format.ts";

const body = (length: number) => Uint8Array.from({ length }, (_, index) => index & 0xff);

function readAll(reader: BinaryReader): Uint8Array[] {
  const bodies: Uint8Array[] = [];
  for (let next = reader.next(); next !== null; next = reader.next()) bodies.push(next);
  return bodies;
}

describe("length-prefixed bodies", () => {
  test("the length is an unsigned LEB128 number", () => {
    const head = (length: number) => [...prefixLength(body(length)).subarray(0, 3)];
    expect([...prefixLength(body(0))]).toEqual([0]);
    expect(head(1).slice(0, 1)).toEqual([1]);
    expect(head(127).slice(0, 1)).toEqual([0x7f]);
    expect(head(128).slice(0, 2)).toEqual([0x80, 0x01]);
    expect(head(16_384)).toEqual([0x80, 0x80, 0x01]);
  });

  test("bodies of every size come back, glued and cut into single bytes", () => {
    const sizes = [0, 1, 127, 128, 300, 20_000];
    const stream = new Uint8Array(sizes.flatMap((size) => [...prefixLength(body(size))]));
    const glued = new BinaryReader(32_768);
    glued.push(stream);
    expect(readAll(glued)).toEqual(sizes.map(body));
    const dribbled = new BinaryReader(32_768);
    const bodies: Uint8Array[] = [];
    for (const byte of stream) {
      dribbled.push(Uint8Array.of(byte));
      bodies.push(...readAll(dribbled));
    }
    expect(bodies).toEqual(sizes.map(body));
    expect(dribbled.partial).toBe(false);
  });

  test("a length above the limit is refused before its body comes", () => {
    const reader = new BinaryReader(100);
    reader.push(Uint8Array.of(99));
    expect(reader.next()).toBeNull();
    const over = new BinaryReader(100);
    over.push(Uint8Array.of(100));
    expect(() => over.next()).toThrow("The maximum message size of 100B was exceeded.");
  });

  test("lengths above 2 GB are malformed", () => {
    for (const fifth of [0x08, 0x80, 0xff]) {
      const reader = new BinaryReader(0x7fffffff);
      reader.push(Uint8Array.of(0xff, 0xff, 0xff, 0xff, fifth));
      expect(() => reader.next()).toThrow("Messages over 2GB in size are not supported.");
    }
  });

  test("the largest length is read, not taken for a negative one", () => {
    const reader = new BinaryReader(1000);
    reader.push(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x07));
    expect(() => reader.next()).toThrow("The maximum message size of 1000B was exceeded.");
  });
});
