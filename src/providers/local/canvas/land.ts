/** What lies below the sky: ridges, mist and water. */

import { blue, type Color, green, mix, red } from "./color.ts";
import { clamp, hash } from "./fixed-point.ts";
import { blend, type Layer, type PictureFrame, paintLayers, type Row, shine } from "./layer.ts";
import type { WaterOptions } from "./motion.ts";
import { NoiseField, noiseLine } from "./noise.ts";

export type RidgeOptions = {
  /** The mean height and the reach of peaks and valleys around it, pixels. */
  level: number;
  relief: number;
  /** Width of the largest forms, pixels. */
  cell: number;
  octaves: number;
  /** How jagged: what share of its weight an octave hands down, 0-256. */
  roughness: number;
  crest: Color;
  foot: Color;
  seed: number;
  /** Light that falls on slopes: from the left (-1) or the right (1). */
  light?: { color: Color; from: number; strength: number };
  snow?: Color;
};

/** The line of a ridge and the land beneath it. */
export type Ridge = Layer & {
  /** The crest's row at a column. */
  crestAt(x: number): number;
};

/** Land from its crest down to the bottom of the picture. */
export function ridge(frame: PictureFrame, options: RidgeOptions): Ridge {
  const line = noiseLine(frame.width, options.cell, options.octaves, options.roughness, options.seed);
  const crest = line.map(
    (value) => options.level * 256 + Math.floor(((32768 - value) * options.relief * 2) / 256),
  );
  const slope = new Int32Array(frame.width);
  const reach = Math.max(2, frame.unit(9));
  for (let x = 0; x < frame.width; x++) {
    const ahead = crest[Math.min(frame.width - 1, x + reach)]!;
    const behind = crest[Math.max(0, x - reach)]!;
    slope[x] = clamp(Math.floor((ahead - behind) / (reach * 2)), -256, 256);
  }
  let top = frame.height;
  for (const height of crest) top = Math.min(top, height >> 8);
  const depth = Math.max(1, frame.unit(330));
  const texture = new NoiseField({
    seed: hash(options.seed, 4, 2),
    cellX: frame.unit(60),
    cellY: frame.unit(26),
    octaves: 4,
  });
  const noise = new Int32Array(frame.width);
  const colors = gradient(options.crest, options.foot, 256);
  const { light, snow } = options;
  return {
    top,
    bottom: frame.height - 1,
    crestAt: (x) => crest[clamp(x, 0, frame.width - 1)]! >> 8,
    paint(y, row) {
      texture.row(y, noise);
      for (let x = 0, at = 0; x < frame.width; x++, at += 3) {
        const below = (y + 1) * 256 - crest[x]!;
        if (below <= 0) continue;
        const cover = Math.min(256, below);
        const grain = noise[x]! - 128;
        const deep = clamp(Math.floor(below / depth) + (grain >> 2), 0, 255) * 3;
        row[at]! += ((colors[deep]! - row[at]!) * cover) >> 8;
        row[at + 1]! += ((colors[deep + 1]! - row[at + 1]!) * cover) >> 8;
        row[at + 2]! += ((colors[deep + 2]! - row[at + 2]!) * cover) >> 8;
        if (snow !== undefined) {
          // Snow reaches further down the higher the peak, in gullies that follow the noise.
          const peak = Math.floor((options.level * 256 + options.relief * 40 - crest[x]!) / 2);
          const line = peak + grain * frame.unit(46) * 2;
          const white = clamp(Math.floor(((line - below) * 2) / Math.max(1, frame.unit(8))), 0, 225);
          if (white > 0) blend(row, x, snow, (white * cover) >> 8);
        }
        if (light !== undefined) {
          // Looking up the slope at an angle makes facets that run downhill instead of upright streaks.
          const ahead = clamp(x + light.from * ((below >> 9) + (grain >> 3)), 0, frame.width - 1);
          const facing = clamp(slope[ahead]! * -light.from + (grain >> 1), 0, 256);
          const fade = clamp(256 - Math.floor(below / Math.max(1, frame.unit(150))), 0, 256);
          shine(row, x, light.color, (((facing * fade) >> 8) * light.strength * cover) >> 16);
        }
      }
    },
  };
}

