/** Water in motion: two sets of waves that cross each other, and what they mirror of the frame above. */

import { blue, green, mix, red } from "../canvas/color.ts";
import { clamp, hash } from "../canvas/fixed-point.ts";
import type { PictureFrame } from "../canvas/layer.ts";
import type { WaterOptions } from "../canvas/motion.ts";
import { NoiseField } from "../canvas/noise.ts";
import type { Actor } from "./actor.ts";
import type { Camera } from "./camera.ts";
import { shinePixel } from "./compositor.ts";

/** Bands of rows, each with waves of its own size: they grow towards the viewer. */
const BANDS = 5;
const ROWS_A_SLICE = 24;

/** Prepares the waves, `width` pixels wide and `frame.height` high, and answers what draws them. It yields between slices. */
export function* waterActor(
  width: number,
  frame: PictureFrame,
  options: WaterOptions,
  camera: Camera,
  seconds: number,
): Generator<void, Actor> {
  const { horizon, glitter } = options;
  const depth = Math.max(1, frame.height - horizon);
  // As far as the nearest waves travel during the film, either way.
  const reach = Math.ceil(Math.min(width / 2, frame.unit(90) * seconds)) + 1;
  const stride = width + 2 * reach;
  const there = yield* waves(stride, depth, frame, options.seed);
  const back = yield* waves(stride, depth, frame, hash(options.seed, 8, 8));
  const hides = new Uint8Array(frame.height).fill(1, horizon);
  const sunX = glitter.x - camera.margin / 2;
  const light = packed(glitter.color);
  return {
    hides,
    draw({ pixels }, { share }, hidden) {
      for (let distance = 0; distance < depth; distance++) {
        const y = horizon + distance;
        if (hidden[y] !== 0) continue;
        const near = Math.floor((distance * 1280) / depth);
        const travelled = Math.round(((reach - 1) * share * (near + 120)) / 1400);
        const one = distance * stride + reach - travelled;
        const other = distance * stride + reach + travelled;
        const mirrored = clamp(horizon - 1 - distance, 0, Math.max(0, horizon - 1)) * width;
        const color = mix(options.shallow, options.deep, (near / 5) | 0);
        const r = red(color);
        const g = green(color);
        const b = blue(color);
        const sway = 4 + Math.floor((near * frame.unit(60)) / 1280);
        const spread = frame.unit(60) + Math.floor((distance * 420) / 1000);
        const mirror = options.mirror - ((options.mirror * near) >> 12);
        for (let x = 0; x < width; x++) {
          // Two noises together are calmer than one; the factor makes up for it.
          const wave = ((there[one + x]! + back[other + x]! - 256) * 3) >> 2;
          const from = pixels[mirrored + clamp(x + ((wave * sway) >> 7), 0, width - 1)]!;
          const part = clamp(mirror + wave, 0, 256);
          const pixel =
            0xff000000 |
            (r + ((((from & 255) - r) * part) >> 8)) |
            ((g + (((((from >> 8) & 255) - g) * part) >> 8)) << 8) |
            ((b + (((((from >> 16) & 255) - b) * part) >> 8)) << 16);
          const spark = wave * 4 + 40 - Math.floor((Math.abs(x - sunX) * 110) / spread);
          pixels[y * width + x] =
            spark > 0 ? shinePixel(pixel, light, (clamp(spark * 3, 0, 256) * glitter.strength) >> 8) : pixel;
        }
      }
    },
  };
}

/** The height of the waves by row and column, 0-255 around 128. */
function* waves(
  stride: number,
  depth: number,
  frame: PictureFrame,
  seed: number,
): Generator<void, Uint8Array> {
  const fields = Array.from({ length: BANDS + 1 }, (_, band) => {
    const size = 6 + band * band * 7;
    return new NoiseField({
      seed: hash(band, 1, seed),
      cellX: Math.max(4, frame.unit(size * 5)),
      cellY: Math.max(2, frame.unit(size) >> 1),
      octaves: 3,
    });
  });
  const map = new Uint8Array(stride * depth);
  const ripple = new Int32Array(stride);
  const swell = new Int32Array(stride);
  for (let distance = 0; distance < depth; distance++) {
    if (distance % ROWS_A_SLICE === ROWS_A_SLICE - 1) yield;
    const near = Math.floor((distance * 256 * BANDS) / depth);
    const band = clamp(near >> 8, 0, BANDS - 1);
    fields[band]!.row(distance, ripple);
    fields[band + 1]!.row(distance, swell);
    const share = near & 255;
    for (let x = 0; x < stride; x++)
      map[distance * stride + x] = (ripple[x]! * (256 - share) + swell[x]! * share) >> 8;
  }
  return map;
}

/** Red in the lowest byte, as in a frame. */
function packed(color: number): number {
  return red(color) | (green(color) << 8) | (blue(color) << 16);
}
