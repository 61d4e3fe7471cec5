/** What hangs above the land: gradients, suns and moons, stars, clouds, northern lights. */

import { type Color, mix, ramp } from "./color.ts";
import { clamp, hash, integerRoot } from "./fixed-point.ts";
import { blend, type Layer, type PictureFrame, shine } from "./layer.ts";
import { NoiseField } from "./noise.ts";
import type { Random } from "./random.ts";

/** Entries of a prepared gradient. */
const RAMP_STEPS = 1024;
/** Entries of a prepared falloff of light. */
const FALLOFF_STEPS = 512;

/** A gradient over rows `top`..`bottom`, gently bent by noise so that no band is straight. */
export function backdrop(
  frame: PictureFrame,
  stops: readonly Color[],
  top: number,
  bottom: number,
  seed: number,
  bend = 60,
): Layer {
  const colors = Int32Array.from({ length: RAMP_STEPS * 3 }, (_, index) => {
    const step = Math.floor(index / 3);
    const place = step * (stops.length - 1);
    const from = Math.min(Math.floor(place / RAMP_STEPS), stops.length - 2);
    const t = place - from * RAMP_STEPS;
    const shift = 16 - (index % 3) * 8;
    const a = (stops[from]! >> shift) & 255;
    const b = (stops[from + 1]! >> shift) & 255;
    return a * 256 + Math.floor(((b - a) * t * 256) / RAMP_STEPS);
  });
  const field = new NoiseField({ seed, cellX: frame.unit(700), cellY: frame.unit(220), octaves: 2 });
  const noise = new Int32Array(frame.width);
  const height = Math.max(1, bottom - top);
  return {
    top: 0,
    bottom: frame.height - 1,
    paint(y, row) {
      field.row(y, noise);
      const base = Math.floor(((y - top) * RAMP_STEPS) / height);
      for (let x = 0, at = 0; x < frame.width; x++, at += 3) {
        const step = clamp(base + (((noise[x]! - 128) * bend) >> 7), 0, RAMP_STEPS - 1) * 3;
        row[at] = colors[step]!;
        row[at + 1] = colors[step + 1]!;
        row[at + 2] = colors[step + 2]!;
      }
    },
  };
}

/** Light around a point, fading out at `radius` pixels. */
export function glow(
  frame: PictureFrame,
  centerX: number,
  centerY: number,
  radius: number,
  color: Color,
  strength: number,
): Layer {
  const falloff = Int32Array.from({ length: FALLOFF_STEPS + 1 }, (_, step) => {
    const rest = FALLOFF_STEPS - step;
    return Math.floor((strength * rest * rest * rest) / FALLOFF_STEPS ** 3);
  });
  const square = radius * radius;
  return {
    top: centerY - radius,
    bottom: centerY + radius,
    paint(y, row) {
      const dy = (y - centerY) * (y - centerY);
      const half = integerRoot(Math.max(0, square - dy));
      const end = Math.min(frame.width - 1, centerX + half);
      for (let x = Math.max(0, centerX - half); x <= end; x++) {
        const distance = dy + (x - centerX) * (x - centerX);
        shine(row, x, color, falloff[Math.floor((distance * FALLOFF_STEPS) / square)]!);
      }
    },
  };
}

/** A disc with a soft edge and a vertical gradient; `missing` hides a second disc from it and makes a crescent. */
export function disc(
  frame: PictureFrame,
  centerX: number,
  centerY: number,
  radius: number,
  upper: Color,
  lower: Color,
  missing?: { x: number; y: number; radius: number },
): Layer {
  return {
    top: centerY - radius - 1,
    bottom: centerY + radius + 1,
    paint(y, row) {
      const color = mix(upper, lower, Math.floor(((y - centerY + radius) * 256) / (2 * radius)));
      const end = Math.min(frame.width - 1, centerX + radius + 1);
      for (let x = Math.max(0, centerX - radius - 1); x <= end; x++) {
        const inside = edgeCover(x - centerX, y - centerY, radius);
        if (inside === 0) continue;
        const hidden = missing ? edgeCover(x - missing.x, y - missing.y, missing.radius) : 0;
        blend(row, x, color, (inside * (256 - hidden)) >> 8);
      }
    },
  };
}

/** How much of a pixel lies within the radius, 0-256. */
export function edgeCover(dx: number, dy: number, radius: number): number {
  const square = dx * dx + dy * dy;
  if (square >= (radius + 1) * (radius + 1)) return 0;
  if (square <= (radius - 1) * (radius - 1)) return 256;
  return clamp(radius * 256 + 128 - integerRoot(square * 65536), 0, 256);
}

