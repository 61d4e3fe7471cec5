/** A voice session in memory, on the gateway's side of a connection: what it says to what it hears, and when. */

import { PING_EVENT, PONG_EVENT, type RealtimeEvent } from "../../protocol/realtime.ts";
import type { Json } from "../../protocol/task.ts";
import type { ClientClock } from "../clock.ts";
import { toBase64 } from "../voice/base64.ts";

/** What the session answers next. */
export type MockAnswer = {
  /** What it says, or writes where the session asks for text. */
  text?: string | undefined;
  /** How long its sound lasts, ms. Default 200 for each word. */
  audioMs?: number | undefined;
  /** Until it begins. Default 100 ms. */
  afterMs?: number | undefined;
  /** Calls this tool of the session's instead; `arguments` is JSON. */
  toolCall?: { name: string; arguments: string } | undefined;
};

type Fields = { [field: string]: Json };
type Response = { id: string; itemId: string; timer: { cancel(): void } };

const ANSWER: MockAnswer = { text: "This is a mock answer." };
const AFTER_MS = 100;
const WORD_MS = 200;
/** Of the session's format: 16-bit PCM at 24 kHz. */
const SAMPLES_A_MS = 24;

export class MockVoiceSession {
  readonly #clock: ClientClock;
  readonly #say: (event: RealtimeEvent) => void;
  readonly #answers: MockAnswer[] = [];
  #session: Fields;
  #response: Response | null = null;
  #events = 0;
  #items = 0;

  constructor(clock: ClientClock, model: string | null, say: (event: RealtimeEvent) => void) {
    this.#clock = clock;
    this.#say = say;
    this.#session = { id: "sess_mock", type: "realtime", model: model ?? "mock-voice" };
  }

  /** What it answers next, one each; then the usual again. */
  script(answers: readonly MockAnswer[]): void {
    this.#answers.push(...answers);
  }

  begin(): void {
    this.#tell("session.created", { session: this.#session });
  }

