/** The binary framing: each message is preceded by its length as an unsigned LEB128 number of 1 to 5 bytes. */

import { ProtocolError } from "./hub-protocol.ts";
import { messageTooLarge } from "./text-format.ts";

const MAX_PREFIX_BYTES = 5;
/** The fifth byte carries bits 28 to 30: lengths end at 2³¹ - 1. */
const MAX_FIFTH_BYTE = 7;
/** More pieces than this are copied together: a peer that sends single bytes must not cost an object for each. */
const MAX_PIECES = 64;

/** `body` with its length in front. */
export function prefixLength(body: Uint8Array): Uint8Array<ArrayBuffer> {
  let size = 1;
  for (let rest = body.length >>> 7; rest > 0; rest >>>= 7) size++;
  const frame = new Uint8Array(size + body.length);
  let rest = body.length;
  for (let index = 0; index < size; index++, rest >>>= 7)
    frame[index] = (rest & 0x7f) | (index < size - 1 ? 0x80 : 0);
  frame.set(body, size);
  return frame;
}

/** Cuts chunks into message bodies. Nothing is allocated on the strength of a length alone. */
export class BinaryReader {
  readonly #maxBytes: number;
  #pieces: Uint8Array[] = [];
  #unread = 0;
  /** Length of the body being waited for; -1 while its prefix is being read. */
  #bodyLength = -1;
  #prefix = 0;
  #prefixBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get unread(): number {
    return this.#unread;
  }

  get partial(): boolean {
    return this.#unread > 0 || this.#prefixBytes > 0;
  }

  /** The bytes are kept until read: the caller must not reuse their buffer. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#pieces.push(bytes);
    this.#unread += bytes.length;
    if (this.#pieces.length > MAX_PIECES) this.#pieces = [this.#copy(this.#unread)];
  }

  /**
   * The next body, or null until it is complete. Throws `ProtocolError` for a length that is malformed or too large.
   */
  next(): Uint8Array | null {
    if (this.#bodyLength < 0 && !this.#readPrefix()) return null;
    if (this.#unread < this.#bodyLength) return null;
    const body = this.#take(this.#bodyLength);
    this.#bodyLength = -1;
    this.#prefix = this.#prefixBytes = 0;
    return body;
  }

  #readPrefix(): boolean {
    while (this.#unread > 0) {
      const byte = this.#take(1)[0]!;
      this.#prefixBytes++;
      if (this.#prefixBytes === MAX_PREFIX_BYTES && byte > MAX_FIFTH_BYTE)
        throw new ProtocolError("Messages over 2GB in size are not supported.");
      this.#prefix |= (byte & 0x7f) << (7 * (this.#prefixBytes - 1));
      if (byte >= 0x80) continue;
      if (this.#prefix > this.#maxBytes - this.#prefixBytes) throw messageTooLarge(this.#maxBytes);
      this.#bodyLength = this.#prefix;
      return true;
    }
    return false;
  }

  /** Removes `length` bytes, which are there; a view where they lie in one piece. */
  #take(length: number): Uint8Array {
    const first = this.#pieces[0];
    if (first === undefined || length === 0) return new Uint8Array(0);
    if (first.length < length) {
      const whole = this.#copy(this.#unread);
      this.#pieces = [whole];
      return this.#take(length);
    }
    this.#unread -= length;
    if (first.length === length) this.#pieces.shift();
    else this.#pieces[0] = first.subarray(length);
    return first.subarray(0, length);
  }

  #copy(length: number): Uint8Array {
    const whole = new Uint8Array(length);
    let offset = 0;
    for (const piece of this.#pieces) {
      whole.set(piece, offset);
      offset += piece.length;
    }
    return whole;
  }
}

/** All of them in one. */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((total, { length }) => total + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
