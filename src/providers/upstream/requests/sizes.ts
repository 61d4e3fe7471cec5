/** Translating sizes: from `WxH` to what a model takes, by the nearest shape and then the nearest area. */

export type Size = { readonly width: number; readonly height: number };

const DIMENSIONS = /^([1-9]\d{0,4})x([1-9]\d{0,4})$/;

/** The sides of `WxH`; null for anything else, `auto` included. */
export function parseSize(text: string | undefined): Size | null {
  const [, width, height] = DIMENSIONS.exec(text ?? "") ?? [];
  return width === undefined ? null : { width: Number(width), height: Number(height) };
}

/** Of ratios such as `16:9`, the one whose shape is nearest to the size; the earlier one where two are as near. */
export function nearestRatio(size: Size, ratios: readonly string[]): string | null {
  return nearest(ratios, (ratio) => {
    const [width = 1, height = 1] = ratio.split(":").map(Number);
    return shapeDistance(size, { width, height });
  });
}

/** Of sizes such as `1024x1536`, the one of the nearest shape, and among those of the nearest area. */
export function nearestSize(size: Size, sizes: readonly string[]): string | null {
  return nearest(sizes, (text) => {
    const other = parseSize(text);
    if (other === null) return Number.POSITIVE_INFINITY;
    const area = Math.abs(Math.log((size.width * size.height) / (other.width * other.height)));
    // The shape counts first: a difference of area is worth no more than the last decimals of one of shape.
    return shapeDistance(size, other) + area / 10_000;
  });
}

/** Of heights such as `720p`, the one nearest to the size's shorter side. */
export function nearestResolution(size: Size, resolutions: readonly string[]): string | null {
  const side = Math.min(size.width, size.height);
  return nearest(resolutions, (text) => Math.abs(Math.log(side / Number.parseInt(text, 10))));
}

/** 0 for the same shape; the same for twice as wide and twice as high. */
function shapeDistance(one: Size, other: Size): number {
  return Math.abs(Math.log((one.width * other.height) / (one.height * other.width)));
}

function nearest(texts: readonly string[], distance: (text: string) => number): string | null {
  let best: string | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const text of texts) {
    const is = distance(text);
    if (is < least) [best, least] = [text, is];
  }
  return best;
}
