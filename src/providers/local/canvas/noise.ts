/** Value noise, computed a row at a time: the lattice is hashed once per cell, not once per pixel. */

import { hash, smooth } from "./fixed-point.ts";

export type NoiseOptions = {
  seed: number;
  /** Width and height of the coarsest cell, pixels. */
  cellX: number;
  cellY: number;
  /** Every octave halves the cells and the weight. */
  octaves: number;
};

/** Two-dimensional noise of 0..255 around 128. */
export class NoiseField {
  readonly #octaves: { seed: number; cellX: number; cellY: number; ease: Int32Array; weight: number }[] = [];

  constructor(options: NoiseOptions) {
    let weight = 128;
    for (let octave = 0; octave < options.octaves; octave++) {
      const last = octave === options.octaves - 1;
      const cellX = Math.max(1, options.cellX >> octave);
      const ease = Int32Array.from({ length: cellX }, (_, x) => smooth(Math.floor((x * 256) / cellX)));
      this.#octaves.push({
        seed: hash(octave, 77, options.seed),
        cellX,
        cellY: Math.max(1, options.cellY >> octave),
        ease,
        // The last octave takes what the others left, so that the weights add up to 256.
        weight: last ? weight * 2 : weight,
      });
      weight >>= 1;
    }
  }

  /** Writes the noise of pixel row `y` to `out`. */
  row(y: number, out: Int32Array): void {
    out.fill(0);
    for (const octave of this.#octaves) {
      const cellRow = Math.floor(y / octave.cellY);
      const t = smooth(Math.floor(((y - cellRow * octave.cellY) * 256) / octave.cellY));
      let left = latticeValue(0, cellRow, t, octave.seed);
      for (let cell = 0, x = 0; x < out.length; cell++) {
        const right = latticeValue(cell + 1, cellRow, t, octave.seed);
        const end = Math.min(octave.cellX, out.length - x);
        const rise = right - left;
        for (let index = 0; index < end; index++, x++)
          out[x]! += ((left + ((rise * octave.ease[index]!) >> 8)) * octave.weight) >> 8;
        left = right;
      }
    }
    for (let x = 0; x < out.length; x++) out[x]! >>= 8;
  }
}

/** One line of fractal noise, 0..65535: `roughness` (0-256) is how much of its weight an octave hands down. */
export function noiseLine(
  length: number,
  cell: number,
  octaves: number,
  roughness: number,
  seed: number,
): Int32Array {
  const line = new Int32Array(length);
  let weight = 65536;
  let total = 0;
  for (let octave = 0; octave < octaves; octave++) {
    const size = Math.max(2, cell >> octave);
    const own = hash(octave, 13, seed);
    const shift = own % size;
    for (
      let x = 0, cell = Math.floor(shift / size), within = shift - cell * size;
      x < length;
      cell++, within = 0
    ) {
      const left = hash(cell, 5, own) >>> 16;
      const rise = (hash(cell + 1, 5, own) >>> 16) - left;
      for (; within < size && x < length; within++, x++) {
        const t = smooth(Math.floor((within * 256) / size));
        line[x]! += Math.floor(((left * 256 + rise * t) * weight) / 16777216);
      }
    }
    total += weight;
    weight = Math.floor((weight * roughness) / 256);
  }
  for (let x = 0; x < length; x++) line[x] = Math.floor((line[x]! * 65536) / total);
  return line;
}

/** A lattice column's value at height `t` of its cell, 8.8 fixed point. */
function latticeValue(column: number, row: number, t: number, seed: number): number {
  const above = hash(column, row, seed) & 255;
  const below = hash(column, row + 1, seed) & 255;
  return above * (256 - t) + below * t;
}
