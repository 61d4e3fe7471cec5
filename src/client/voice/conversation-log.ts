/** What was said so far: transcripts as they grow, and the finished ones, by which a new session can be told of the old. Pure. */

import type { RealtimeEvent } from "../../protocol/realtime.ts";
import type { Transcript } from "./voice-events.ts";

type Role = Transcript["role"];
/** How a type of event continues or ends a text. */
const TEXTS: Readonly<Record<string, { role: Role; field: string | null }>> = {
  "conversation.item.input_audio_transcription.delta": { role: "user", field: null },
  "conversation.item.input_audio_transcription.completed": { role: "user", field: "transcript" },
  "response.output_audio_transcript.delta": { role: "assistant", field: null },
  "response.output_audio_transcript.done": { role: "assistant", field: "transcript" },
  "response.output_text.delta": { role: "assistant", field: null },
  "response.output_text.done": { role: "assistant", field: "text" },
};
/** Texts that are kept, and their characters in all. */
const MOST_TEXTS = 100;
const MOST_CHARACTERS = 64_000;

export class ConversationLog {
  /** Texts that grow, by item; an item that never ends is forgotten after `MOST_TEXTS` others. */
  readonly #growing = new Map<string, string>();
  #said: { role: Role; text: string }[] = [];

  /** What an event adds to a text; null for events of other kinds. */
  heard(event: RealtimeEvent): Transcript | null {
    const kind = TEXTS[event.type];
    const { item_id: itemId } = event;
    if (kind === undefined || typeof itemId !== "string") return null;
    const before = this.#growing.get(itemId) ?? "";
    if (kind.field === null) {
      const delta = textOf(event.delta);
      const text = before + delta;
      this.#growing.set(itemId, text);
      if (this.#growing.size > MOST_TEXTS) this.#growing.delete([...this.#growing.keys()][0] ?? "");
      return { role: kind.role, itemId, delta, text, isFinal: false };
    }
    const text = textOf(event[kind.field]);
    this.#growing.delete(itemId);
    this.said(kind.role, text);
    const delta = text.startsWith(before) ? text.slice(before.length) : "";
    return { role: kind.role, itemId, delta, text, isFinal: true };
  }

  /** A text that was sent, or has ended. */
  said(role: Role, text: string): void {
    if (text.trim() === "") return;
    this.#said.push({ role, text });
    let characters = 0;
    const from = this.#said.findLastIndex((one, at) => {
      characters += one.text.length;
      return characters > MOST_CHARACTERS || at < this.#said.length - MOST_TEXTS;
    });
    if (from >= 0) this.#said = this.#said.slice(from + 1);
  }

  /** The events that tell a new session what was said; texts alone, as sound cannot be given back. */
  retold(): RealtimeEvent[] {
    this.#growing.clear();
    return this.#said.map(({ role, text }) => ({
      type: "conversation.item.create",
      item: {
        type: "message",
        role,
        content: [{ type: role === "user" ? "input_text" : "output_text", text }],
      },
    }));
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
