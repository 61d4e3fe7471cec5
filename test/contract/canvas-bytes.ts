/** What the painter promises on every host: the very same bytes. The digests were taken under Bun and checked under Node. */

import { describe, expect, test } from "vitest";
import { composePicture, pictureSeed } from "../../src/providers/local/canvas.ts";
import { PngEncoder } from "../../src/providers/local/png.ts";

/** One prompt for every scene, and one in letters the painter has no words for. Changing how a scene looks changes its line. */
const DIGESTS = [
  ["rolling hills with a castle", "2d28ceac263cc7b7"],
  ["mountain lake at dawn", "a1b543e823c2b41a"],
  ["whale in the sea at sunset", "69946abae74b555e"],
  ["a fox in the forest", "4c56217ca34b38c4"],
  ["neon city at night", "1fef92b5ac83aaa5"],
  ["desert dunes", "81d1bf5421ac2191"],
  ["galaxy with an astronaut", "dbb3c5c34919cc56"],
  ["a bouquet of flowers", "8502d67c52f69e44"],
  ["geometric poster in blue", "319a0a5d3fe49f06"],
  ["calm waves", "7d684b5dc74844d0"],
  ["aurora over snowy mountains", "6bbc8a374ca03723"],
  ["Grüße aus 京都", "f3eda0b95b5ad9f8"],
] as const;

const WIDTH = 160;
const HEIGHT = 120;

export function canvasBytesContract(): void {
  describe("a picture has the same bytes on every host", () => {
    test.each(DIGESTS)("%s", async (prompt, digest) => {
      const hash = await crypto.subtle.digest("SHA-256", paintPng(prompt, "7", WIDTH, HEIGHT));
      const hex = [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
      expect(hex.slice(0, digest.length)).toBe(digest);
    });
  });
}

/** Paints and encodes a whole picture at once. */
export function paintPng(
  prompt: string,
  seed: string,
  width: number,
  height: number,
): Uint8Array<ArrayBuffer> {
  const picture = composePicture({ prompt, seed: pictureSeed(seed, 0), width, height });
  const encoder = new PngEncoder(width, height);
  const row = new Uint8Array(width * 3);
  for (let y = 0; y < height; y++) {
    picture.paintRow(y, row);
    encoder.addRow(row);
  }
  return encoder.finish();
}
