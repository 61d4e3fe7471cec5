/**
 * Changes the rate of sound that comes in pieces. Each output sample is a weighted sum of the input around its moment, by a sinc
 * under a Hann window, cut off at half of the lower rate; pieces join without a seam. The weights depend only on where between two
 * input samples the moment lies, so they are computed once for each such place.
 */

import { type Kernel, kernelOf, TAPS_AT_ONCE } from "./kernel.ts";

export class Resampler {
  readonly #step: number;
  readonly #kernel: Kernel;
  /** Input that may still be needed, and the position of its first sample. */
  #tail: Int16Array = new Int16Array(0);
  #tailAt = 0;
  /** Moment of the next output sample, in input samples. */
  #next = 0;

  /** Rates in samples per second. */
  constructor(from: number, to: number) {
    this.#step = from / to;
    this.#kernel = kernelOf(from, to);
  }

  /** The output that the input so far decides; the last few samples come with the next piece. */
  push(samples: Int16Array): Int16Array {
    if (this.#step === 1) return samples;
    const { reach } = this.#kernel;
    const first = this.#tailAt;
    const length = this.#tail.length + samples.length;
    const input = joined(this.#tail, samples);
    const end = first + length - reach;
    const output = new Int16Array(Math.max(0, Math.ceil((end - this.#next) / this.#step)));
    this.#next = first + addUp(input, output, this.#next - first, this.#step, this.#kernel);
    const keepFrom = Math.min(length, Math.max(0, Math.floor(this.#next) - reach - first));
    const tail = new Int16Array(length - keepFrom);
    for (let i = 0; i < tail.length; i += 1) tail[i] = input[keepFrom + i] as number;
    this.#tail = tail;
    this.#tailAt = first + keepFrom;
    return output;
  }
}

/** What a piece is added up from; all sessions use it in turn. */
let scratch = new Float64Array(4_096);

/** One behind the other, with silence behind both. Valid until the next call. */
function joined(tail: Int16Array, samples: Int16Array): Float64Array {
  const length = tail.length + samples.length;
  if (scratch.length < length + 2 * TAPS_AT_ONCE) scratch = new Float64Array(2 * length + 2 * TAPS_AT_ONCE);
  scratch.set(tail);
  scratch.set(samples, tail.length);
  scratch.fill(0, length, length + 2 * TAPS_AT_ONCE);
  return scratch;
}

/**
 * Fills the output. `moment` is that of its first sample, in samples of the input, of which there are `reach` behind the last one;
 * returns the moment behind the last.
 */
function addUp(
  input: Float64Array,
  output: Int16Array,
  moment: number,
  step: number,
  { places, taps, reach, weights }: Kernel,
): number {
  let at = moment;
  for (let i = 0; i < output.length; i += 1, at += step) {
    // As whole numbers of the machine, which index an array at once.
    let whole = at | 0;
    let place = ((at - whole) * places + 0.5) | 0;
    if (place === places) {
      place = 0;
      whole += 1;
    }
    const from = whole - reach;
    const row = place * taps;
    if (from < 0) {
      output[i] = rounded(atBeginning(input, from, weights.subarray(row, row + taps)));
      continue;
    }
    // Sums that do not wait for each other are a third faster.
    let one = 0;
    let two = 0;
    let three = 0;
    let four = 0;
    for (let tap = 0; tap < taps; tap += TAPS_AT_ONCE) {
      one += (weights[row + tap] as number) * (input[from + tap] as number);
      two += (weights[row + tap + 1] as number) * (input[from + tap + 1] as number);
      three += (weights[row + tap + 2] as number) * (input[from + tap + 2] as number);
      four += (weights[row + tap + 3] as number) * (input[from + tap + 3] as number);
    }
    output[i] = rounded(one + two + three + four);
  }
  return at;
}

/** Where there is nothing before the input, what there is counts for all. */
function atBeginning(input: Float64Array, from: number, weights: Float64Array): number {
  let sum = 0;
  let share = 0;
  for (let tap = -from; tap < weights.length; tap += 1) {
    const weight = weights[tap] as number;
    sum += weight * (input[from + tap] as number);
    share += weight;
  }
  return share === 0 ? 0 : sum / share;
}

function rounded(value: number): number {
  return Math.max(-32_768, Math.min(32_767, Math.round(value)));
}
