/** What a picture is made of: layers that paint themselves onto one pixel row at a time, in any order of rows. */

import { blue, type Color, green, red } from "./color.ts";
import type { Motion } from "./motion.ts";
import type { Outline } from "./outline.ts";

/** Three channels of 8.8 fixed point a pixel: red, green, blue, 0-65280. */
export type Row = Int32Array;

/** Something painted. It MUST NOT keep state between rows: water asks for them upside down. */
export type Layer = {
  /** First and last row it touches, both included. */
  readonly top: number;
  readonly bottom: number;
  /** How it moves in a film; without one it stands still with what is infinitely far. */
  readonly motion?: Motion;
  paint(y: number, row: Row): void;
};

/** The measures of a picture. */
export type PictureFrame = {
  readonly width: number;
  readonly height: number;
  /** A thousandth-based length in pixels: `unit(1000)` is the shorter side. */
  unit(thousandths: number): number;
};

export function createPictureFrame(width: number, height: number): PictureFrame {
  const shorter = Math.min(width, height);
  return { width, height, unit: (thousandths) => Math.floor((thousandths * shorter) / 1000) };
}

/** Blends a colour over one pixel; `alpha` is 0-256. */
export function blend(row: Row, x: number, color: Color, alpha: number): void {
  const at = x * 3;
  row[at]! += ((((color >> 8) & 0xff00) - row[at]!) * alpha) >> 8;
  row[at + 1]! += (((color & 0xff00) - row[at + 1]!) * alpha) >> 8;
  row[at + 2]! += ((((color << 8) & 0xff00) - row[at + 2]!) * alpha) >> 8;
}

/** Adds light of a colour to one pixel; `strength` is 0-256. */
export function shine(row: Row, x: number, color: Color, strength: number): void {
  const at = x * 3;
  // Screen blending: light never burns out to a flat white.
  row[at]! += ((65280 - row[at]!) * ((red(color) * strength) >> 8)) >> 8;
  row[at + 1]! += ((65280 - row[at + 1]!) * ((green(color) * strength) >> 8)) >> 8;
  row[at + 2]! += ((65280 - row[at + 2]!) * ((blue(color) * strength) >> 8)) >> 8;
}

/** How an outline is filled: a vertical gradient over the outline's own height. */
export type Fill = { top: Color; bottom: Color; alpha?: number };

/** An outline and its fill. */
export function shape(outline: Outline, fill: Fill, width: number): Layer {
  const cover = new Int32Array(width);
  const left = Math.max(0, outline.left - 1);
  const right = Math.min(width - 1, outline.right + 1);
  const height = Math.max(1, outline.bottom - outline.top);
  const alpha = fill.alpha ?? 256;
  return {
    top: outline.top,
    bottom: outline.bottom,
    paint(y, row) {
      cover.fill(0, left, right + 1);
      outline.coverRow(y, cover);
      const t = Math.floor(((y - outline.top) * 256) / height);
      const part = (shift: number) => {
        const from = (fill.top >> shift) & 255;
        return from * 256 + (((fill.bottom >> shift) & 255) - from) * t;
      };
      const r = part(16);
      const g = part(8);
      const b = part(0);
      for (let x = left; x <= right; x++) {
        const covered = cover[x]!;
        if (covered === 0) continue;
        const share = (Math.min(256, covered) * alpha) >> 8;
        const at = x * 3;
        row[at]! += ((r - row[at]!) * share) >> 8;
        row[at + 1]! += ((g - row[at + 1]!) * share) >> 8;
        row[at + 2]! += ((b - row[at + 2]!) * share) >> 8;
      }
    },
  };
}

/** Paints the layers that touch row `y`, in order. */
export function paintLayers(layers: readonly Layer[], y: number, row: Row): void {
  for (const layer of layers) if (y >= layer.top && y <= layer.bottom) layer.paint(y, row);
}
