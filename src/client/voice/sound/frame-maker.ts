/** Makes frames of equal length and rate from the pieces in which a microphone delivers. Pure. */

import { Resampler } from "../../../audio/resampler.ts";

/** The rate of sessions in which nothing else is agreed on, samples per second. */
export const VOICE_RATE = 24_000;
const FRAME_MS = 20;
/** Samples of one frame. */
export const FRAME_SAMPLES = (VOICE_RATE * FRAME_MS) / 1_000;
const FULL_SCALE = 32_767;

export class FrameMaker {
  readonly #resampler: Resampler;
  #frame = new Int16Array(FRAME_SAMPLES);
  #filled = 0;

  /** `rate` is the microphone's, samples per second. */
  constructor(rate: number) {
    this.#resampler = new Resampler(rate, VOICE_RATE);
  }

  /** The frames that are whole now; samples of the piece are -1 to 1, beyond that they are cut off. */
  push(piece: Float32Array): Int16Array<ArrayBuffer>[] {
    const samples = this.#resampler.push(toPcm(piece));
    const frames: Int16Array<ArrayBuffer>[] = [];
    for (let at = 0; at < samples.length; ) {
      const part = samples.subarray(at, at + FRAME_SAMPLES - this.#filled);
      this.#frame.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled < FRAME_SAMPLES) break;
      frames.push(this.#frame);
      this.#frame = new Int16Array(FRAME_SAMPLES);
      this.#filled = 0;
    }
    return frames;
  }
}

function toPcm(piece: Float32Array): Int16Array {
  const samples = new Int16Array(piece.length);
  for (let i = 0; i < samples.length; i += 1)
    samples[i] = Math.round(Math.max(-1, Math.min(1, piece[i] as number)) * FULL_SCALE);
  return samples;
}

/** Samples as a speaker takes them, -1 to 1. */
export function fromPcm(samples: Int16Array): Float32Array<ArrayBuffer> {
  const piece = new Float32Array(samples.length);
  for (let i = 0; i < piece.length; i += 1) piece[i] = (samples[i] as number) / (FULL_SCALE + 1);
  return piece;
}
