/**
 * Writes the events of a response for a provider that speaks another protocol: complete, with every id and index, in the order
 * OpenAI's server sends them, and exactly one `response.done` for each `response.created`. Clients drop sound whose ids are
 * missing, and wait for `response.done` before they ask for the next response.
 */

import { msOfBase64 } from "../../audio/base64-audio.ts";
import type { AudioFormat, ResponseUsage } from "../../protocol/realtime.ts";
import type { Json } from "../../protocol/task.ts";
import type { JsonObject } from "../json.ts";
import type { TranslatorContext } from "../translator.ts";
import type { ConversationItem, ConversationItems } from "./conversation-items.ts";

export type ResponseEnd = {
  readonly status: "completed" | "cancelled" | "incomplete" | "failed";
  /** For `cancelled`: `turn_detected` or `client_cancelled`; for `incomplete`: `max_output_tokens` or `content_filter`. */
  readonly reason?: string;
  readonly usage?: ResponseUsage | null;
  readonly error?: { readonly code: string; readonly message: string };
};

type Medium = "audio" | "text";

/** The message that is being spoken. */
type OpenMessage = { item: ConversationItem; index: number; medium: Medium; text: string };

type OpenResponse = {
  id: string;
  output: ConversationItem[];
  message: OpenMessage | null;
  spoken: boolean;
  metadata: Json;
};

export class ResponseWriter {
  readonly #context: TranslatorContext;
  readonly #items: ConversationItems;
  #open: OpenResponse | null = null;

  constructor(context: TranslatorContext, items: ConversationItems) {
    this.#context = context;
    this.#items = items;
  }

  get isOpen(): boolean {
    return this.#open !== null;
  }

  get id(): string | null {
    return this.#open?.id ?? null;
  }

  /** The item that is being spoken; null between messages. */
  get itemId(): string | null {
    return this.#open?.message?.item.id ?? null;
  }

