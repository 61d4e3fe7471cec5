/**
 * The conversation of a provider that does not keep one in the unified format: its items, and the events about them. Clients ask
 * for items after they were spoken, so they are kept, the last `MAX_ITEMS` of them, without sound.
 */

import type { RealtimeEvent } from "../../protocol/realtime.ts";
import { isObject, type JsonObject } from "../json.ts";
import type { TranslatorContext } from "../translator.ts";

export type ConversationItem = JsonObject & { id: string; type: string };

const MAX_ITEMS = 500;
/** `previous_item_id` of an item that is to be the first. */
const ROOT = "root";

export class ConversationItems {
  readonly #context: Pick<TranslatorContext, "output" | "newId">;
  readonly #items = new Map<string, ConversationItem>();
  #lastId: string | null = null;

  constructor(context: Pick<TranslatorContext, "output" | "newId">) {
    this.#context = context;
  }

  /** In the order they were added. */
  list(): ConversationItem[] {
    return [...this.#items.values()];
  }

  get(id: string): ConversationItem | undefined {
    return this.#items.get(id);
  }

  /** The id of the item that comes before the next one. */
  get lastId(): string | null {
    return this.#lastId;
  }

  /** Adds an item and tells the client of it: `added`, and `done` where it is whole already. */
  add(item: ConversationItem, whole: boolean): void {
    const previous = this.#lastId;
    this.#keep(item);
    const { output } = this.#context;
    output.toClient({ type: "conversation.item.added", previous_item_id: previous, item });
    if (whole) output.toClient({ type: "conversation.item.done", previous_item_id: previous, item });
    this.#previous.set(item.id, previous);
  }

  /** The item is whole now. */
  finish(item: ConversationItem): void {
    this.#items.set(item.id, item);
    const previous_item_id = this.#previous.get(item.id) ?? null;
    this.#context.output.toClient({ type: "conversation.item.done", previous_item_id, item });
  }

  /** Changes an item without telling the client. */
  replace(item: ConversationItem): void {
    if (this.#items.has(item.id)) this.#items.set(item.id, item);
  }

  /** What a client's `conversation.item.create` asks for; null, and the client is told, when it is none. */
  created(event: RealtimeEvent): ConversationItem | null {
    const { item, previous_item_id: previous } = event;
    const { output, newId } = this.#context;
    const eventId = typeof event.event_id === "string" ? event.event_id : null;
    if (!isObject(item) || typeof item.type !== "string") {
      output.error({
        code: "invalid_event",
        message:
          'conversation.item.create needs an item, such as {"type":"message","role":"user","content":[…]}.',
        param: "item",
        eventId,
      });
      return null;
    }
    if (typeof previous === "string" && previous !== ROOT && previous !== this.#lastId)
      output.toClient({
        type: "conduit.warning",
        code: "item_appended",
        message: "This provider takes items at the end of the conversation only; the item was put there.",
      });
    const id = typeof item.id === "string" && item.id !== "" ? item.id : newId("item");
    const made: ConversationItem = {
      ...item,
      id,
      type: item.type,
      object: "realtime.item",
      status: "completed",
    };
    this.add(made, true);
    return made;
  }

  retrieve(event: RealtimeEvent): void {
    const item = this.#named(event);
    if (item !== null) this.#context.output.toClient({ type: "conversation.item.retrieved", item });
  }

  delete(event: RealtimeEvent): void {
    const item = this.#named(event);
    if (item === null) return;
    this.#items.delete(item.id);
    this.#context.output.toClient({ type: "conversation.item.deleted", item_id: item.id });
  }

  /** Acknowledges; the provider keeps what it has said. */
  truncate(event: RealtimeEvent): void {
    const item = this.#named(event);
    if (item === null) return;
    const { content_index, audio_end_ms } = event;
    this.#context.output.toClient({
      type: "conversation.item.truncated",
      item_id: item.id,
      content_index: typeof content_index === "number" ? content_index : 0,
      audio_end_ms: typeof audio_end_ms === "number" ? audio_end_ms : 0,
    });
  }

  readonly #previous = new Map<string, string | null>();

  #keep(item: ConversationItem): void {
    this.#items.set(item.id, item);
    this.#lastId = item.id;
    if (this.#items.size <= MAX_ITEMS) return;
    const oldest = this.#items.keys().next().value;
    if (oldest === undefined) return;
    this.#items.delete(oldest);
    this.#previous.delete(oldest);
  }

  #named({ item_id, event_id }: RealtimeEvent): ConversationItem | null {
    const item = typeof item_id === "string" ? this.#items.get(item_id) : undefined;
    if (item !== undefined) return item;
    this.#context.output.error({
      code: "item_not_found",
      message: "The conversation has no item with this item_id (any more).",
      param: "item_id",
      eventId: typeof event_id === "string" ? event_id : null,
    });
    return null;
  }
}

/** What a tool answered, as a text. */
export function resultOfItem({ output }: ConversationItem): string {
  return typeof output === "string" ? output : JSON.stringify(output ?? null);
}

/** The text of a message item's content, its parts one after another. */
export function textOfItem(item: ConversationItem): string {
  const { content } = item;
  if (!Array.isArray(content)) return "";
  return content
    .filter(isObject)
    .map(({ text, transcript }) =>
      typeof text === "string" ? text : typeof transcript === "string" ? transcript : "",
    )
    .join("");
}
