/** Puts sprites onto a frame: shifted by parts of a pixel, or turned and stretched. */

import { SINE_ONE, sine, TURN } from "../canvas/fixed-point.ts";
import type { Sprite } from "./sprite.ts";

/** A frame: one word a pixel, red in the lowest byte, opaque. */
export type Canvas = { readonly width: number; readonly height: number; readonly pixels: Int32Array };

const OPAQUE = 0xff000000 | 0;
const CLEAR = 0xffffff;
const RED_BLUE = 0xff00ff;

/**
 * Puts `count` pixels from word `from` on over the frame's pixels from `to` on, each mixed with the one `second`
 * words further, of which it takes `share` (0-256).
 */
export function blendSpan(
  words: Int32Array,
  from: number,
  second: number,
  share: number,
  pixels: Int32Array,
  to: number,
  count: number,
): void {
  const rest = 256 - share;
  for (let index = 0, at = from; index < count; index++, at += 2) {
    const add0 = words[at]!;
    const keep0 = words[at + 1]!;
    const add1 = words[at + second]!;
    const keep1 = words[at + second + 1]!;
    if ((add0 | add1) === 0 && (keep0 & keep1) === CLEAR) continue;
    let redBlue = ((Math.imul(add0 & RED_BLUE, rest) + Math.imul(add1 & RED_BLUE, share)) >>> 8) & RED_BLUE;
    let green = (((add0 >> 8) & 255) * rest + ((add1 >> 8) & 255) * share) >> 8;
    if ((keep0 | keep1) !== 0) {
      const pixel = pixels[to + index]!;
      const red = ((keep0 & 255) * rest + (keep1 & 255) * share) >> 8;
      const middle = (((keep0 >> 8) & 255) * rest + ((keep1 >> 8) & 255) * share) >> 8;
      const blue = ((keep0 >> 16) * rest + (keep1 >> 16) * share) >> 8;
      redBlue +=
        (((pixel & 255) * (red + (red >> 7))) >> 8) |
        (((((pixel >> 16) & 255) * (blue + (blue >> 7))) >> 8) << 16);
      green += (((pixel >> 8) & 255) * (middle + (middle >> 7))) >> 8;
    }
    pixels[to + index] = OPAQUE | redBlue | (green << 8);
  }
}

/** The same for pixels that are not mixed. */
function blendStill(words: Int32Array, from: number, pixels: Int32Array, to: number, count: number): void {
  for (let index = 0, at = from; index < count; index++, at += 2) {
    const add = words[at]!;
    const keep = words[at + 1]!;
    if (keep === 0) {
      pixels[to + index] = OPAQUE | add;
      continue;
    }
    if (add === 0 && keep === CLEAR) continue;
    pixels[to + index] = over(pixels[to + index]!, add, keep);
  }
}

/** Puts one row of a sprite down with its left edge at `left`, 256ths of a pixel; what is outside stays clear. */
export function drawRow(canvas: Canvas, sprite: Sprite, row: number, left: number, y: number): void {
  const { width, pixels } = canvas;
  // Pixel x of the frame mixes columns `whole` and `whole + 1` of the sprite, counted from its left edge.
  const share = -left & 255;
  const offset = (-left - share) / 256;
  const reach = share === 0 ? 0 : 1;
  const first = Math.max(0, -offset, sprite.begins[row]! - reach - offset);
  const last = Math.min(width - 1, sprite.width - 1 - reach - offset, sprite.ends[row]! - 1 - offset);
  if (last < first) return;
  const from = (row * sprite.width + first + offset) * 2;
  const to = y * width + first;
  if (share === 0) blendStill(sprite.words, from, pixels, to, last - first + 1);
  else blendSpan(sprite.words, from, 2, share, pixels, to, last - first + 1);
}

/** How a sprite stands: the point (`pivotX`, `pivotY`) of the composed frame comes to (`x`, `y`) of this one, pixels. */
export type Pose = {
  pivotX: number;
  pivotY: number;
  x: number;
  y: number;
  /** 4096ths of a turn, clockwise. */
  angle: number;
  scaleX: number;
  scaleY: number;
};

