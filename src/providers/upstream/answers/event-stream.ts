/**
 * Server-sent events whose data is JSON, read byte by byte: the base64 in an event is decoded while it arrives, as in
 * `json-events.ts`.
 */

import { type JsonEvent, JsonEventReader } from "./json-events.ts";

export type SseEvent =
  /** Data begins; `name` is that of the `event:` line, empty where none came before the data. */
  | { kind: "event_start"; name: string }
  | JsonEvent
  /** The event is complete: its data without the media, as text. */
  | { kind: "event_end"; name: string; data: string };

export type EventStreamOptions = {
  /** Whether the text at a path of an event's data is base64 to be taken out. */
  isMedia(path: string): boolean;
  /** Bounds one event without its media. */
  maxEventBytes: number;
};

const LINE_FEED = 0x0a;
const RETURN = 0x0d;
/** No field's name is longer; a longer line is a comment or a field of no interest. */
const MAX_NAME_BYTES = 256;
const NEWLINE = new Uint8Array([LINE_FEED]);
const decoder = new TextDecoder();

export class EventStreamReader {
  readonly #options: EventStreamOptions;
  #name = "";
  #data: JsonEventReader | null = null;
  /** The line so far, until it is known whether it carries data. */
  #line: number[] = [];
  #lineKind: "open" | "data" | "other" = "open";
  #afterReturn = false;

  constructor(options: EventStreamOptions) {
    this.#options = options;
  }

  /** Takes the next bytes. Throws as `JsonEventReader.push` does. */
  *push(chunk: Uint8Array): Generator<SseEvent> {
    let at = 0;
    while (at < chunk.length) {
      const byte = chunk[at] as number;
      if (byte === LINE_FEED && this.#afterReturn) {
        this.#afterReturn = false;
        at += 1;
      } else if (byte === LINE_FEED || byte === RETURN) {
        this.#afterReturn = byte === RETURN;
        at += 1;
        yield* this.#endLine();
      } else if (this.#lineKind === "data") {
        const end = lineEnd(chunk, at);
        if (this.#data !== null) yield* this.#data.push(chunk.subarray(at, end));
        this.#afterReturn = false;
        at = end;
      } else {
        this.#afterReturn = false;
        at += 1;
        yield* this.#head(byte);
      }
    }
  }

  *#head(byte: number): Generator<SseEvent> {
    if (this.#lineKind === "other") {
      if (this.#line.length < MAX_NAME_BYTES) this.#line.push(byte);
      return;
    }
    this.#line.push(byte);
    const text = this.#line.length <= 5 ? decoder.decode(new Uint8Array(this.#line)) : "";
    if (text === "data:") {
      this.#lineKind = "data";
      if (this.#data === null) {
        const { isMedia, maxEventBytes } = this.#options;
        this.#data = new JsonEventReader({ isMedia, maxBytes: maxEventBytes });
        yield { kind: "event_start", name: this.#name };
      }
    } else if (!"data:".startsWith(text)) this.#lineKind = "other";
  }

  *#endLine(): Generator<SseEvent> {
    const [kind, line] = [this.#lineKind, this.#line];
    this.#lineKind = "open";
    this.#line = [];
    if (kind === "data") {
      // Several lines of data are one text with line ends between them, which JSON does not mind.
      if (this.#data !== null) yield* this.#data.push(NEWLINE);
    } else if (line.length > 0) {
      const text = decoder.decode(new Uint8Array(line));
      if (text.startsWith("event:")) this.#name = text.slice("event:".length).trim();
    } else {
      const data = this.#data;
      const name = this.#name;
      this.#data = null;
      this.#name = "";
      if (data !== null) yield { kind: "event_end", name, data: data.finish() };
    }
  }
}

/** Where the line that holds `at` ends in the chunk. */
function lineEnd(chunk: Uint8Array, at: number): number {
  const feed = chunk.indexOf(LINE_FEED, at);
  const back = chunk.indexOf(RETURN, at);
  const ends = [feed, back].filter((end) => end >= 0);
  return ends.length === 0 ? chunk.length : Math.min(...ends);
}
