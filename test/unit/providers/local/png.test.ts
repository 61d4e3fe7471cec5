import { inflateSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { Deflater } from "../../../../src/providers/local/png/deflate.ts";
import { huffmanCode } from "../../../../src/providers/local/png/huffman.ts";
import { PngEncoder } from "../../../../src/providers/local/png.ts";
import { readPng } from "../../../fixture/png-reader.ts";

/** Numbers that look random and are the same every time. */
function* dice(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state >>> 8;
  }
}

function bytes(length: number, value: (index: number, die: number) => number): Uint8Array {
  const die = dice(length);
  return Uint8Array.from({ length }, (_, index) => value(index, die.next().value));
}

describe("the compressor", () => {
  const inputs: [string, Uint8Array][] = [
    ["nothing", new Uint8Array(0)],
    ["one byte", Uint8Array.of(7)],
    ["a run of one byte", new Uint8Array(100_000)],
    ["noise", bytes(50_000, (_, die) => die)],
    ["a repeated phrase", bytes(100_000, (index) => "to be or not to be, ".charCodeAt(index % 20))],
    [
      "a period as long as the window",
      bytes(120_000, (index) => (index % 32_768) * 31 + ((index % 32_768) >> 7)),
    ],
    [
      "a period just beyond the window",
      bytes(120_000, (index) => (index % 32_769) * 31 + ((index % 32_769) >> 7)),
    ],
    ["very uneven counts", bytes(100_000, (_, die) => Math.clz32((die << 8) | 1))],
    ["exactly one block", bytes(16_384, (index) => index >> 5)],
    ["one byte more than a window and a block", bytes(49_153, (index) => index >> 3)],
  ];

  test.each(inputs)("gives %s back unchanged", (_, input) => {
    const deflater = new Deflater();
    deflater.write(input);
    deflater.finish();
    expect(Buffer.compare(inflateSync(deflater.take()), input)).toBe(0);
  });

  test.each([1, 3, 1000, 16_384, 99_999])("makes the same of a stream in pieces of %i bytes", (piece) => {
    const input = bytes(70_000, (index, die) => (index % 700 < 350 ? index : die));
    const whole = new Deflater();
    whole.write(input);
    whole.finish();
    const pieces = new Deflater();
    const taken: Uint8Array[] = [];
    for (let at = 0; at < input.length; at += piece) {
      pieces.write(input.subarray(at, at + piece));
      taken.push(pieces.take());
    }
    pieces.finish();
    taken.push(pieces.take());
    expect(Buffer.compare(Buffer.concat(taken), whole.take())).toBe(0);
  });

  test("shrinks what repeats to almost nothing", () => {
    const deflater = new Deflater();
    deflater.write(new Uint8Array(1_000_000));
    deflater.finish();
    expect(deflater.take().length).toBeLessThan(8_000);
  });
});

describe("Huffman codes", () => {
  test("stay within the limit when the counts would make longer words, and leave no gap", () => {
    // Fibonacci counts give the deepest tree there is.
    const counts = new Uint32Array(30);
    counts.fill(1, 0, 2);
    for (let index = 2; index < 30; index++)
      counts[index] = (counts[index - 1] ?? 0) + (counts[index - 2] ?? 0);
    for (const limit of [7, 9, 15]) {
      const { lengths } = huffmanCode(counts, limit);
      expect(Math.max(...lengths)).toBeLessThanOrEqual(limit);
      expect(lengths.reduce((sum, length) => sum + 2 ** -length, 0)).toBe(1);
    }
  });

  test("give an alphabet of one symbol two words, as decoders want", () => {
    const { lengths } = huffmanCode(Uint32Array.of(0, 5, 0), 15);
    expect(lengths.filter((length) => length === 1)).toHaveLength(2);
  });
});

describe("the encoder", () => {
  test.each([
    [1, 1],
    [3, 200],
    [200, 3],
    [257, 129],
  ])("writes a %i by %i picture that another reader reads back", (width, height) => {
    const pixels = bytes(width * height * 3, (index, die) => (index >> 4) + (die & 7));
    const encoder = new PngEncoder(width, height, { Software: "a test" });
    for (let y = 0; y < height; y++) encoder.addRow(pixels.subarray(y * width * 3, (y + 1) * width * 3));
    const read = readPng(encoder.finish());
    expect(read).toMatchObject({ width, height, text: ["Software\0a test"] });
    expect(Buffer.compare(read.pixels, pixels)).toBe(0);
    expect(read.chunks[0]).toBe("IHDR");
    expect(read.chunks.at(-1)).toBe("IEND");
  });
});
