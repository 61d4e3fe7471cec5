/**
 * A small zlib compressor (RFC 1950, RFC 1951) whose output depends on its input alone. The hosts' own compressors
 * differ from each other and between versions, and a picture must have the same bytes everywhere.
 *
 * Matches are found by one probe of a hash table and blocks use dynamic Huffman codes: on painted pictures that
 * comes within a few percent of a full search at a fraction of its time.
 */

import { adler32 } from "./checksums.ts";
import { type HuffmanCode, huffmanCode } from "./huffman.ts";

const WINDOW = 32_768;
/** Input bytes of a block: short enough that one is compressed in half a millisecond. */
const BLOCK = 16_384;
/** Shorter matches cost more than the Huffman codes of their bytes. */
const MIN_MATCH = 4;
const MAX_MATCH = 258;
const HASH_BITS = 14;
const END_OF_BLOCK = 256;
/** Above this a token is a match: length << 16 | distance. */
const MATCH = 1 << 16;

const LENGTH_BASE = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195,
  227, 258,
];
const LENGTH_EXTRA = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_BASE = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097,
  6145, 8193, 12289, 16385, 24577,
];
const DISTANCE_EXTRA = DISTANCE_BASE.map((_, code) => Math.max(0, (code >> 1) - 1));
/** The order in which a block header lists the lengths of the code that codes its codes. */
const HEADER_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

const LENGTH_CODE = codeTable(LENGTH_BASE, MAX_MATCH + 1);
const DISTANCE_CODE = codeTable(DISTANCE_BASE, WINDOW + 1);

/** Compresses a stream as it is written. */
export class Deflater {
  /** The last window of input, then the bytes not compressed yet. */
  readonly #input = new Uint8Array(WINDOW + BLOCK);
  #start = 0;
  #end = 0;
  /** Stream position of the buffer's first byte; positions in the hash table are counted in the stream. */
  #origin = 0;
  readonly #heads = new Int32Array(1 << HASH_BITS).fill(-1);
  readonly #tokens = new Uint32Array(BLOCK);
  #output = new Uint8Array(BLOCK);
  #written = 0;
  #bits = 0;
  #bitCount = 0;
  #adler = 1;

  constructor() {
    // Deflate with a 32 kB window, no dictionary; 0x7801 is a multiple of 31 as the header demands.
    this.#putByte(0x78);
    this.#putByte(0x01);
  }

  write(bytes: Uint8Array): void {
    this.#adler = adler32(this.#adler, bytes);
    for (let from = 0; from < bytes.length; ) {
      const take = Math.min(
        bytes.length - from,
        this.#start + BLOCK - this.#end,
        this.#input.length - this.#end,
      );
      this.#input.set(bytes.subarray(from, from + take), this.#end);
      this.#end += take;
      from += take;
      if (this.#end - this.#start === BLOCK || this.#end === this.#input.length) this.#compress(false);
    }
  }

  /** Ends the stream. */
  finish(): void {
    this.#compress(true);
    if (this.#bitCount > 0) this.#putBits(0, 8 - this.#bitCount);
    for (let shift = 24; shift >= 0; shift -= 8) this.#putByte((this.#adler >>> shift) & 255);
  }

  /** What has been compressed since the last call. */
  take(): Uint8Array<ArrayBuffer> {
    const bytes = this.#output.slice(0, this.#written);
    this.#written = 0;
    return bytes;
  }

  #compress(final: boolean): void {
    const count = this.#tokenize();
    this.#writeBlock(count, final);
    const keep = Math.min(WINDOW, this.#end);
    this.#input.copyWithin(0, this.#end - keep, this.#end);
    this.#origin += this.#end - keep;
    this.#start = keep;
    this.#end = keep;
  }

  /** Turns the pending bytes into literals and matches; answers how many. */
  #tokenize(): number {
    const input = this.#input;
    const heads = this.#heads;
    const tokens = this.#tokens;
    const end = this.#end;
    let count = 0;
    let at = this.#start;
    while (at < end) {
      let length = 0;
      let distance = 0;
      if (at + MIN_MATCH <= end) {
        const word = input[at]! | (input[at + 1]! << 8) | (input[at + 2]! << 16) | (input[at + 3]! << 24);
        const slot = Math.imul(word, 0x9e3779b1) >>> (32 - HASH_BITS);
        const candidate = heads[slot]! - this.#origin;
        heads[slot] = at + this.#origin;
        if (candidate >= 0 && at - candidate <= WINDOW) {
          const longest = Math.min(MAX_MATCH, end - at);
          while (length < longest && input[candidate + length] === input[at + length]) length++;
          distance = at - candidate;
        }
      }
      if (length < MIN_MATCH) {
        tokens[count++] = input[at++]!;
      } else {
        // length is at most 258 and distance 32,768, so both fit.
        tokens[count++] = (length * MATCH + distance) >>> 0;
        at += length;
      }
    }
    return count;
  }

  #writeBlock(count: number, final: boolean): void {
    const literalCounts = new Uint32Array(286);
    const distanceCounts = new Uint32Array(30);
    literalCounts[END_OF_BLOCK] = 1;
    for (let index = 0; index < count; index++) {
      const token = this.#tokens[index]!;
      if (token < MATCH) literalCounts[token]!++;
      else {
        literalCounts[257 + LENGTH_CODE[token >>> 16]!]!++;
        distanceCounts[DISTANCE_CODE[token & 0xffff]!]!++;
      }
    }
    const literals = huffmanCode(literalCounts, 15);
    const distances = huffmanCode(distanceCounts, 15);
    this.#putBits(final ? 1 : 0, 1);
    this.#putBits(2, 2);
    this.#writeCodes(literals, distances);
    for (let index = 0; index < count; index++) {
      const token = this.#tokens[index]!;
      if (token < MATCH) {
        this.#putBits(literals.codes[token]!, literals.lengths[token]!);
        continue;
      }
      const length = token >>> 16;
      const lengthCode = LENGTH_CODE[length]!;
      this.#putBits(literals.codes[257 + lengthCode]!, literals.lengths[257 + lengthCode]!);
      this.#putBits(length - LENGTH_BASE[lengthCode]!, LENGTH_EXTRA[lengthCode]!);
      const distance = token & 0xffff;
      const distanceCode = DISTANCE_CODE[distance]!;
      this.#putBits(distances.codes[distanceCode]!, distances.lengths[distanceCode]!);
      this.#putBits(distance - DISTANCE_BASE[distanceCode]!, DISTANCE_EXTRA[distanceCode]!);
    }
    this.#putBits(literals.codes[END_OF_BLOCK]!, literals.lengths[END_OF_BLOCK]!);
  }

