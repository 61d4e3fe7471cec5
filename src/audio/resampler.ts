/**
 * Changes the rate of sound that comes in pieces. Each output sample is a weighted sum of the input around its moment, by a sinc
 * under a Kaiser window, cut off at half of the lower rate; pieces join without a seam. The weights depend only on where between two
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
    const { reach, places } = this.#kernel;
    const first = this.#tailAt;
    const length = this.#tail.length + samples.length;
    const input = joined(this.#tail, samples);
    // A moment nearer to the next place than to the one before counts as that one, which may need a sample that has not come.
    const end = first + length - reach - 0.5 / places;
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

/** A series is worth its own sums from so many samples on. */
const LEAST_SERIES = 8;

/**
 * Fills the output. `moment` is that of its first sample, in samples of the input, of which there are `reach` behind the last one;
 * returns the moment behind the last.
 */
function addUp(
  input: Float64Array,
  output: Int16Array,
  moment: number,
  step: number,
  kernel: Kernel,
): number {
  const { places, cycle } = kernel;
  // Samples a cycle apart lie at the same place, and are added up together.
  const inSeries = cycle !== null && output.length >= LEAST_SERIES * places;
  const series = inSeries ? places : output.length;
  for (let first = 0; first < series; first += 1) {
    const at = moment + first * step;
    // As whole numbers of the machine, which index an array at once.
    let whole = at | 0;
    let place = ((at - whole) * places + 0.5) | 0;
    if (place === places) {
      place = 0;
      whole += 1;
    }
    if (inSeries) fillSeries(input, output, first, whole, place, kernel);
    else output[first] = rounded(sumAt(input, whole, place, kernel));
  }
  return moment + output.length * step;
}

/** One sample, at a place behind the input sample `whole`. */
function sumAt(
  input: Float64Array,
  whole: number,
  place: number,
  { taps, reach, weights, plain }: Kernel,
): number {
  const from = whole - reach + 1;
  const row = place * taps;
  if (plain[place] === 1) return input[whole] as number;
  if (from < 0) return atBeginning(input, from, weights.subarray(row, row + taps));
  // Sums that do not wait for each other are a third faster.
  let one = 0;
  let two = 0;
  let three = 0;
  let four = 0;
  for (let tap = 0; tap < taps; tap += 4) {
    one += (weights[row + tap] as number) * (input[from + tap] as number);
    two += (weights[row + tap + 1] as number) * (input[from + tap + 1] as number);
    three += (weights[row + tap + 2] as number) * (input[from + tap + 2] as number);
    four += (weights[row + tap + 3] as number) * (input[from + tap + 3] as number);
  }
  return one + two + three + four;
}

/** Sums of one series; all sessions use it in turn. */
let sums = new Float64Array(1_024);

/** The samples from `first` on that lie at that place: each a cycle of the input behind the one before, and `places` of the output. */
function fillSeries(
  input: Float64Array,
  output: Int16Array,
  first: number,
  whole: number,
  place: number,
  kernel: Kernel,
): void {
  const { taps, reach, weights, plain, places } = kernel;
  const stride = kernel.cycle ?? 0;
  let out = first;
  let at = whole;
  if (plain[place] === 1) {
    for (; out < output.length; out += places, at += stride) output[out] = input[at] as number;
    return;
  }
  for (; at - reach + 1 < 0 && out < output.length; out += places, at += stride)
    output[out] = rounded(sumAt(input, at, place, kernel));
  const count = Math.ceil((output.length - out) / places);
  if (sums.length < count) sums = new Float64Array(2 * count);
  sums.fill(0, 0, count);
  const row = place * taps;
  for (let tap = 0; tap < taps; tap += TAPS_AT_ONCE)
    addTaps(sums, count, input, at - reach + 1 + tap, stride, weights, row + tap);
  for (let i = 0; i < count; i += 1, out += places) output[out] = rounded(sums[i] as number);
}

/** Adds `TAPS_AT_ONCE` taps to each sum. Weights that are looked up once for a whole series are what makes it fast. */
function addTaps(
  sums: Float64Array,
  count: number,
  input: Float64Array,
  from: number,
  stride: number,
  weights: Float64Array,
  row: number,
): void {
  const w0 = weights[row] as number;
  const w1 = weights[row + 1] as number;
  const w2 = weights[row + 2] as number;
  const w3 = weights[row + 3] as number;
  const w4 = weights[row + 4] as number;
  const w5 = weights[row + 5] as number;
  const w6 = weights[row + 6] as number;
  const w7 = weights[row + 7] as number;
  for (let i = 0, at = from; i < count; i += 1, at += stride)
    sums[i] =
      (sums[i] as number) +
      (w0 * (input[at] as number) +
        w1 * (input[at + 1] as number) +
        (w2 * (input[at + 2] as number) + w3 * (input[at + 3] as number))) +
      (w4 * (input[at + 4] as number) +
        w5 * (input[at + 5] as number) +
        (w6 * (input[at + 6] as number) + w7 * (input[at + 7] as number)));
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