/** Puts a sprite down turned and stretched, smoothly at any position. */
export function drawPosed(canvas: Canvas, sprite: Sprite, pose: Pose): void {
  const { width, height, pixels } = canvas;
  const sin = sine(pose.angle) / SINE_ONE;
  const cos = sine(pose.angle + TURN / 4) / SINE_ONE;
  const left = sprite.left - pose.pivotX;
  const top = sprite.top - pose.pivotY;
  const corner = (x: number, y: number) => ({
    x: pose.x + x * pose.scaleX * cos - y * pose.scaleY * sin,
    y: pose.y + x * pose.scaleX * sin + y * pose.scaleY * cos,
  });
  const corners = [
    corner(left, top),
    corner(left + sprite.width, top),
    corner(left, top + sprite.height),
    corner(left + sprite.width, top + sprite.height),
  ];
  const xs = corners.map(({ x }) => x);
  const ys = corners.map(({ y }) => y);
  const firstX = Math.max(0, Math.floor(Math.min(...xs)) - 1);
  const lastX = Math.min(width - 1, Math.ceil(Math.max(...xs)) + 1);
  const lastY = Math.min(height - 1, Math.ceil(Math.max(...ys)) + 1);
  // One step to the right on the frame, in 256ths of a pixel of the sprite.
  const stepX = Math.round((cos / pose.scaleX) * 65536);
  const stepY = Math.round((-sin / pose.scaleY) * 65536);
  for (let y = Math.max(0, Math.floor(Math.min(...ys)) - 1); y <= lastY; y++) {
    const dx = firstX - pose.x;
    const dy = y - pose.y;
    let u = Math.round(((dx * cos + dy * sin) / pose.scaleX - left) * 65536);
    let v = Math.round(((dy * cos - dx * sin) / pose.scaleY - top) * 65536);
    for (let x = firstX; x <= lastX; x++, u += stepX, v += stepY)
      blendSample(sprite, u >> 8, v >> 8, pixels, y * width + x);
  }
}

/** Mixes the four pixels around (`u`, `v`), 256ths of a pixel, and puts them over pixel `to` of the frame. */
function blendSample(sprite: Sprite, u: number, v: number, pixels: Int32Array, to: number): void {
  const column = u >> 8;
  const row = v >> 8;
  if (column < -1 || row < -1 || column >= sprite.width || row >= sprite.height) return;
  const { words, width, height } = sprite;
  const west = column >= 0;
  const east = column + 1 < width;
  const at = (row * width + column) * 2;
  const below = at + width * 2;
  const north = row >= 0;
  const south = row + 1 < height;
  const addA = north && west ? words[at]! : 0;
  const addB = north && east ? words[at + 2]! : 0;
  const addC = south && west ? words[below]! : 0;
  const addD = south && east ? words[below + 2]! : 0;
  const keepA = north && west ? words[at + 1]! : CLEAR;
  const keepB = north && east ? words[at + 3]! : CLEAR;
  const keepC = south && west ? words[below + 1]! : CLEAR;
  const keepD = south && east ? words[below + 3]! : CLEAR;
  if ((addA | addB | addC | addD) === 0 && (keepA & keepB & keepC & keepD) === CLEAR) return;
  const x = u & 255;
  const y = v & 255;
  const add = mixWords(mixWords(addA, addB, x), mixWords(addC, addD, x), y);
  const keep = mixWords(mixWords(keepA, keepB, x), mixWords(keepC, keepD, x), y);
  pixels[to] = over(pixels[to]!, add, keep);
}

/** The way from one word to another, by channel; `share` is 0-256. */
export function mixWords(one: number, other: number, share: number): number {
  const rest = 256 - share;
  const redBlue = ((Math.imul(one & RED_BLUE, rest) + Math.imul(other & RED_BLUE, share)) >>> 8) & RED_BLUE;
  const green = (((one >> 8) & 255) * rest + ((other >> 8) & 255) * share) & 0xff00;
  return redBlue | green;
}

/** A pixel with something over it. */
function over(pixel: number, add: number, keep: number): number {
  const red = keep & 255;
  const green = (keep >> 8) & 255;
  const blue = (keep >> 16) & 255;
  const r = ((pixel & 255) * (red + (red >> 7))) >> 8;
  const g = (((pixel >> 8) & 255) * (green + (green >> 7))) >> 8;
  const b = (((pixel >> 16) & 255) * (blue + (blue >> 7))) >> 8;
  // What is added and what is kept make at most a full channel together.
  return (OPAQUE | add) + (r | (g << 8) | (b << 16));
}

/** Adds light to a pixel, which never burns out; `strength` is 0-256. */
export function shinePixel(pixel: number, light: number, strength: number): number {
  const part = (shift: number) => {
    const here = (pixel >> shift) & 255;
    return (here + (((255 - here) * (((light >> shift) & 255) * strength)) >> 16)) << shift;
  };
  return OPAQUE | part(0) | part(8) | part(16);
}
