import { describe, expect, it } from "vitest";
import { Resampler } from "../../../src/audio/resampler.ts";

const AMPLITUDE = 12_000;
/** In the middle of speech. */
const TONE_HZ = 1_000;
/** Outputs next to the beginning, whose past is missing. */
const EDGE = 60;

const RATES = [
  [24_000, 16_000],
  [16_000, 24_000],
  [24_000, 8_000],
  [8_000, 24_000],
  [44_100, 16_000],
  // With more places between two samples than are told apart, and without any that repeat.
  [47_999, 24_000],
  [16_000.5, 24_000],
] as const;

describe("a resampler", () => {
  it.each(RATES)("keeps a tone when it changes %d to %d", (from, to) => {
    const output = new Resampler(from, to).push(tone(from, from));

    let noise = 0;
    let signal = 0;
    for (let i = EDGE; i < output.length; i += 1) {
      const expected = AMPLITUDE * Math.sin((2 * Math.PI * TONE_HZ * i) / to);
      noise += ((output[i] ?? 0) - expected) ** 2;
      signal += expected ** 2;
    }
    expect(output.length).toBeGreaterThan(to * 0.99);
    expect(10 * Math.log10(signal / noise)).toBeGreaterThan(50);
  });

  it.each(RATES)("gives the same however the sound is cut into pieces, %d to %d", (from, to) => {
    const sound = tone(from, 4_000);
    const whole = new Resampler(from, to).push(sound);
    const inPieces = new Resampler(from, to);
    const pieces: number[] = [];
    for (let at = 0, length = 1; at < sound.length; at += length, length = (length * 7) % 331)
      pieces.push(...inPieces.push(sound.subarray(at, at + length)));

    // The last one may come with the next piece.
    const length = Math.min(pieces.length, whole.length);
    expect(pieces.slice(0, length)).toEqual([...whole.subarray(0, length)]);
    expect(Math.abs(pieces.length - whole.length)).toBeLessThanOrEqual(1);
  });

  it("takes out what the lower rate cannot carry", () => {
    const high = Int16Array.from({ length: 24_000 }, (_, i) =>
      Math.round(AMPLITUDE * Math.sin((2 * Math.PI * 10_000 * i) / 24_000)),
    );

    const output = new Resampler(24_000, 16_000).push(high);

    expect(Math.max(...output.subarray(EDGE).map(Math.abs))).toBeLessThan(AMPLITUDE * 0.02);
  });

  it("begins at full strength", () => {
    const output = new Resampler(24_000, 16_000).push(new Int16Array(480).fill(1_000));

    expect(output.length).toBeGreaterThan(250);
    expect(new Set(output)).toEqual(new Set([1_000]));
  });

  it("stays within 16 bits", () => {
    const square = Int16Array.from({ length: 2_000 }, (_, i) => (i % 40 < 20 ? 32_767 : -32_768));

    const output = new Resampler(16_000, 24_000).push(square);

    expect(Math.max(...output)).toBe(32_767);
    expect(Math.min(...output)).toBe(-32_768);
  });
});

function tone(rate: number, length: number): Int16Array {
  return Int16Array.from({ length: Math.round(length) }, (_, i) =>
    Math.round(AMPLITUDE * Math.sin((2 * Math.PI * TONE_HZ * i) / rate)),
  );
}