  /** Begins a response; one that is under way goes on. */
  start(metadata: Json = null): void {
    if (this.#open !== null) return;
    const { output, newId } = this.#context;
    this.#open = { id: newId("resp"), output: [], message: null, spoken: false, metadata };
    output.turn("response_started");
    output.toClient({ type: "response.created", response: this.#body("in_progress", null, null) });
  }

  /** Base64 in the session's output format. */
  audio(delta: string, format: AudioFormat): void {
    const { output } = this.#context;
    const response = this.#begun();
    const message = this.#message(response, "audio");
    if (!response.spoken) {
      response.spoken = true;
      output.turn("first_audio");
    }
    output.used({ audioOutMs: msOfBase64(delta.length, format) });
    output.toClient({ type: "response.output_audio.delta", ...this.#place(message), delta });
  }

  /** More of what is being said. */
  transcript(delta: string): void {
    if (delta === "") return;
    const message = this.#message(this.#begun(), "audio");
    message.text += delta;
    this.#context.output.toClient({
      type: "response.output_audio_transcript.delta",
      ...this.#place(message),
      delta,
    });
  }

  /** What was said, where it differs from what the deltas came to. */
  correctTranscript(text: string): void {
    const message = this.#open?.message;
    if (message?.medium === "audio") message.text = text;
  }

  /** Everything said so far in the message that is open. */
  get said(): string {
    return this.#open?.message?.text ?? "";
  }

  text(delta: string): void {
    if (delta === "") return;
    const message = this.#message(this.#begun(), "text");
    message.text += delta;
    this.#context.output.toClient({ type: "response.output_text.delta", ...this.#place(message), delta });
  }

  /** A call of one of the client's tools; `args` is JSON. */
  functionCall(name: string, callId: string, args: string): void {
    const { output, newId } = this.#context;
    const response = this.#begun();
    this.#closeMessage(response, "completed");
    const begun: ConversationItem = {
      id: newId("item"),
      object: "realtime.item",
      type: "function_call",
      status: "in_progress",
      name,
      call_id: callId,
      arguments: "",
    };
    const output_index = response.output.length;
    const place = { response_id: response.id, item_id: begun.id, output_index };
    output.toClient({
      type: "response.output_item.added",
      response_id: response.id,
      output_index,
      item: begun,
    });
    this.#items.add(begun, false);
    output.toClient({
      type: "response.function_call_arguments.delta",
      ...place,
      call_id: callId,
      delta: args,
    });
    output.toClient({
      type: "response.function_call_arguments.done",
      ...place,
      call_id: callId,
      name,
      arguments: args,
    });
    const item: ConversationItem = { ...begun, status: "completed", arguments: args };
    response.output.push(item);
    output.toClient({ type: "response.output_item.done", response_id: response.id, output_index, item });
    this.#items.finish(item);
  }

  /** Ends the response that is open; without one does nothing. */
  finish({ status, reason, usage = null, error }: ResponseEnd): void {
    const response = this.#open;
    if (response === null) return;
    const { output } = this.#context;
    this.#closeMessage(response, status === "completed" ? "completed" : "incomplete");
    const details: Json =
      reason === undefined && error === undefined
        ? null
        : {
            type: status,
            ...(reason !== undefined && { reason }),
            ...(error && { error: { type: "server_error", ...error } }),
          };
    if (reason === "turn_detected") output.turn("interrupted");
    output.toClient({ type: "response.done", response: this.#body(status, details, usage) });
    this.#open = null;
    // Behind it: what it cost may end the session.
    if (usage !== null) output.used({ response: usage });
    output.turn("response_done");
  }

  #begun(): OpenResponse {
    this.start();
    // start() has made it where there was none.
    return this.#open as OpenResponse;
  }

  #message(response: OpenResponse, medium: Medium): OpenMessage {
    if (response.message?.medium === medium) return response.message;
    this.#closeMessage(response, "completed");
    const { output, newId } = this.#context;
    const item: ConversationItem = {
      id: newId("item"),
      object: "realtime.item",
      type: "message",
      role: "assistant",
      status: "in_progress",
      content: [],
    };
    const message: OpenMessage = { item, index: response.output.length, medium, text: "" };
    response.message = message;
    output.toClient({
      type: "response.output_item.added",
      response_id: response.id,
      output_index: message.index,
      item,
    });
    this.#items.add(item, false);
    output.toClient({ type: "response.content_part.added", ...this.#place(message), part: partOf(message) });
    return message;
  }

  #closeMessage(response: OpenResponse, status: "completed" | "incomplete"): void {
    const message = response.message;
    if (message === null) return;
    const { output } = this.#context;
    const place = this.#place(message);
    if (message.medium === "audio") {
      output.toClient({ type: "response.output_audio.done", ...place });
      output.toClient({ type: "response.output_audio_transcript.done", ...place, transcript: message.text });
    } else output.toClient({ type: "response.output_text.done", ...place, text: message.text });
    const part = partOf(message);
    output.toClient({ type: "response.content_part.done", ...place, part });
    const item: ConversationItem = { ...message.item, status, content: [contentOf(message)] };
    response.message = null;
    response.output.push(item);
    output.toClient({
      type: "response.output_item.done",
      response_id: response.id,
      output_index: message.index,
      item,
    });
    this.#items.finish(item);
  }

  #place({ item, index }: OpenMessage): JsonObject {
    return { response_id: this.#open?.id ?? "", item_id: item.id, output_index: index, content_index: 0 };
  }

  #body(status: string, details: Json, usage: ResponseUsage | null): Json {
    const response = this.#open;
    return {
      object: "realtime.response",
      id: response?.id ?? "",
      status,
      status_details: details,
      output: response?.output ?? [],
      conversation_id: this.#context.plan.sessionId.replace(/^sess_/, "conv_"),
      output_modalities: ["audio"],
      max_output_tokens: "inf",
      metadata: response?.metadata ?? null,
      usage: usage as unknown as Json,
    };
  }
}

/** The part as `content_part` events show it. */
function partOf({ medium, text }: OpenMessage): Json {
  return medium === "audio" ? { type: "audio", transcript: text } : { type: "text", text };
}

/** The same part in an item. */
function contentOf({ medium, text }: OpenMessage): Json {
  return medium === "audio" ? { type: "output_audio", transcript: text } : { type: "output_text", text };
}