  /** As if it had heard this: an answer that is spoken is interrupted, and another one made. */
  userSays(text: string): void {
    const item_id = this.#nextItem();
    this.#tell("input_audio_buffer.speech_started", { item_id, audio_start_ms: 0 });
    this.#end("cancelled");
    this.#tell("input_audio_buffer.speech_stopped", {
      item_id,
      audio_end_ms: text.split(" ").length * WORD_MS,
    });
    this.#tell("input_audio_buffer.committed", { item_id, previous_item_id: null });
    this.#tell("conversation.item.input_audio_transcription.completed", {
      item_id,
      content_index: 0,
      transcript: text,
    });
    this.#respond();
  }

  heard(event: RealtimeEvent): void {
    switch (event.type) {
      case PING_EVENT:
        this.#tell(PONG_EVENT, {});
        break;
      case "session.update":
        this.#session = { ...this.#session, ...(event.session as Fields) };
        this.#tell("session.updated", { session: this.#session });
        break;
      case "input_audio_buffer.append":
        break;
      case "input_audio_buffer.commit":
        this.#tell("input_audio_buffer.committed", { item_id: this.#nextItem(), previous_item_id: null });
        break;
      case "input_audio_buffer.clear":
        this.#tell("input_audio_buffer.cleared", {});
        break;
      case "conversation.item.create": {
        const item = { id: this.#nextItem(), ...(event.item as Fields) };
        this.#tell("conversation.item.added", { previous_item_id: null, item });
        this.#tell("conversation.item.done", { previous_item_id: null, item });
        break;
      }
      case "conversation.item.truncate": {
        const { item_id, content_index, audio_end_ms } = event;
        this.#tell("conversation.item.truncated", { item_id, content_index, audio_end_ms });
        break;
      }
      case "response.create":
        this.#respond(event);
        break;
      case "response.cancel":
        if (this.#response !== null) this.#end("cancelled");
        else this.fail("response_cancel_not_active", "No answer is made.", event);
        break;
      default:
        this.fail("invalid_event", `This mock session knows no ${event.type}.`, event);
    }
  }

  /** An error that the session goes on after. */
  fail(code: string, message: string, cause: RealtimeEvent | null = null): void {
    const event_id = cause?.event_id ?? null;
    this.#tell("error", { error: { type: "invalid_request_error", code, message, param: null, event_id } });
  }

  /** Says nothing more. */
  stop(): void {
    this.#response?.timer.cancel();
    this.#response = null;
  }

  #respond(asked: RealtimeEvent | null = null): void {
    if (this.#response !== null) {
      this.fail("conversation_already_has_active_response", "An answer is made already.", asked);
      return;
    }
    const answer = this.#answers.shift() ?? ANSWER;
    const id = `resp_mock_${this.#items + 1}`;
    const itemId = this.#nextItem();
    this.#tell("response.created", { response: { id, object: "realtime.response", status: "in_progress" } });
    const parts = this.#parts(answer, {
      response_id: id,
      item_id: itemId,
      output_index: 0,
      content_index: 0,
    });
    const timer = this.#clock.after(answer.afterMs ?? AFTER_MS, () => this.#step(parts));
    this.#response = { id, itemId, timer };
  }

  /** The events of an answer; a number waits so many ms. */
  *#parts(
    { text = "", audioMs, toolCall }: MockAnswer,
    place: { response_id: string; item_id: string; output_index: number; content_index: number },
  ): Generator<[string, Fields] | number, void> {
    const { response_id, item_id: id, output_index } = place;
    if (toolCall !== undefined) {
      const item = { id, type: "function_call", call_id: `call_${id}`, status: "completed", ...toolCall };
      yield ["response.output_item.added", { response_id, output_index, item }];
      yield ["response.output_item.done", { response_id, output_index, item }];
      return;
    }
    const item = { id, type: "message", role: "assistant", status: "in_progress" };
    yield ["response.output_item.added", { response_id, output_index, item }];
    const spoken = !this.#asksForText();
    const words = text.split(/(?<= )/);
    const wordMs = audioMs === undefined ? WORD_MS : audioMs / words.length;
    for (const delta of words) {
      yield [
        spoken ? "response.output_audio_transcript.delta" : "response.output_text.delta",
        { ...place, delta },
      ];
      if (!spoken) continue;
      const samples = new Int16Array(Math.round(wordMs * SAMPLES_A_MS));
      yield ["response.output_audio.delta", { ...place, delta: toBase64(samples) }];
      yield wordMs / 2;
    }
    if (spoken) {
      yield ["response.output_audio.done", place];
      yield ["response.output_audio_transcript.done", { ...place, transcript: text }];
    } else yield ["response.output_text.done", { ...place, text }];
    yield [
      "response.output_item.done",
      { response_id, output_index, item: { ...item, status: "completed" } },
    ];
  }

  #step(parts: Generator<[string, Fields] | number, void>): void {
    // No `for … of`, which would end the generator when it is left to wait.
    for (let next = parts.next(); !next.done; next = parts.next()) {
      const part = next.value;
      if (typeof part === "number") {
        const timer = this.#clock.after(part, () => this.#step(parts));
        if (this.#response !== null) this.#response = { ...this.#response, timer };
        return;
      }
      this.#tell(...part);
      // Whoever heard it may have cancelled.
      if (this.#response === null) return;
    }
    this.#end("completed");
  }

  #end(status: "completed" | "cancelled"): void {
    const response = this.#response;
    if (response === null) return;
    response.timer.cancel();
    this.#response = null;
    this.#tell("response.done", { response: { id: response.id, object: "realtime.response", status } });
  }

  #asksForText(): boolean {
    const { output_modalities: asked } = this.#session;
    return Array.isArray(asked) && !asked.includes("audio");
  }

  #nextItem(): string {
    this.#items += 1;
    return `item_mock_${this.#items}`;
  }

  #tell(type: string, fields: { [field: string]: Json | undefined }): void {
    this.#events += 1;
    this.#say({ type, event_id: `event_mock_${this.#events}`, ...fields });
  }
}
