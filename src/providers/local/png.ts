/** A PNG encoder (PNG, third edition) for 8-bit RGB pictures that is fed row by row and gives the same bytes on every host. */

import { crc32 } from "./png/checksums.ts";
import { Deflater } from "./png/deflate.ts";

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const CHANNELS = 3;
/** Compressed bytes gathered before they become one IDAT chunk. */
const CHUNK_BYTES = 65_536;
/** The row filters tried (PNG §9.2): what a pixel is predicted from. */
const FILTERS = [1, 2, 3] as const;
/** Every how many pixels a row is sampled to choose its filter. */
const SAMPLE_STEP = 5;

/** Encodes one picture. */
export class PngEncoder {
  readonly #deflater = new Deflater();
  readonly #parts: Uint8Array<ArrayBuffer>[] = [];
  readonly #filtered: Uint8Array;
  readonly #above: Uint8Array;
  #pending: Uint8Array<ArrayBuffer>[] = [];
  #pendingBytes = 0;

  /** `text` is kept in the file: Latin-1 values by keyword (PNG §11.3.3.2). */
  constructor(width: number, height: number, text: Readonly<Record<string, string>> = {}) {
    this.#above = new Uint8Array(width * CHANNELS);
    this.#filtered = new Uint8Array(width * CHANNELS + 1);
    const header = new Uint8Array(13);
    const view = new DataView(header.buffer);
    view.setUint32(0, width);
    view.setUint32(4, height);
    header.set([8, 2, 0, 0, 0], 8);
    this.#parts.push(SIGNATURE, chunk("IHDR", header), chunk("sRGB", Uint8Array.of(0)));
    for (const [keyword, value] of Object.entries(text))
      this.#parts.push(chunk("tEXt", latin1(`${keyword}\0${value}`)));
  }

  /** Adds the next row: red, green, blue of every pixel. */
  addRow(row: Uint8Array): void {
    const filter = chooseFilter(row, this.#above);
    const filtered = this.#filtered;
    const above = this.#above;
    filtered[0] = filter;
    for (let at = 0; at < row.length; at++) {
      const left = at < CHANNELS ? 0 : row[at - CHANNELS]!;
      const guess = filter === 1 ? left : filter === 2 ? above[at]! : (left + above[at]!) >> 1;
      filtered[at + 1] = row[at]! - guess;
    }
    this.#deflater.write(filtered);
    above.set(row);
    this.#collect(false);
  }

  /** The whole file, once every row was added. */
  finish(): Uint8Array<ArrayBuffer> {
    this.#deflater.finish();
    this.#collect(true);
    this.#parts.push(chunk("IEND", new Uint8Array(0)));
    return concatenate(this.#parts);
  }

  #collect(last: boolean): void {
    const bytes = this.#deflater.take();
    if (bytes.length > 0) this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    if (this.#pendingBytes < CHUNK_BYTES && !last) return;
    this.#parts.push(chunk("IDAT", concatenate(this.#pending)));
    this.#pending = [];
    this.#pendingBytes = 0;
  }
}

/** The filter that leaves the smallest differences on a sample of the row. */
function chooseFilter(row: Uint8Array, above: Uint8Array): number {
  const sums = [0, 0, 0];
  for (let at = CHANNELS; at < row.length; at += SAMPLE_STEP * CHANNELS + 1) {
    const left = row[at - CHANNELS]!;
    const up = above[at]!;
    const value = row[at]!;
    sums[0]! += Math.abs(value - left);
    sums[1]! += Math.abs(value - up);
    sums[2]! += Math.abs(value - ((left + up) >> 1));
  }
  const least = Math.min(...sums);
  return FILTERS[sums.indexOf(least)]!;
}

function chunk(type: string, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const name = latin1(type);
  const bytes = new Uint8Array(data.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(name, 4);
  bytes.set(data, 8);
  view.setUint32(data.length + 8, crc32(name, data));
  return bytes;
}

function latin1(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0) & 255);
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
