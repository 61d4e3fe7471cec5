/**
 * MessagePack (the specification of 2017 with timestamps), decoded within bounds: a container may not claim more
 * members than bytes are left, so the work is linear in what arrived, and nesting has a limit.
 */

import { ProtocolError } from "./hub-protocol.ts";

/** The extension type of timestamps, -1 as an unsigned byte. */
const TIMESTAMP = 0xff;
/** Levels an outgoing value may have; also what stops a value that contains itself. */
const MAX_WRITE_DEPTH = 100;
/** The scratch buffer starts here and, having grown beyond the second figure, is not kept. */
const SCRATCH_BYTES = 4 * 1024;
const MAX_KEPT_SCRATCH_BYTES = 256 * 1024;
/** Below this many bytes a loop beats the platform's decoder. */
const SHORT_TEXT_BYTES = 24;
const TWO_POW_32 = 0x1_0000_0000;

/** Text that is not UTF-8 reads as replacement characters: clients may send halves of surrogate pairs. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

/**
 * Decodes exactly one value that fills `bytes`. `bin` becomes `Uint8Array` (a copy), timestamps `Date`, 64-bit
 * integers numbers, other extensions their payload. Throws `ProtocolError`.
 */
export function decodeMessagePack(bytes: Uint8Array, maxDepth: number): unknown {
  const reader = new ValueReader(bytes, maxDepth);
  const value = reader.value(0);
  if (reader.left > 0) throw new ProtocolError("The message has bytes after its end.");
  return value;
}

/** Encodes a JSON-like value, `Date`, `Uint8Array` and `bigint`. Throws `TypeError` for what has no wire form. */
export function encodeMessagePack(value: unknown): Uint8Array {
  const writer = new ValueWriter();
  writer.value(value, 0);
  return writer.finish();
}

class ValueReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #maxDepth: number;
  #at = 0;

  constructor(bytes: Uint8Array, maxDepth: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#maxDepth = maxDepth;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  value(depth: number): unknown {
    const code = this.#view.getUint8(this.#skip(1));
    if (code < 0x80) return code;
    if (code >= 0xe0) return code - 0x100;
    if (code < 0x90) return this.#map(code & 0x0f, depth);
    if (code < 0xa0) return this.#array(code & 0x0f, depth);
    if (code < 0xc0) return this.#text(code & 0x1f);
    switch (code) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#binary(this.#length(code - 0xc4));
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.#extension(this.#length(code - 0xc7));
      case 0xca:
        return this.#view.getFloat32(this.#skip(4));
      case 0xcb:
        return this.#view.getFloat64(this.#skip(8));
      case 0xcc:
        return this.#view.getUint8(this.#skip(1));
      case 0xcd:
        return this.#view.getUint16(this.#skip(2));
      case 0xce:
        return this.#view.getUint32(this.#skip(4));
      case 0xcf:
        return Number(this.#view.getBigUint64(this.#skip(8)));
      case 0xd0:
        return this.#view.getInt8(this.#skip(1));
      case 0xd1:
        return this.#view.getInt16(this.#skip(2));
      case 0xd2:
        return this.#view.getInt32(this.#skip(4));
      case 0xd3:
        return Number(this.#view.getBigInt64(this.#skip(8)));
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#extension(1 << (code - 0xd4));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#length(code - 0xd9));
      case 0xdc:
      case 0xdd:
        return this.#array(this.#length(code - 0xdc + 1), depth);
      case 0xde:
      case 0xdf:
        return this.#map(this.#length(code - 0xde + 1), depth);
      default:
        throw new ProtocolError("The message uses a MessagePack code that does not exist.");
    }
  }

  /** A length of 1, 2 or 4 bytes for `width` 0, 1 or 2. */
  #length(width: number): number {
    if (width === 0) return this.#view.getUint8(this.#skip(1));
    return width === 1 ? this.#view.getUint16(this.#skip(2)) : this.#view.getUint32(this.#skip(4));
  }

  /** Moves on by `count` bytes and returns where they begin. */
  #skip(count: number): number {
    const from = this.#at;
    if (count > this.#bytes.length - from) throw new ProtocolError("The message ends inside a value.");
    this.#at = from + count;
    return from;
  }

  #enter(members: number, depth: number): void {
    if (members > this.left) throw new ProtocolError("The message claims more members than it has bytes.");
    if (depth >= this.#maxDepth) throw new ProtocolError("The message is nested too deeply.");
  }

  #array(length: number, depth: number): unknown[] {
    this.#enter(length, depth);
    const array: unknown[] = [];
    for (let index = 0; index < length; index++) array.push(this.value(depth + 1));
    return array;
  }

  #map(length: number, depth: number): Record<string, unknown> {
    this.#enter(length * 2, depth);
    const map: Record<string, unknown> = {};
    for (let index = 0; index < length; index++) {
      const key = this.value(depth + 1);
      if (typeof key !== "string" && typeof key !== "number")
        throw new ProtocolError("The message has a map key that is neither text nor a number.");
      const value = this.value(depth + 1);
      // Assigning this one key would set the prototype.
      if (key !== "__proto__") map[key] = value;
    }
    return map;
  }

  #binary(length: number): Uint8Array {
    const from = this.#skip(length);
    return this.#bytes.slice(from, from + length);
  }

  #text(length: number): string {
    const from = this.#skip(length);
    const to = from + length;
    if (length > SHORT_TEXT_BYTES) return decoder.decode(this.#bytes.subarray(from, to));
    let text = "";
    for (let index = from; index < to; index++) {
      const byte = this.#bytes[index]!;
      if (byte >= 0x80) return decoder.decode(this.#bytes.subarray(from, to));
      text += String.fromCharCode(byte);
    }
    return text;
  }

  #extension(length: number): unknown {
    const type = this.#view.getUint8(this.#skip(1));
    if (type !== TIMESTAMP) return this.#binary(length);
    const from = this.#skip(length);
    let seconds: number;
    let nanoseconds = 0;
    if (length === 4) {
      seconds = this.#view.getUint32(from);
    } else if (length === 8) {
      // 30 bits of nanoseconds, then 34 bits of seconds.
      const high = this.#view.getUint32(from);
      nanoseconds = high >>> 2;
      seconds = (high & 3) * TWO_POW_32 + this.#view.getUint32(from + 4);
    } else if (length === 12) {
      nanoseconds = this.#view.getUint32(from);
      seconds = Number(this.#view.getBigInt64(from + 4));
    } else {
      throw new ProtocolError("The message has a timestamp of a length that does not exist.");
    }
    return new Date(seconds * 1000 + Math.floor(nanoseconds / 1e6));
  }
}

