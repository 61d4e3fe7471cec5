/** What the user says, as events: when speech began and ended, the item it becomes, and its transcript. */

import type { Json } from "../../protocol/task.ts";
import type { TranslatorContext } from "../translator.ts";
import type { ConversationItem, ConversationItems } from "./conversation-items.ts";

export class UserTurns {
  readonly #context: TranslatorContext;
  readonly #items: ConversationItems;
  #speaking: string | null = null;
  /** The item whose transcript is under way, and what came of it. */
  #heard: { id: string; text: string } | null = null;

  constructor(context: TranslatorContext, items: ConversationItems) {
    this.#context = context;
    this.#items = items;
  }

  get isSpeaking(): boolean {
    return this.#speaking !== null;
  }

  /** Speech began; what was said before counts as ended. `audioMs` is the place in all the audio that came. */
  started(audioMs: number): void {
    if (this.#speaking !== null) return;
    const { output, newId } = this.#context;
    this.#speaking = newId("item");
    output.turn("user_speech_started");
    output.toClient({
      type: "input_audio_buffer.speech_started",
      audio_start_ms: Math.round(audioMs),
      item_id: this.#speaking,
    });
  }

  /** Speech ended: what was said becomes an item. Speech that nobody saw begin began just now. */
  stopped(audioMs: number): void {
    this.started(audioMs);
    const { output } = this.#context;
    output.turn("user_speech_stopped");
    output.toClient({
      type: "input_audio_buffer.speech_stopped",
      audio_end_ms: Math.round(audioMs),
      item_id: this.#speaking,
    });
    this.committed();
  }

  /** What was sent becomes an item, by the client's commit or the end of speech. */
  committed(): void {
    const { output, newId } = this.#context;
    const id = this.#speaking ?? newId("item");
    this.#speaking = null;
    output.toClient({
      type: "input_audio_buffer.committed",
      previous_item_id: this.#items.lastId,
      item_id: id,
    });
    // The transcript may have come before the end of speech.
    if (this.#heard?.id !== id) this.#heard = { id, text: "" };
    this.#items.add(userItem(id, null), true);
  }

  /** More of the transcript of what the user says, or said last. */
  transcriptDelta(delta: string): void {
    if (delta === "") return;
    const heard = this.#current();
    heard.text += delta;
    this.#context.output.toClient({
      type: "conversation.item.input_audio_transcription.delta",
      item_id: heard.id,
      content_index: 0,
      delta,
    });
  }

  /** All of the transcript so far, of providers that repeat it: what is new of it goes to the client. */
  transcriptSoFar(text: string): void {
    const before = this.#current().text;
    if (text.startsWith(before)) this.transcriptDelta(text.slice(before.length));
  }

  /** The whole transcript; null: the deltas are it. */
  transcribed(text: string | null, usage: Json = null): void {
    const heard = this.#current();
    const transcript = text ?? heard.text;
    this.#heard = null;
    this.#items.replace(userItem(heard.id, transcript));
    this.#context.output.toClient({
      type: "conversation.item.input_audio_transcription.completed",
      item_id: heard.id,
      content_index: 0,
      transcript,
      usage,
    });
  }

  /** Whether a transcript has begun that is not complete. */
  get isTranscribing(): boolean {
    return this.#heard !== null && this.#heard.text !== "";
  }

  #current(): { id: string; text: string } {
    if (this.#heard === null) {
      this.#speaking ??= this.#context.newId("item");
      this.#heard = { id: this.#speaking, text: "" };
    }
    return this.#heard;
  }
}

function userItem(id: string, transcript: string | null): ConversationItem {
  return {
    id,
    object: "realtime.item",
    type: "message",
    status: "completed",
    role: "user",
    content: [{ type: "input_audio", transcript }],
  };
}
