/** The text framing: messages end with the record separator, which JSON never contains unescaped. */

import { type Chunk, ProtocolError } from "./hub-protocol.ts";

export const RECORD_SEPARATOR = "\x1e";

/** UTF-8 needs at most this many bytes for one UTF-16 unit. */
const MAX_BYTES_PER_UNIT = 3;

/** Splits chunks at record separators. Text is searched once, however finely it is cut. */
export class TextReader {
  readonly #maxBytes: number;
  #decoder: TextDecoder | null = null;
  #queue: string[] = [];
  /** Where to go on in the first chunk of the queue. */
  #offset = 0;
  #unread = 0;
  /** Pieces of the message whose end has not come, and their bytes. */
  #pieces: string[] = [];
  #pieceBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get unread(): number {
    return this.#unread;
  }

  get partial(): boolean {
    return this.#unread > 0 || this.#pieceBytes > 0;
  }

  /** Bytes may end inside a character. Throws `ProtocolError` when they are not UTF-8. */
  push(chunk: Chunk): void {
    const text = typeof chunk === "string" ? chunk : this.#decode(chunk);
    if (text === "") return;
    this.#queue.push(text);
    this.#unread += text.length;
  }

  /** The next record without its separator. Throws `ProtocolError` when it exceeds the limit, ended or not. */
  next(): string | null {
    for (;;) {
      const text = this.#queue[0];
      if (text === undefined) return null;
      const end = text.indexOf(RECORD_SEPARATOR, this.#offset);
      const piece = text.slice(this.#offset, end < 0 ? text.length : end);
      if (end < 0 || end + 1 === text.length) {
        this.#queue.shift();
        this.#offset = 0;
      } else {
        this.#offset = end + 1;
      }
      this.#unread -= piece.length + (end < 0 ? 0 : 1);
      if (end < 0) {
        this.#pieces.push(piece);
        this.#pieceBytes += utf8Length(piece);
        if (this.#pieceBytes >= this.#maxBytes) throw messageTooLarge(this.#maxBytes);
        continue;
      }
      const room = this.#maxBytes - 1 - this.#pieceBytes;
      if (exceedsBytes(piece, room)) throw messageTooLarge(this.#maxBytes);
      if (this.#pieces.length === 0) return piece;
      const record = this.#pieces.join("") + piece;
      this.#pieces = [];
      this.#pieceBytes = 0;
      return record;
    }
  }

  #decode(bytes: Uint8Array): string {
    this.#decoder ??= new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    try {
      return this.#decoder.decode(bytes, { stream: true });
    } catch {
      throw new ProtocolError("The message is not valid UTF-8.");
    }
  }
}

/** Bytes of `text`, which is well formed, in UTF-8. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) continue;
    bytes++;
    // Each half of a surrogate pair accounts for two of its four bytes.
    if (unit >= 0x800 && (unit < 0xd800 || unit > 0xdfff)) bytes++;
  }
  return bytes;
}

/** The error of a message above the limit. */
export function messageTooLarge(maxBytes: number): ProtocolError {
  return new ProtocolError(
    `The maximum message size of ${maxBytes}B was exceeded. The message size can be configured in AddHubOptions.`,
  );
}

/** Whether `text` is longer than `bytes` in UTF-8; counts only where the length alone does not tell. */
export function exceedsBytes(text: string, bytes: number): boolean {
  if (text.length > bytes) return true;
  return text.length * MAX_BYTES_PER_UNIT > bytes && utf8Length(text) > bytes;
}
