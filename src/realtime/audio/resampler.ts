/**
 * Changes the rate of sound that comes in pieces. Each output sample is a weighted sum of the input around its moment, by a sinc
 * under a Hann window, cut off at half of the lower rate; pieces join without a seam. The weights depend only on where between two
 * input samples the moment lies, so they are computed once for each such place.
 */

import { type Kernel, kernelOf } from "./kernel.ts";

export class Resampler {
  readonly #step: number;
  readonly #kernel: Kernel;
  /** Input that may still be needed, and the position of its first sample. */
  #tail: Float32Array = new Float32Array(0);
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
    const input = new Float32Array(this.#tail.length + samples.length);
    input.set(this.#tail);
    input.set(samples, this.#tail.length);
    const first = this.#tailAt;
    const end = first + input.length - reach;
    const count = Math.max(0, Math.ceil((end - this.#next) / this.#step));
    const output = new Int16Array(count);
    for (let i = 0; i < count; i += 1) {
      output[i] = sampleAt(input, this.#next - first, this.#kernel);
      this.#next += this.#step;
    }
    const keepFrom = Math.max(0, Math.floor(this.#next) - reach - first);
    this.#tail = input.slice(Math.min(keepFrom, input.length));
    this.#tailAt = first + Math.min(keepFrom, input.length);
    return output;
  }
}

/** `moment` in samples of the input, at least `reach` before its end; before its beginning there is nothing. */
function sampleAt(input: Float32Array, moment: number, { places, taps, reach, weights }: Kernel): number {
  let whole = Math.floor(moment);
  let place = Math.round((moment - whole) * places);
  if (place === places) {
    place = 0;
    whole += 1;
  }
  const from = whole - reach;
  const row = place * taps;
  // The last weight of a moment on a sample is nought, and its sample may be missing.
  const end = Math.min(taps, input.length - from);
  let sum = 0;
  if (from >= 0) {
    for (let tap = 0; tap < end; tap += 1)
      sum += (weights[row + tap] as number) * (input[from + tap] as number);
  } else {
    let share = 0;
    for (let tap = -from; tap < end; tap += 1) {
      const weight = weights[row + tap] as number;
      sum += weight * (input[from + tap] as number);
      share += weight;
    }
    sum = share === 0 ? 0 : sum / share;
  }
  return Math.max(-32_768, Math.min(32_767, Math.round(sum)));
}