/** A band of mist, thickest at `level`. */
export function mist(
  frame: PictureFrame,
  level: number,
  reach: number,
  color: Color,
  strength: number,
  seed: number,
): Layer {
  const field = new NoiseField({ seed, cellX: frame.unit(500), cellY: frame.unit(70), octaves: 3 });
  const noise = new Int32Array(frame.width);
  return {
    top: level - reach,
    bottom: level + reach,
    paint(y, row) {
      field.row(y, noise);
      const near = 256 - Math.floor((Math.abs(y - level) * 256) / Math.max(1, reach));
      const band = (near * near) >> 8;
      for (let x = 0; x < frame.width; x++)
        blend(row, x, color, (((band * clamp(noise[x]! + 40, 0, 256)) >> 8) * strength) >> 8);
    },
  };
}

/** Water that mirrors the layers above it, rippled more the nearer it comes. */
export function water(frame: PictureFrame, above: readonly Layer[], options: WaterOptions): Layer {
  const { horizon, glitter } = options;
  const depth = Math.max(1, frame.height - horizon);
  const mirrored: Row = new Int32Array(frame.width * 3);
  const ripple = new Int32Array(frame.width);
  const swell = new Int32Array(frame.width);
  const fields = Array.from({ length: 6 }, (_, band) => {
    // Perspective: waves grow towards the viewer, so each band of rows has its own noise.
    const size = 6 + band * band * 7;
    return new NoiseField({
      seed: hash(band, 1, options.seed),
      cellX: Math.max(4, frame.unit(size * 5)),
      cellY: Math.max(2, frame.unit(size) >> 1),
      octaves: 3,
    });
  });
  return {
    top: horizon,
    bottom: frame.height - 1,
    motion: { kind: "water", options },
    paint(y, row) {
      const distance = y - horizon;
      const near = Math.floor((distance * 1280) / depth);
      const band = clamp(near >> 8, 0, 4);
      fields[band]!.row(y, ripple);
      fields[band + 1]!.row(y, swell);
      const t = near & 255;
      paintLayers(above, Math.max(0, horizon - 1 - distance), mirrored);
      const color = mix(options.shallow, options.deep, (near / 5) | 0);
      const r = red(color) << 8;
      const g = green(color) << 8;
      const b = blue(color) << 8;
      const sway = 4 + Math.floor((near * frame.unit(60)) / 1280);
      const spread = frame.unit(60) + Math.floor((distance * 420) / 1000);
      const mirror = options.mirror - ((options.mirror * near) >> 12);
      for (let x = 0, at = 0; x < frame.width; x++, at += 3) {
        const wave = ((ripple[x]! * (256 - t) + swell[x]! * t) >> 8) - 128;
        const from = clamp(x + ((wave * sway) >> 7), 0, frame.width - 1) * 3;
        const share = clamp(mirror + wave, 0, 256);
        row[at] = r + (((mirrored[from]! - r) * share) >> 8);
        row[at + 1] = g + (((mirrored[from + 1]! - g) * share) >> 8);
        row[at + 2] = b + (((mirrored[from + 2]! - b) * share) >> 8);
        const aside = Math.floor((Math.abs(x - glitter.x) * 110) / spread);
        const spark = wave * 4 + 40 - aside;
        if (spark > 0) shine(row, x, glitter.color, (clamp(spark * 3, 0, 256) * glitter.strength) >> 8);
      }
    },
  };
}

/** `steps` colours from one to another as 8.8 fixed-point channels. */
function gradient(from: Color, to: Color, steps: number): Int32Array {
  return Int32Array.from({ length: steps * 3 }, (_, index) => {
    const shift = 16 - (index % 3) * 8;
    const a = (from >> shift) & 255;
    const b = (to >> shift) & 255;
    return a * 256 + Math.floor(((b - a) * Math.floor(index / 3) * 256) / (steps - 1));
  });
}
