/** Filled outlines: built from lines and curves, turned into antialiased coverage one pixel row at a time. */

import { cosine, integerRoot, SINE_ONE, SUBPIXEL, sine, TURN } from "./fixed-point.ts";

/** A place in 256ths of a pixel. */
export type Point = { x: number; y: number };

/** Lines of sampling in a pixel row; horizontally coverage is exact. */
const SAMPLES = 4;
const SAMPLE_STEP = SUBPIXEL / SAMPLES;
const CURVE_SEGMENTS = 10;

/** A closed shape by its edges, filled by the nonzero rule. */
export class Outline {
  /** x0, y0, x1, y1 of every edge that is not level. */
  readonly #edges: number[] = [];
  /** First and last pixel row and column touched. */
  top = Number.MAX_SAFE_INTEGER;
  bottom = Number.MIN_SAFE_INTEGER;
  left = Number.MAX_SAFE_INTEGER;
  right = Number.MIN_SAFE_INTEGER;

  /** Adds a closed polygon. */
  add(points: readonly Point[]): this {
    for (let index = 0; index < points.length; index++) {
      const from = points[index]!;
      const to = points[(index + 1) % points.length]!;
      this.top = Math.min(this.top, from.y >> 8);
      this.bottom = Math.max(this.bottom, from.y >> 8);
      this.left = Math.min(this.left, from.x >> 8);
      this.right = Math.max(this.right, from.x >> 8);
      if (from.y !== to.y) this.#edges.push(from.x, from.y, to.x, to.y);
    }
    return this;
  }

  /** Adds this shape's coverage (0-256 a pixel) of pixel row `y` to `cover`. */
  coverRow(y: number, cover: Int32Array): void {
    const crossings: number[] = [];
    for (let sample = 0; sample < SAMPLES; sample++) {
      const line = y * SUBPIXEL + sample * SAMPLE_STEP + SAMPLE_STEP / 2;
      crossings.length = 0;
      this.#cross(line, crossings);
      let winding = 0;
      for (let index = 0; index + 1 < crossings.length; index++) {
        winding += (crossings[index]! & 1) * 2 - 1;
        if (winding !== 0) addSpan(cover, crossings[index]! >> 1, crossings[index + 1]! >> 1);
      }
    }
  }

  /** Collects where edges cross the line, ordered; the lowest bit tells the direction. */
  #cross(line: number, crossings: number[]): void {
    const edges = this.#edges;
    for (let index = 0; index < edges.length; index += 4) {
      const y0 = edges[index + 1]!;
      const y1 = edges[index + 3]!;
      if (y0 <= line === y1 <= line) continue;
      const x0 = edges[index]!;
      const x = x0 + Math.floor(((edges[index + 2]! - x0) * (line - y0)) / (y1 - y0));
      const crossing = x * 2 + (y0 < y1 ? 1 : 0);
      let place = crossings.length;
      while (place > 0 && crossings[place - 1]! > crossing) {
        crossings[place] = crossings[place - 1]!;
        place--;
      }
      crossings[place] = crossing;
    }
  }
}

/** A quadratic curve from the last point of `path`, appended to it. */
export function curveTo(path: Point[], control: Point, end: Point): void {
  const start = path[path.length - 1]!;
  for (let step = 1; step <= CURVE_SEGMENTS; step++) {
    const rest = CURVE_SEGMENTS - step;
    const blend = (a: number, b: number, c: number) =>
      Math.floor(
        (a * rest * rest + 2 * b * rest * step + c * step * step) / (CURVE_SEGMENTS * CURVE_SEGMENTS),
      );
    path.push({ x: blend(start.x, control.x, end.x), y: blend(start.y, control.y, end.y) });
  }
}

/** The point `length` away from `from` in the direction `angle` (4096ths of a turn, 0 to the right, down is positive). */
export function reach(from: Point, angle: number, length: number): Point {
  return {
    x: from.x + Math.floor((cosine(angle) * length) / SINE_ONE),
    y: from.y + Math.floor((sine(angle) * length) / SINE_ONE),
  };
}

/** An ellipse turned by `angle`, as a polygon. */
export function ellipse(center: Point, radiusX: number, radiusY: number, angle = 0, corners = 40): Point[] {
  const along = { x: cosine(angle), y: sine(angle) };
  return Array.from({ length: corners }, (_, index) => {
    const at = Math.floor((index * TURN) / corners);
    const x = (cosine(at) * radiusX) / SINE_ONE;
    const y = (sine(at) * radiusY) / SINE_ONE;
    return {
      x: center.x + Math.floor((x * along.x - y * along.y) / SINE_ONE),
      y: center.y + Math.floor((x * along.y + y * along.x) / SINE_ONE),
    };
  });
}

/** A band along `spine` whose half width at point i of n is `halfWidth(i, n)`. */
export function ribbon(
  spine: readonly Point[],
  halfWidth: (index: number, count: number) => number,
): Point[] {
  const one: Point[] = [];
  const other: Point[] = [];
  for (let index = 0; index < spine.length; index++) {
    const before = spine[Math.max(0, index - 1)]!;
    const after = spine[Math.min(spine.length - 1, index + 1)]!;
    const dx = after.x - before.x;
    const dy = after.y - before.y;
    const length = Math.max(1, integerRoot(dx * dx + dy * dy));
    const half = halfWidth(index, spine.length);
    const offset = { x: Math.floor((-dy * half) / length), y: Math.floor((dx * half) / length) };
    const at = spine[index]!;
    one.push({ x: at.x + offset.x, y: at.y + offset.y });
    other.push({ x: at.x - offset.x, y: at.y - offset.y });
  }
  return [...one, ...other.reverse()];
}

/** Adds one sample line's span of `from`..`to` (256ths of a pixel) to the coverage. */
function addSpan(cover: Int32Array, from: number, to: number): void {
  const start = Math.max(0, from);
  const end = Math.min(to, cover.length * SUBPIXEL - 1);
  if (end <= start) return;
  const first = start >> 8;
  const last = end >> 8;
  if (first === last) {
    cover[first]! += (end - start) >> 2;
    return;
  }
  cover[first]! += (SUBPIXEL - (start & 255)) >> 2;
  for (let x = first + 1; x < last; x++) cover[x]! += SUBPIXEL / SAMPLES;
  cover[last]! += (end & 255) >> 2;
}
