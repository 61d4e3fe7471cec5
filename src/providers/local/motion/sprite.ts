/**
 * Layers painted once and kept, so that a frame of a film only has to move them. A pixel is kept as two words: the
 * light it adds, and the share of what lies beneath that it lets through, 0-255 for each of red, green and blue.
 */

import { clamp } from "../canvas/fixed-point.ts";
import { type Layer, paintLayers, type Row } from "../canvas/layer.ts";

/** Red in the lowest byte, as in the pixels of a frame. */
const CLEAR = 0xffffff;
/** Rows painted between two pauses. */
const ROWS_A_SLICE = 16;
const FULL = 65280;
const NOTHING = new Uint8Array();

export type Sprite = {
  /** Where its first pixel is in the composed frame. */
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  /** Added light and passage of each pixel, row by row. */
  readonly words: Int32Array;
  /** By row of the sprite: 1 where it hides the whole width of the composed frame. */
  readonly solid: Uint8Array;
  /** By row of the sprite: the first column that shows anything, and the first after the last. */
  readonly begins: Int32Array;
  readonly ends: Int32Array;
};

export type SpriteFrame = { readonly width: number; readonly height: number };

/**
 * Paints layers into one sprite, cropped to what it shows; null when that is nothing. Rows at its top and bottom that
 * are marked in `covered` are left out. It yields between slices.
 */
export function* makeSprite(
  layers: readonly Layer[],
  frame: SpriteFrame,
  covered: Uint8Array = NOTHING,
): Generator<void, Sprite | null> {
  let top = Math.max(0, Math.min(...layers.map((layer) => layer.top)));
  let bottom = Math.min(frame.height - 1, Math.max(...layers.map((layer) => layer.bottom)));
  while (top <= bottom && covered[top] === 1) top++;
  while (bottom >= top && covered[bottom] === 1) bottom--;
  if (bottom < top) return null;
  const height = bottom - top + 1;
  const words = new Int32Array(frame.width * height * 2);
  const solid = new Uint8Array(height);
  const begins = new Int32Array(height).fill(frame.width);
  const ends = new Int32Array(height);
  const onBlack: Row = new Int32Array(frame.width * 3);
  const onWhite: Row = new Int32Array(frame.width * 3);
  let left = frame.width;
  let right = -1;
  for (let row = 0; row < height; row++) {
    if (row % ROWS_A_SLICE === ROWS_A_SLICE - 1) yield;
    // Every layer is an affine map of what lies beneath, so two backgrounds tell all about it.
    onBlack.fill(0);
    onWhite.fill(FULL);
    paintLayers(layers, top + row, onBlack);
    paintLayers(layers, top + row, onWhite);
    let hides = 1;
    for (let x = 0, at = 0, word = row * frame.width * 2; x < frame.width; x++, at += 3, word += 2) {
      const add = (onBlack[at]! >> 8) | (onBlack[at + 1]! & 0xff00) | ((onBlack[at + 2]! & 0xff00) << 8);
      const keep =
        passage(onBlack[at]!, onWhite[at]!) |
        (passage(onBlack[at + 1]!, onWhite[at + 1]!) << 8) |
        (passage(onBlack[at + 2]!, onWhite[at + 2]!) << 16);
      words[word] = add;
      words[word + 1] = keep;
      if (keep !== 0) hides = 0;
      if (add === 0 && keep === CLEAR) continue;
      if (x < begins[row]!) begins[row] = x;
      ends[row] = x + 1;
    }
    solid[row] = hides;
    left = Math.min(left, begins[row]!);
    right = Math.max(right, ends[row]! - 1);
  }
  if (right < left) return null;
  // A clear column on either side lets it move by parts of a pixel without a hard edge.
  left = Math.max(0, left - 1);
  right = Math.min(frame.width - 1, right + 1);
  for (let row = 0; row < height; row++) {
    begins[row]! -= left;
    ends[row]! -= left;
  }
  const cropped = crop(words, frame.width, left, right);
  return { left, top, width: right - left + 1, height, words: cropped, solid, begins, ends };
}

function passage(onBlack: number, onWhite: number): number {
  return clamp((onWhite - onBlack + 128) >> 8, 0, 255);
}

function crop(words: Int32Array, stride: number, left: number, right: number): Int32Array {
  const width = right - left + 1;
  if (width === stride) return words;
  const rows = words.length / (stride * 2);
  const cropped = new Int32Array(width * rows * 2);
  for (let row = 0; row < rows; row++) {
    const from = (row * stride + left) * 2;
    cropped.set(words.subarray(from, from + width * 2), row * width * 2);
  }
  return cropped;
}
