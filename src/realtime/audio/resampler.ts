/**
 * Changes the rate of sound that comes in pieces. Each output sample is a weighted sum of the input around its moment, by a sinc
 * under a Hann window, cut off at half of the lower rate; pieces join without a seam.
 */

/** Input samples on either side of an output sample, at equal rates. */
const REACH = 12;

export class Resampler {
  readonly #step: number;
  readonly #cutoff: number;
  readonly #reach: number;
  /** Input that may still be needed, and the position of its first sample. */
  #tail: Float32Array = new Float32Array(0);
  #tailAt = 0;
  /** Moment of the next output sample, in input samples. */
  #next = 0;

  /** Rates in samples per second. */
  constructor(from: number, to: number) {
    this.#step = from / to;
    this.#cutoff = Math.min(1, to / from);
    this.#reach = Math.ceil(REACH / this.#cutoff);
  }

  /** The output that the input so far decides; the last few samples come with the next piece. */
  push(samples: Int16Array): Int16Array {
    if (this.#step === 1) return samples;
    const input = new Float32Array(this.#tail.length + samples.length);
    input.set(this.#tail);
    input.set(samples, this.#tail.length);
    const first = this.#tailAt;
    const end = first + input.length - this.#reach;
    const count = Math.max(0, Math.ceil((end - this.#next) / this.#step));
    const output = new Int16Array(count);
    for (let i = 0; i < count; i += 1) {
      output[i] = this.#sampleAt(input, this.#next - first);
      this.#next += this.#step;
    }
    const keepFrom = Math.max(0, Math.floor(this.#next) - this.#reach - first);
    this.#tail = input.slice(Math.min(keepFrom, input.length));
    this.#tailAt = first + Math.min(keepFrom, input.length);
    return output;
  }

  #sampleAt(input: Float32Array, moment: number): number {
    const from = Math.max(0, Math.ceil(moment - this.#reach));
    const to = Math.min(input.length - 1, Math.floor(moment + this.#reach));
    let sum = 0;
    let weights = 0;
    for (let i = from; i <= to; i += 1) {
      const weight = kernel(i - moment, this.#cutoff, this.#reach);
      sum += weight * (input[i] ?? 0);
      weights += weight;
    }
    const value = weights === 0 ? 0 : sum / weights;
    return Math.max(-32_768, Math.min(32_767, Math.round(value)));
  }
}

function kernel(distance: number, cutoff: number, reach: number): number {
  const x = distance * cutoff * Math.PI;
  const sinc = x === 0 ? 1 : Math.sin(x) / x;
  return sinc * (0.5 + 0.5 * Math.cos((Math.PI * distance) / reach));
}
