/**
 * Reads JSON as it arrives and takes large base64 texts out of it, decoded, so that a document of 20 MB never stands in
 * memory. What is left is an ordinary, small document, in which the texts taken out are empty.
 */

import { Base64Decoder } from "./base64-decoder.ts";

export type JsonEvent =
  /**
   * A text begins that `isMedia` claimed; its bytes follow until `media_end`. `path` is dotted, such as `data.0.b64_json`;
   * a dot within a name is doubled.
   */
  { kind: "media_start"; path: string } | { kind: "media_bytes"; bytes: Uint8Array } | { kind: "media_end" };

/** The document breaks the bound, or is no JSON that could be followed. */
export class JsonStreamError extends Error {
  override readonly name = "JsonStreamError";
  constructor(readonly fault: "too_large" | "malformed") {
    super(fault === "too_large" ? "the document is too large" : "the document is no JSON");
  }
}

type Frame = { array: boolean; index: number; key: string; readsKey: boolean };

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const COMMA = 0x2c;
const COLON = 0x3a;
/** No provider nests deeper; a hostile one would only cost memory. */
export const MAX_ANSWER_DEPTH = 64;
const EMPTY_TEXT = new Uint8Array([QUOTE, QUOTE]);

export class JsonEventReader {
  readonly #isMedia: (path: string) => boolean;
  readonly #maxBytes: number;
  readonly #stack: Frame[] = [];
  readonly #kept: Uint8Array[] = [];
  #size = 0;
  /** Within a text that is kept: where in the kept bytes it began is not needed, but whether the next byte is escaped is. */
  #state: "between" | "text" | "media" = "between";
  #escaped = false;
  /** The key that is being read, as JSON text with its quotes; null when the text is a value. */
  #key: number[] | null = null;
  #decoder: Base64Decoder | null = null;

  /** `maxBytes` bounds everything but the media. */
  constructor(options: { isMedia(path: string): boolean; maxBytes: number }) {
    this.#isMedia = options.isMedia;
    this.#maxBytes = options.maxBytes;
  }

  /** Takes the next bytes. Throws `JsonStreamError`, and `Base64Error` for a media text that is no base64. */
  *push(chunk: Uint8Array): Generator<JsonEvent> {
    let at = 0;
    while (at < chunk.length) {
      if (this.#state === "media") {
        const end = chunk.indexOf(QUOTE, at);
        const bytes = this.#decode(chunk.subarray(at, end < 0 ? chunk.length : end), end >= 0);
        if (bytes.length > 0) yield { kind: "media_bytes", bytes };
        if (end < 0) return;
        this.#state = "between";
        this.#decoder = null;
        yield { kind: "media_end" };
        at = end + 1;
      } else {
        const from = at;
        let path: string | null = null;
        while (at < chunk.length && path === null) path = this.#step(chunk[at++] as number);
        // The quote that begins a media text is written as part of the empty text in its place.
        this.#keep(chunk.subarray(from, path === null ? at : at - 1));
        if (path !== null) {
          this.#keep(EMPTY_TEXT);
          this.#state = "media";
          this.#decoder = new Base64Decoder();
          yield { kind: "media_start", path };
        }
      }
    }
  }

  /** The document without its media, as text, once every byte was pushed. Throws when it stopped in the middle of media. */
  finish(): string {
    if (this.#state === "media") throw new JsonStreamError("malformed");
    const decoder = new TextDecoder();
    const texts = this.#kept.map((part) => decoder.decode(part, { stream: true }));
    return texts.join("") + decoder.decode();
  }

  /** One byte outside of media; answers the path when a media text begins behind it. */
  #step(byte: number): string | null {
    if (this.#state === "text") {
      this.#key?.push(byte);
      if (this.#escaped) this.#escaped = false;
      else if (byte === BACKSLASH) this.#escaped = true;
      else if (byte === QUOTE) this.#endText();
      return null;
    }
    const top = this.#stack.at(-1);
    switch (byte) {
      case QUOTE: {
        const readsKey = top !== undefined && !top.array && top.readsKey;
        const path = readsKey ? null : this.#path();
        if (path !== null && this.#isMedia(path)) return path;
        this.#state = "text";
        this.#key = readsKey ? [QUOTE] : null;
        return null;
      }
      case OPEN_OBJECT:
      case OPEN_ARRAY:
        if (this.#stack.length >= MAX_ANSWER_DEPTH) throw new JsonStreamError("malformed");
        this.#stack.push({ array: byte === OPEN_ARRAY, index: 0, key: "", readsKey: true });
        return null;
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        if (this.#stack.pop() === undefined) throw new JsonStreamError("malformed");
        return null;
      case COMMA:
        if (top !== undefined) {
          top.index += 1;
          top.readsKey = true;
        }
        return null;
      case COLON:
        if (top !== undefined) top.readsKey = false;
        return null;
      default:
        return null;
    }
  }

  #endText(): void {
    const key = this.#key;
    this.#state = "between";
    this.#key = null;
    const top = this.#stack.at(-1);
    if (key === null || top === undefined) return;
    try {
      top.key = String(JSON.parse(new TextDecoder().decode(new Uint8Array(key))));
    } catch {
      throw new JsonStreamError("malformed");
    }
  }

  #path(): string {
    return this.#stack
      .map((frame) => (frame.array ? String(frame.index) : frame.key.replaceAll(".", "..")))
      .join(".");
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#size += bytes.length;
    if (this.#size > this.#maxBytes) throw new JsonStreamError("too_large");
    // A copy: the chunk it is part of may be large, and would be held as a whole.
    this.#kept.push(bytes.slice());
  }

  #decode(text: Uint8Array, last: boolean): Uint8Array {
    const decoder = this.#decoder as Base64Decoder;
    return last ? decoder.finish(text) : decoder.push(text);
  }
}