/** Encoding never yields, so one buffer serves all; it is taken while in use, in case a `toJSON` encodes too. */
let scratch: Uint8Array<ArrayBuffer> | null = null;

class ValueWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;
  #at = 0;

  constructor() {
    this.#bytes = scratch ?? new Uint8Array(SCRATCH_BYTES);
    this.#view = new DataView(this.#bytes.buffer);
    scratch = null;
  }

  finish(): Uint8Array {
    const done = this.#bytes.slice(0, this.#at);
    if (this.#bytes.length <= MAX_KEPT_SCRATCH_BYTES) scratch = this.#bytes;
    return done;
  }

  value(value: unknown, depth: number): void {
    if (typeof value === "string") this.#text(value);
    else if (typeof value === "number") this.#number(value);
    else if (typeof value === "boolean") this.#byte(value ? 0xc3 : 0xc2);
    else if (value === undefined || value === null) this.#byte(0xc0);
    else if (typeof value === "object") this.#object(value, depth);
    else if (typeof value === "bigint") this.#bigint(value);
    else throw new TypeError(`A ${typeof value} cannot be written as MessagePack.`);
  }

  #object(value: object, depth: number): void {
    if (depth >= MAX_WRITE_DEPTH) throw new TypeError("The value is nested too deeply or contains itself.");
    if (Array.isArray(value)) {
      this.#head(value.length, 0x90, 15, 0xdc, null);
      for (const member of value) this.value(member, depth + 1);
    } else if (value instanceof Uint8Array) {
      this.#head(value.length, null, 0, 0xc5, 0xc4);
      this.#copy(value);
    } else if (value instanceof Date) {
      this.#timestamp(value);
    } else if ("toJSON" in value && typeof value.toJSON === "function") {
      this.value(value.toJSON(), depth + 1);
    } else {
      const entries = Object.entries(value).filter(([, member]) => member !== undefined);
      this.#head(entries.length, 0x80, 15, 0xde, null);
      for (const [key, member] of entries) {
        this.#text(key);
        this.value(member, depth + 1);
      }
    }
  }

  #number(value: number): void {
    if (!Number.isSafeInteger(value)) {
      this.#byte(0xcb);
      this.#view.setFloat64(this.#reserve(8), value);
    } else if (value >= 0) {
      if (value < 0x80) this.#byte(value);
      else if (value < 0x100) {
        this.#byte(0xcc);
        this.#byte(value);
      } else if (value < 0x10000) {
        this.#byte(0xcd);
        this.#view.setUint16(this.#reserve(2), value);
      } else if (value < TWO_POW_32) {
        this.#byte(0xce);
        this.#view.setUint32(this.#reserve(4), value);
      } else {
        this.#byte(0xcf);
        this.#view.setBigUint64(this.#reserve(8), BigInt(value));
      }
    } else if (value >= -0x20) this.#byte(value & 0xff);
    else if (value >= -0x80) {
      this.#byte(0xd0);
      this.#byte(value & 0xff);
    } else if (value >= -0x8000) {
      this.#byte(0xd1);
      this.#view.setInt16(this.#reserve(2), value);
    } else if (value >= -0x8000_0000) {
      this.#byte(0xd2);
      this.#view.setInt32(this.#reserve(4), value);
    } else {
      this.#byte(0xd3);
      this.#view.setBigInt64(this.#reserve(8), BigInt(value));
    }
  }

  #bigint(value: bigint): void {
    if (value !== BigInt.asUintN(64, value) && value !== BigInt.asIntN(64, value))
      throw new TypeError("An integer of more than 64 bits cannot be written as MessagePack.");
    this.#byte(value < 0n ? 0xd3 : 0xcf);
    this.#view.setBigUint64(this.#reserve(8), BigInt.asUintN(64, value));
  }

  #text(text: string): void {
    if (text.length <= SHORT_TEXT_BYTES && this.#shortText(text)) return;
    const bytes = encoder.encode(text);
    this.#head(bytes.length, 0xa0, 31, 0xda, 0xd9);
    this.#copy(bytes);
  }

  /** Writes text that fits the shortest head, if it is ASCII. */
  #shortText(text: string): boolean {
    const from = this.#reserve(1 + text.length);
    this.#bytes[from] = 0xa0 | text.length;
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      if (unit >= 0x80) {
        this.#at = from;
        return false;
      }
      this.#bytes[from + 1 + index] = unit;
    }
    return true;
  }

  /** A timestamp in its 32-bit form for whole seconds of this age, else in the 96-bit form, which knows every date. */
  #timestamp(date: Date): void {
    const time = date.getTime();
    if (Number.isNaN(time)) throw new TypeError("An invalid date cannot be written as MessagePack.");
    const seconds = Math.floor(time / 1000);
    const nanoseconds = (time - seconds * 1000) * 1e6;
    if (nanoseconds === 0 && seconds >= 0 && seconds < TWO_POW_32) {
      this.#byte(0xd6);
      this.#byte(TIMESTAMP);
      this.#view.setUint32(this.#reserve(4), seconds);
    } else if (seconds >= 0 && seconds < 4 * TWO_POW_32) {
      this.#byte(0xd7);
      this.#byte(TIMESTAMP);
      const from = this.#reserve(8);
      this.#view.setUint32(from, nanoseconds * 4 + Math.floor(seconds / TWO_POW_32));
      this.#view.setUint32(from + 4, seconds % TWO_POW_32);
    } else {
      this.#byte(0xc7);
      this.#byte(12);
      this.#byte(TIMESTAMP);
      const from = this.#reserve(12);
      this.#view.setUint32(from, nanoseconds);
      this.#view.setBigInt64(from + 4, BigInt(seconds));
    }
  }

  /**
   * A length: inside `tiny`'s low bits up to `tinyMax`, else after `code8` if there is one, `code16` or the code after
   * it.
   */
  #head(length: number, tiny: number | null, tinyMax: number, code16: number, code8: number | null): void {
    if (tiny !== null && length <= tinyMax) this.#byte(tiny | length);
    else if (code8 !== null && length < 0x100) {
      this.#byte(code8);
      this.#byte(length);
    } else if (length < 0x10000) {
      this.#byte(code16);
      this.#view.setUint16(this.#reserve(2), length);
    } else {
      this.#byte(code16 + 1);
      this.#view.setUint32(this.#reserve(4), length);
    }
  }

  #byte(byte: number): void {
    const at = this.#reserve(1);
    this.#bytes[at] = byte;
  }

  #copy(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
  }

  #reserve(count: number): number {
    const from = this.#at;
    const end = from + count;
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(end, this.#bytes.length * 2));
      larger.set(this.#bytes.subarray(0, from));
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    this.#at = end;
    return from;
  }
}
