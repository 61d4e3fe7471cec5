/**
 * What a client's events mean for a provider that speaks another protocol: items, the session and errors are handled here, alike
 * for all of them; what the provider has to be told is left to its translator.
 */

import { decodedBase64, msOfBase64 } from "../../audio/base64-audio.ts";
import type { RealtimeEvent } from "../../protocol/realtime.ts";
import type { Json } from "../../protocol/task.ts";
import { isObject } from "../json.ts";
import { AUDIO_APPEND, type ClientEvent } from "../session/client-event.ts";
import type { TranslatorContext } from "../translator.ts";
import { type ConversationItem, ConversationItems } from "./conversation-items.ts";
import { ResponseWriter } from "./response-writer.ts";
import { SessionState } from "./session-state.ts";
import { UserTurns } from "./user-turns.ts";

/** What a translator does about a client's wishes. */
export interface ProviderSide {
  /** Sound in the session's input format. */
  audio(bytes: Uint8Array): void;
  /** The client says that the user has spoken. False: there was no sound, and the client is told so. */
  commit(): boolean;
  /** Sound that is not committed counts no more. */
  clear(): void;
  /** `session.update` was taken; `changed`: something that matters to a provider. The client is told of the session behind it. */
  configured(changed: boolean): void;
  itemCreated(item: ConversationItem): void;
  /**
   * A response is wanted, and none is under way. `afterResults`: to the results of tools that were handed over just now, which
   * providers answer without being asked.
   */
  respond(metadata: Json, afterResults: boolean): void;
  /** The response under way is to end. False: the provider cannot be told, and goes on unheard. */
  cancel(): void;
}

/**
 * The result of a tool waits this long for the client's `response.create`, which nearly all send behind it: a provider answers a
 * result by itself, and would have begun before the client asked.
 */
const RESULT_WAITS_MS = 1_000;

/** A translated session's parts. */
export class Synthesis {
  readonly state: SessionState;
  readonly items: ConversationItems;
  readonly turns: UserTurns;
  readonly response: ResponseWriter;
  readonly #context: TranslatorContext;
  /** All audio that came of the client, ms. */
  #audioMs = 0;
  /** Results of tools that wait to be handed over. */
  #results: ConversationItem[] = [];

  constructor(context: TranslatorContext) {
    this.#context = context;
    this.state = new SessionState(context);
    this.items = new ConversationItems(context);
    this.turns = new UserTurns(context, this.items);
    this.response = new ResponseWriter(context, this.items);
  }

  /** The place in all the audio that came, ms. */
  get audioMs(): number {
    return this.#audioMs;
  }

  /** Sound that came as it is. */
  audioCame(bytes: Uint8Array, side: ProviderSide): void {
    const ms = msOfBase64((bytes.length * 4) / 3, this.state.inputFormat);
    this.#audioMs += ms;
    this.#context.output.used({ audioInMs: ms });
    side.audio(bytes);
  }

  handle(client: ClientEvent, side: ProviderSide): void {
    if (client.type === AUDIO_APPEND) {
      const { audio } = client;
      const bytes = audio === null ? null : decodedBase64(audio);
      if (bytes !== null) this.audioCame(bytes, side);
      else this.#invalid("input_audio_buffer.append needs audio in base64.", "audio", client.eventId);
      return;
    }
    const { event, eventId } = client;
    const { output } = this.#context;
    switch (client.type) {
      case "session.update": {
        if (!isObject(event.session)) {
          this.#invalid("session.update needs a session.", "session", eventId);
          return;
        }
        const changed = this.state.update(event);
        side.configured(changed);
        this.state.announce();
        return;
      }
      case "input_audio_buffer.commit":
        if (side.commit()) return;
        output.error({
          code: "input_audio_buffer_commit_empty",
          message: "The input audio buffer is empty. Send audio with input_audio_buffer.append first.",
          eventId,
        });
        return;
      case "input_audio_buffer.clear":
        side.clear();
        output.toClient({ type: "input_audio_buffer.cleared" });
        return;
      case "conversation.item.create": {
        const item = this.items.created(event);
        if (item !== null) this.#created(item, side);
        return;
      }
      case "conversation.item.retrieve":
        this.items.retrieve(event);
        return;
      case "conversation.item.delete":
        this.items.delete(event);
        return;
      case "conversation.item.truncate":
        this.items.truncate(event);
        return;
      case "response.create":
        this.#respond(event, eventId, side);
        return;
      case "response.cancel":
        if (this.response.isOpen) side.cancel();
        else
          output.error({
            code: "response_cancel_not_active",
            message: "There is no response to cancel.",
            eventId,
          });
        return;
      default:
        this.#invalid(`There is no event ${JSON.stringify(client.type.slice(0, 60))}.`, "type", eventId);
    }
  }

  #created(item: ConversationItem, side: ProviderSide): void {
    if (item.type !== "function_call_output" || this.response.isOpen) {
      this.#handOver(side);
      side.itemCreated(item);
      return;
    }
    this.#results.push(item);
    this.#context.after(RESULT_WAITS_MS, () => this.#handOver(side));
  }

  /** Whether there was a result. */
  #handOver(side: ProviderSide): boolean {
    const results = this.#results;
    this.#results = [];
    for (const result of results) side.itemCreated(result);
    return results.length > 0;
  }

  #respond({ response }: RealtimeEvent, eventId: string | null, side: ProviderSide): void {
    if (!this.response.isOpen) {
      const afterResults = this.#handOver(side);
      side.respond(isObject(response) ? (response.metadata ?? null) : null, afterResults);
      return;
    }
    this.#context.output.error({
      code: "conversation_already_has_active_response",
      message: "The conversation has a response under way. Wait for response.done, or cancel it.",
      eventId,
    });
  }

  #invalid(message: string, param: string, eventId: string | null): void {
    this.#context.output.error({ code: "invalid_event", message, param, eventId });
  }
}
