/**
 * What a conversation with a provider of the unified format can be begun anew from, when the provider ends its session before ours: the
 * configuration that it took, and the items as texts. Sound cannot be given back. Bounded: the oldest items are forgotten first.
 */

import type { RealtimeEvent } from "../../protocol/realtime.ts";
import type { Json } from "../../protocol/task.ts";
import { isObject, type JsonObject } from "../json.ts";
import { merge } from "../session/session-config.ts";

const MAX_ITEMS = 200;
const MAX_CHARACTERS = 262_144;
const KINDS: ReadonlySet<string> = new Set(["message", "function_call", "function_call_output"]);

export type Restored = {
  /** Sent to the provider in this order. */
  readonly events: RealtimeEvent[];
  readonly itemIds: readonly string[];
  /** Items without a text, such as sound that nobody transcribed, and those that were forgotten. */
  readonly lost: number;
};

export class ConversationMemory {
  #session: JsonObject;
  /** Updates that the provider has not answered yet, in order. */
  #asked: { eventId: Json; session: JsonObject }[] = [];
  /** In the order of the conversation. */
  readonly #items = new Map<string, { item: JsonObject; characters: number }>();
  #characters = 0;
  #forgotten = 0;

  /** `session`: what the session begins with. */
  constructor(session: JsonObject) {
    this.#session = session;
  }

  get session(): JsonObject {
    return this.#session;
  }

  /** The provider is asked for an update. */
  asked({ event_id: eventId = null, session }: RealtimeEvent): void {
    if (isObject(session)) this.#asked.push({ eventId, session });
  }

  /** The provider took the oldest update. */
  took(): void {
    const update = this.#asked.shift();
    if (update !== undefined) this.#session = merge(this.#session, update.session);
  }

  /** The provider refused something: an update, where it names one or a field of the session. */
  refused(error: Json | undefined): void {
    if (!isObject(error)) return;
    const { event_id: eventId = null, param } = error;
    const named = eventId === null ? -1 : this.#asked.findIndex((one) => one.eventId === eventId);
    if (named >= 0) this.#asked.splice(named, 1);
    else if (eventId === null && typeof param === "string" && param.startsWith("session"))
      this.#asked.shift();
  }

  /** An item was added to the conversation, or is whole now. */
  keep(item: Json | undefined): void {
    if (!isObject(item) || typeof item.id !== "string" || !KINDS.has(String(item.type))) return;
    const known = this.#items.get(item.id);
    const text = known === undefined ? "" : textOf(known.item);
    const kept = textOf(item) === "" && text !== "" ? known?.item : asText(item);
    if (kept !== undefined) this.#put(item.id, kept);
  }

  /** What the user said in an item is known. */
  transcribed({ item_id: id, transcript }: RealtimeEvent): void {
    if (typeof id !== "string" || typeof transcript !== "string" || !this.#items.has(id)) return;
    this.#put(id, message(id, "user", transcript));
  }

  forget(id: Json | undefined): void {
    if (typeof id !== "string") return;
    this.#characters -= this.#items.get(id)?.characters ?? 0;
    this.#items.delete(id);
  }

  /** What another session of the provider is begun with. */
  restore(type: "realtime" | "transcription"): Restored {
    // A change that was under way is asked for as well: nobody will answer it else.
    for (const { session } of this.#asked) this.#session = merge(this.#session, session);
    this.#asked = [];
    const events: RealtimeEvent[] = [];
    if (Object.keys(this.#session).length > 0)
      events.push({ type: "session.update", session: { ...this.#session, type } });
    const itemIds: string[] = [];
    let lost = this.#forgotten;
    for (const [id, { item }] of this.#items) {
      if (textOf(item) === "" && item.type === "message") lost += 1;
      else {
        itemIds.push(id);
        events.push({ type: "conversation.item.create", item });
      }
    }
    return { events, itemIds, lost };
  }

  #put(id: string, item: JsonObject): void {
    const characters = JSON.stringify(item).length;
    this.#characters += characters - (this.#items.get(id)?.characters ?? 0);
    this.#items.set(id, { item, characters });
    for (const oldest of this.#items.keys()) {
      if (this.#items.size <= MAX_ITEMS && this.#characters <= MAX_CHARACTERS) return;
      this.forget(oldest);
      this.#forgotten += 1;
    }
  }
}

/** An item as it can be given to a provider again. */
function asText(item: JsonObject): JsonObject {
  const { id, type, call_id, name, arguments: args, output, role } = item;
  if (type === "function_call")
    return { id: id ?? "", type, call_id: call_id ?? "", name: name ?? "", arguments: args ?? "" };
  if (type === "function_call_output")
    return { id: id ?? "", type, call_id: call_id ?? "", output: output ?? "" };
  return message(String(id), typeof role === "string" ? role : "user", textOf(item));
}

function message(id: string, role: string, text: string): JsonObject {
  const type = role === "assistant" ? "output_text" : "input_text";
  return { id, type: "message", role, content: text === "" ? [] : [{ type, text }] };
}

/** The texts and transcripts of a message. */
function textOf({ content }: JsonObject): string {
  if (!Array.isArray(content)) return "";
  return content
    .filter(isObject)
    .map(({ text, transcript }) =>
      typeof text === "string" ? text : typeof transcript === "string" ? transcript : "",
    )
    .filter((text) => text !== "")
    .join("\n");
}
