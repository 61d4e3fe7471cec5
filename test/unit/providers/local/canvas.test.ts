import { describe, expect, test } from "vitest";
import { readPrompt, SCENE_NAMES } from "../../../../src/providers/local/canvas/lexicon.ts";
import { composePicture, pictureSeed } from "../../../../src/providers/local/canvas.ts";
import { paintPng } from "../../../contract/canvas-bytes.ts";
import { readPng } from "../../../fixture/png-reader.ts";

function pixels(prompt: string, seed = "1", width = 96, height = 96): Uint8Array {
  return readPng(paintPng(prompt, seed, width, height)).pixels;
}

/** The share of channels that differ, 0-1. */
function difference(one: Uint8Array, other: Uint8Array): number {
  return one.reduce((sum, value, index) => sum + (value === other[index] ? 0 : 1), 0) / one.length;
}

function mean(values: Uint8Array, channel: number): number {
  let sum = 0;
  for (let index = channel; index < values.length; index += 3) sum += values[index] ?? 0;
  return (sum * 3) / values.length;
}

describe("a picture", () => {
  test("is the same for the same prompt, seed and size, and another for any other", () => {
    const first = pixels("a fox in the forest");
    expect(difference(first, pixels("a fox in the forest"))).toBe(0);
    expect(difference(first, pixels("a fox in the forest", "2"))).toBeGreaterThan(0.5);
    expect(difference(first, pixels("an owl in the forest"))).toBeGreaterThan(0.5);
  });

  test("differs between the pictures of one job", () => {
    expect(new Set(Array.from({ length: 10 }, (_, index) => pictureSeed("5", index))).size).toBe(10);
  });

  test("counts every digit of a seed", () => {
    expect(pictureSeed("9007199254740991", 0)).not.toBe(pictureSeed("9007199254740990", 0));
    expect(pictureSeed("-1", 0)).not.toBe(pictureSeed("1", 0));
  });

  test("can be painted in any order of rows", () => {
    const options = { prompt: "a whale in the sea by a river city", seed: 3, width: 80, height: 60 };
    const rows = (order: number[]) => {
      const picture = composePicture(options);
      const painted: Uint8Array[] = [];
      for (const y of order) {
        painted[y] = new Uint8Array(80 * 3);
        picture.paintRow(y, painted[y] as Uint8Array);
      }
      return Buffer.concat(painted);
    };
    const down = Array.from({ length: 60 }, (_, y) => y);
    expect(Buffer.compare(rows(down), rows([...down].reverse()))).toBe(0);
  });

  test.each(
    SCENE_NAMES.flatMap((scene) =>
      (
        [
          [64, 64],
          [64, 700],
          [700, 64],
          [333, 71],
        ] as const
      ).map(([width, height]) => [scene, width, height] as const),
    ),
  )("of %s has something on it at %i by %i", (scene, width, height) => {
    const painted = pixels(scene, "4", width, height);
    const rows = new Set(Array.from({ length: height }, (_, y) => painted[y * width * 3]));
    expect(Math.max(rows.size, new Set(painted.subarray(0, width * 3)).size)).toBeGreaterThan(4);
  });

  test.each([
    "",
    " ",
    "\0",
    "💥".repeat(9000),
    "x".repeat(32_000),
    "constructor __proto__ toString",
    "京都の夜",
  ])("is painted whatever the prompt holds: %#", (prompt) => {
    expect(pixels(prompt, "1", 64, 64)).toHaveLength(64 * 64 * 3);
  });

  test("is darker by night and takes the colour the prompt names", () => {
    const light = (values: Uint8Array) => mean(values, 0) + mean(values, 1) + mean(values, 2);
    expect(light(pixels("hills at night"))).toBeLessThan(light(pixels("hills at noon")) * 0.6);
    const red = pixels("red hills at noon");
    const blue = pixels("blue hills at noon");
    expect(mean(red, 0) - mean(red, 2)).toBeGreaterThan(mean(blue, 0) - mean(blue, 2) + 30);
  });
});

describe("reading a prompt", () => {
  test("finds scene, time of day, colour and figures, plurals too", () => {
    expect(readPrompt("Two FOXES and a kitty, on purple mountains at sunset!")).toMatchObject({
      scene: "forest",
      palette: "sunset",
      tint: 0x8a3fc0,
      figures: ["fox", "cat"],
    });
    expect(readPrompt("butterflies over the cities under starry skies")).toMatchObject({ stars: true });
  });

  test("finds nothing where nothing is known, but still tells prompts apart", () => {
    const one = readPrompt("entropy");
    expect(one).toMatchObject({ scene: null, palette: null, tint: null, figures: [] });
    expect(readPrompt("enthalpy").hash).not.toBe(one.hash);
  });

  test("puts at most three figures in a picture", () => {
    expect(readPrompt("fox cat dog owl bear").figures).toHaveLength(3);
  });
});
