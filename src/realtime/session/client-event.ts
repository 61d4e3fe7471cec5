/** One text message of a client. Audio, the bulk of them, is looked at and not parsed. */

import type { RealtimeEvent } from "../../protocol/realtime.ts";

export const AUDIO_APPEND = "input_audio_buffer.append";

/** As `JSON.stringify` writes it, of which the sound is found at once. */
const APPEND_TEXT = `{"type":"${AUDIO_APPEND}","audio":"`;
/** As most clients write it: the type first. */
const APPEND_HEAD = /^\s*\{\s*"type"\s*:\s*"input_audio_buffer\.append"\s*,/;
const APPEND_TAIL = /"type"\s*:\s*"input_audio_buffer\.append"\s*\}\s*$/;
/** How far into a message its head is looked for. */
const HEAD_CHARACTERS = 80;
const AUDIO_FIELD = /"audio"\s*:\s*"/;

export class ClientEvent {
  readonly text: string;
  readonly type: string;
  #event: RealtimeEvent | null;

  private constructor(text: string, type: string, event: RealtimeEvent | null) {
    this.text = text;
    this.type = type;
    this.#event = event;
  }

  /** Null for what is no JSON object with a string `type`. */
  static read(text: string): ClientEvent | null {
    if (looksLikeAppend(text)) return new ClientEvent(text, AUDIO_APPEND, null);
    const event = parseEvent(text);
    return event === null ? null : new ClientEvent(text, event.type, event);
  }

  static of(event: RealtimeEvent): ClientEvent {
    return new ClientEvent(JSON.stringify(event), event.type, event);
  }

  /** The parsed message; of an append that is no JSON after all, an event without audio. */
  get event(): RealtimeEvent {
    this.#event ??= parseEvent(this.text) ?? { type: this.type };
    return this.#event;
  }

  /** The client's `event_id`; null where it gave none. */
  get eventId(): string | null {
    const id = this.event.event_id;
    return typeof id === "string" ? id : null;
  }

  /** Base64 characters of an append's audio, found without parsing the message; 0 for any other. */
  get audioCharacters(): number {
    if (this.type !== AUDIO_APPEND) return 0;
    const span = this.#audioSpan();
    if (span !== null) return span.end - span.start;
    const { audio } = this.event;
    return typeof audio === "string" ? audio.length : 0;
  }

  /** The audio of an append, in base64, found without parsing the message; null where there is none. */
  get audio(): string | null {
    if (this.type !== AUDIO_APPEND) return null;
    const span = this.#audioSpan();
    const found = span === null ? null : this.text.slice(span.start, span.end);
    // Some write a slash with a backslash before it.
    if (found !== null && !found.includes("\\")) return found;
    const { audio } = this.event;
    return typeof audio === "string" ? audio : null;
  }

  /** Where the audio stands in a message that was not parsed; null where it is not found near the front. */
  #audioSpan(): { readonly start: number; readonly end: number } | null {
    if (this.#event !== null) return null;
    if (this.text.startsWith(APPEND_TEXT)) return spanFrom(this.text, APPEND_TEXT.length);
    const match = AUDIO_FIELD.exec(this.text.length > 4_096 ? this.text.slice(0, 4_096) : this.text);
    if (match === null) return null;
    return spanFrom(this.text, match.index + match[0].length);
  }
}

/** Up to the end of the text in quotation marks that begins there; null when it does not end. */
function spanFrom(text: string, start: number): { readonly start: number; readonly end: number } | null {
  const end = text.indexOf('"', start);
  return end < 0 ? null : { start, end };
}

function looksLikeAppend(text: string): boolean {
  if (text.startsWith(APPEND_TEXT)) return true;
  if (APPEND_HEAD.test(text.slice(0, HEAD_CHARACTERS))) return true;
  return text.length > HEAD_CHARACTERS && APPEND_TAIL.test(text.slice(-HEAD_CHARACTERS));
}

function parseEvent(text: string): RealtimeEvent | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
    return typeof (value as { type?: unknown }).type === "string" ? (value as RealtimeEvent) : null;
  } catch {
    return null;
  }
}