  /** The header of a dynamic block: both codes' lengths, run-length coded, themselves under a code. */
  #writeCodes(literals: HuffmanCode, distances: HuffmanCode): void {
    const lengths = new Uint8Array(286 + 30);
    lengths.set(literals.lengths);
    lengths.set(distances.lengths, 286);
    const runs = runLengths(lengths);
    const counts = new Uint32Array(19);
    for (const run of runs) counts[run.symbol]!++;
    const code = huffmanCode(counts, 7);
    this.#putBits(286 - 257, 5);
    this.#putBits(30 - 1, 5);
    this.#putBits(HEADER_ORDER.length - 4, 4);
    for (const symbol of HEADER_ORDER) this.#putBits(code.lengths[symbol]!, 3);
    for (const run of runs) {
      this.#putBits(code.codes[run.symbol]!, code.lengths[run.symbol]!);
      this.#putBits(run.extra, run.extraBits);
    }
  }

  /** Appends up to 16 bits, the lowest first. */
  #putBits(value: number, count: number): void {
    this.#bits |= value << this.#bitCount;
    this.#bitCount += count;
    while (this.#bitCount >= 8) {
      this.#putByte(this.#bits & 255);
      this.#bits >>>= 8;
      this.#bitCount -= 8;
    }
  }

  #putByte(byte: number): void {
    if (this.#written === this.#output.length) {
      const larger = new Uint8Array(this.#output.length * 2);
      larger.set(this.#output);
      this.#output = larger;
    }
    this.#output[this.#written++] = byte;
  }
}

/** Runs of equal lengths as RFC 1951 §3.2.7 codes them: 16 repeats the last, 17 and 18 are runs of zeros. */
function runLengths(lengths: Uint8Array): { symbol: number; extra: number; extraBits: number }[] {
  const runs: { symbol: number; extra: number; extraBits: number }[] = [];
  for (let at = 0; at < lengths.length; ) {
    const value = lengths[at]!;
    let run = 1;
    while (at + run < lengths.length && lengths[at + run] === value) run++;
    at += run;
    if (value !== 0) {
      runs.push({ symbol: value, extra: 0, extraBits: 0 });
      run--;
    }
    while (run >= 3) {
      const most = value !== 0 ? 6 : run >= 11 ? 138 : 10;
      const take = Math.min(run, most);
      if (value !== 0) runs.push({ symbol: 16, extra: take - 3, extraBits: 2 });
      else if (take >= 11) runs.push({ symbol: 18, extra: take - 11, extraBits: 7 });
      else runs.push({ symbol: 17, extra: take - 3, extraBits: 3 });
      run -= take;
    }
    for (; run > 0; run--) runs.push({ symbol: value, extra: 0, extraBits: 0 });
  }
  return runs;
}

/** Which code's range a value falls in. */
function codeTable(bases: readonly number[], size: number): Uint8Array {
  const table = new Uint8Array(size);
  let code = 0;
  for (let value = 0; value < size; value++) {
    while (code + 1 < bases.length && bases[code + 1]! <= value) code++;
    table[value] = code;
  }
  return table;
}