/** Stars above row `lowest`, thinning out towards it; a few of them large. */
export function stars(
  frame: PictureFrame,
  lowest: number,
  count: number,
  tint: Color,
  random: Random,
): Layer {
  const byRow = new Map<number, { x: number; y: number; radius: number; light: number; color: Color }[]>();
  const area = Math.floor((frame.width * lowest * count) / Math.max(1, frame.unit(1000) ** 2));
  for (let index = 0; index < area; index++) {
    const depth = random.between(0, 999);
    const y = Math.floor((Math.min(depth, random.between(0, 999)) * lowest) / 1000);
    const large = random.chance(4);
    // Radii and positions are in 256ths of a pixel, so that stars do not sit on the pixel grid.
    const radius = Math.max(230, frame.unit((large ? 3200 : 1250) + random.between(0, 500)) >> 2);
    const star = {
      x: random.between(0, frame.width * 256),
      y: y * 256 + random.between(0, 255),
      radius,
      light: large ? 250 : random.between(50, 220),
      color: random.chance(30) ? tint : 0xffffff,
    };
    for (let at = (star.y - radius) >> 8; at <= (star.y + radius) >> 8; at++) {
      const list = byRow.get(at) ?? [];
      list.push(star);
      byRow.set(at, list);
    }
  }
  return {
    top: 0,
    bottom: lowest,
    paint(y, row) {
      for (const star of byRow.get(y) ?? []) {
        const dy = y * 256 + 128 - star.y;
        const end = Math.min(frame.width - 1, (star.x + star.radius) >> 8);
        for (let x = Math.max(0, (star.x - star.radius) >> 8); x <= end; x++) {
          const dx = x * 256 + 128 - star.x;
          const rest = star.radius * star.radius - dx * dx - dy * dy;
          if (rest <= 0) continue;
          shine(row, x, star.color, Math.floor((star.light * rest) / (star.radius * star.radius)));
        }
      }
    },
  };
}

/** Drifts of cloud between two rows: thick where the noise is high, lit from above, shaded below. */
export function clouds(
  frame: PictureFrame,
  top: number,
  bottom: number,
  light: Color,
  shade: Color,
  amount: number,
  seed: number,
): Layer {
  const shapeField = new NoiseField({ seed, cellX: frame.unit(420), cellY: frame.unit(95), octaves: 5 });
  const here = new Int32Array(frame.width);
  const above = new Int32Array(frame.width);
  const lift = Math.max(2, frame.unit(14));
  const height = Math.max(1, bottom - top);
  const from = 176 - amount;
  return {
    top,
    bottom,
    paint(y, row) {
      shapeField.row(y, here);
      shapeField.row(y - lift, above);
      const place = Math.floor(((y - top) * 512) / height);
      const fade = clamp(place < 256 ? place * 2 : (512 - place) * 2, 0, 256);
      for (let x = 0; x < frame.width; x++) {
        const thickness = here[x]! - from;
        if (thickness <= 0) continue;
        const alpha = (Math.min(230, thickness * 7) * fade) >> 8;
        const lit = clamp(140 + (here[x]! - above[x]!) * 9, 0, 256);
        blend(row, x, mix(shade, light, lit), alpha);
      }
    },
  };
}

/** Curtains of northern lights. */
export function aurora(frame: PictureFrame, base: number, low: Color, high: Color, seed: number): Layer {
  const folds = new NoiseField({ seed, cellX: frame.unit(330), cellY: frame.unit(4000), octaves: 3 });
  const rays = new NoiseField({
    seed: hash(seed, 3, 9),
    cellX: frame.unit(46),
    cellY: frame.unit(900),
    octaves: 3,
  });
  const fold = new Int32Array(frame.width);
  const ray = new Int32Array(frame.width);
  const depth = Math.max(1, frame.unit(430));
  const curtain = (y: number, row: Int32Array, offset: number, strength: number) => {
    folds.row(offset * 5000, fold);
    rays.row(y + offset * 3000, ray);
    for (let x = 0; x < frame.width; x++) {
      const foot = base - frame.unit(offset * 90) + Math.floor(((fold[x]! - 128) * frame.unit(310)) / 128);
      const up = Math.floor(((foot - y) * 256) / depth);
      if (up < -14 || up > 256) continue;
      const fade = up < 0 ? (14 + up) * 18 : 256 - up;
      const light = (fade * fade * clamp(ray[x]! * 2 - 70, 20, 256)) >> 16;
      shine(row, x, ramp([low, low, high], clamp(up, 0, 256)), (light * strength) >> 8);
    }
  };
  return {
    top: 0,
    bottom: base + frame.unit(400),
    paint(y, row) {
      curtain(y, row, 0, 210);
      curtain(y, row, 1, 120);
    },
  };
}
