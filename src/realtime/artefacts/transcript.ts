/** What was said in a session as texts, taken from its events. */

import type { RealtimeEvent } from "../../protocol/realtime.ts";
import type { Json } from "../../protocol/task.ts";
import type { WireTranscriptEntry } from "../../protocol/voice-session.ts";
import { isObject, objectOr } from "../json.ts";
import { type ConversationItem, textOfItem } from "../synthesis/conversation-items.ts";

/** Characters of one session; what is said beyond is not kept. */
const MAX_CHARACTERS = 1_048_576;
/** What an entry counts as besides its text, for what stands around it. */
const ENTRY_CHARACTERS = 100;

/** Events for the client that are read. */
export const TRANSCRIPT_EVENTS: ReadonlySet<string> = new Set([
  "conversation.item.input_audio_transcription.completed",
  "response.output_audio_transcript.done",
  "response.output_text.done",
  "response.function_call_arguments.done",
  "conversation.item.truncated",
]);
/** The only one of a client's that says something. */
export const TRANSCRIBED_CLIENT_EVENT = "conversation.item.create";

type Entry = Omit<WireTranscriptEntry, "at">;

export class TranscriptWriter {
  readonly #now: () => number;
  #unsaved: WireTranscriptEntry[] = [];
  #characters = 0;
  #complete = true;

  /** `now` is the wall clock, ms. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** False once more was said than is kept. */
  get complete(): boolean {
    return this.#complete;
  }

  toClient(event: RealtimeEvent): void {
    const entry = entryOf(event);
    if (entry !== null) this.#add(entry);
  }

  fromClient({ item }: RealtimeEvent): void {
    if (!isObject(item)) return;
    const itemId = idOf(item.id);
    if (item.type === "function_call_output")
      this.#add({ role: "tool", kind: "tool_result", text: textOf(item.output), itemId });
    else if (item.type === "message") {
      const role = item.role === "assistant" || item.role === "system" ? item.role : "user";
      this.#add({ role, kind: "text", text: textOfItem(item as ConversationItem), itemId });
    }
  }

  /** What has been said since the last time. */
  take(): WireTranscriptEntry[] {
    const taken = this.#unsaved;
    this.#unsaved = [];
    return taken;
  }

  /** Takes back what could not be kept, to be taken again. */
  putBack(entries: readonly WireTranscriptEntry[]): void {
    this.#unsaved = [...entries, ...this.#unsaved];
  }

  #add(entry: Entry): void {
    if (entry.text === "" && entry.kind !== "cut") return;
    this.#characters += entry.text.length + ENTRY_CHARACTERS;
    if (this.#characters > MAX_CHARACTERS) this.#complete = false;
    else this.#unsaved.push({ at: new Date(this.#now()).toISOString(), ...entry });
  }
}

function entryOf(event: RealtimeEvent): Entry | null {
  const itemId = idOf(event.item_id);
  switch (event.type) {
    case "conversation.item.input_audio_transcription.completed":
      return { role: "user", kind: "speech", text: textOf(event.transcript), itemId };
    case "response.output_audio_transcript.done":
      return { role: "assistant", kind: "speech", text: textOf(event.transcript), itemId };
    case "response.output_text.done":
      return { role: "assistant", kind: "text", text: textOf(event.text), itemId };
    case "response.function_call_arguments.done":
      return {
        ...{ role: "assistant", kind: "tool_call", text: textOf(event.arguments), itemId },
        ...(typeof event.name === "string" && { name: event.name }),
      };
    case "conversation.item.truncated": {
      const heardMs = typeof event.audio_end_ms === "number" ? event.audio_end_ms : 0;
      return { role: "assistant", kind: "cut", text: "", itemId, heardMs };
    }
    default:
      return null;
  }
}

function idOf(id: Json | undefined): string | null {
  return typeof id === "string" ? id : null;
}

function textOf(value: Json | undefined): string {
  if (typeof value === "string") return value;
  return value === undefined || value === null ? "" : JSON.stringify(objectOr(value));
}
