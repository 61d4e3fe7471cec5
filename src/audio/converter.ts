/** Turns sound that comes in pieces from one format into another. */

import type { AudioFormat } from "../protocol/realtime.ts";
import { decodedBase64 } from "./base64-audio.ts";
import { Resampler } from "./resampler.ts";
import { decodeAudio, encodeAudio, rateOf } from "./samples.ts";

export class AudioConverter {
  readonly from: AudioFormat;
  readonly to: AudioFormat;
  readonly #resampler: Resampler | null;
  readonly #same: boolean;

  constructor(from: AudioFormat, to: AudioFormat) {
    this.from = from;
    this.to = to;
    this.#same = from.type === to.type && rateOf(from) === rateOf(to);
    this.#resampler = rateOf(from) === rateOf(to) ? null : new Resampler(rateOf(from), rateOf(to));
  }

  convert(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    if (this.#same) return bytes.slice();
    const samples = decodeAudio(bytes, this.from);
    return encodeAudio(this.#resampler?.push(samples) ?? samples, this.to);
  }
}

/** The converter between two formats that may change in mid-session: made anew when they do. */
export class AudioPath {
  #converter: AudioConverter | null = null;

  /** Sound in base64, as base64; what is none is no sound. The same format leaves it as it is. */
  convertBase64(text: string, from: AudioFormat, to: AudioFormat): string {
    if (sameFormat(from, to)) return text;
    const bytes = decodedBase64(text);
    return bytes === null ? "" : this.convert(bytes, from, to).toBase64();
  }

  convert(bytes: Uint8Array, from: AudioFormat, to: AudioFormat): Uint8Array<ArrayBuffer> {
    const known = this.#converter;
    if (known === null || !sameFormat(known.from, from) || !sameFormat(known.to, to))
      this.#converter = new AudioConverter(from, to);
    return (this.#converter as AudioConverter).convert(bytes);
  }
}

function sameFormat(one: AudioFormat, other: AudioFormat): boolean {
  return one.type === other.type && rateOf(one) === rateOf(other);
}
