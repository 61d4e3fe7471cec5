import { describe, expect, test } from "vitest";
import { fittingSize, type Pixels, shrink } from "../../../src/media/thumbnails/shrink.ts";

type Colour = readonly [number, number, number, number];
const RED: Colour = [255, 0, 0, 255];
const BLUE: Colour = [0, 0, 255, 255];
const NOTHING: Colour = [0, 255, 0, 0];

/** A picture by a colour for each place. */
function picture(width: number, height: number, colour: (x: number, y: number) => Colour): Pixels {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) data.set(colour(x, y), (y * width + x) * 4);
  return { data, width, height };
}

describe("the size of a copy", () => {
  test.each([
    [1024, 1024, 256, 256, 256],
    [1920, 1080, 256, 256, 144],
    [1080, 1920, 256, 144, 256],
    [100, 50, 256, 100, 50],
    [5000, 1, 64, 64, 1],
    [513, 512, 512, 512, 511],
  ])("of %i×%i is for %i pixels %i×%i", (width, height, longest, copyWidth, copyHeight) => {
    expect(fittingSize(width, height, longest)).toEqual({ width: copyWidth, height: copyHeight });
  });
});

describe("a copy", () => {
  test("has in each pixel the average of what it stands for", () => {
    const stripes = picture(4, 2, (x) => (x % 2 === 0 ? RED : BLUE));
    expect([...shrink(stripes, 2).data]).toEqual([128, 0, 128, 255, 128, 0, 128, 255]);
  });

  test("counts pixels in part that lie on an edge", () => {
    const three = picture(3, 1, (x) => (x === 0 ? RED : BLUE));
    // The first of two covers one and a half pixels: a red one and half a blue one.
    expect([...shrink(three, 2).data]).toEqual([170, 0, 85, 255, 0, 0, 255, 255]);
  });

  test("of one colour is of this colour, at any size", () => {
    const plain = picture(97, 61, () => [13, 200, 77, 255]);
    for (const longest of [1, 2, 13, 64, 96]) {
      const { data, width, height } = shrink(plain, longest);
      for (let at = 0; at < width * height * 4; at += 4)
        expect([...data.subarray(at, at + 4)]).toEqual([13, 200, 77, 255]);
    }
  });

  test("takes no colour from what cannot be seen", () => {
    const half = picture(2, 1, (x) => (x === 0 ? RED : NOTHING));
    expect([...shrink(half, 1).data]).toEqual([255, 0, 0, 128]);
    expect([
      ...shrink(
        picture(2, 2, () => NOTHING),
        1,
      ).data,
    ]).toEqual([0, 0, 0, 0]);
  });

  test("of a picture that is small enough is that picture", () => {
    const small = picture(3, 2, () => RED);
    expect(shrink(small, 64)).toBe(small);
  });
});
