/** What a client has sent and is not handled yet: read message by message, in order, while the connection takes them. */

import type { Chunk, MessageReader } from "../protocols/hub-protocol.ts";
import type { HubMessage } from "../protocols/messages.ts";

export class ReceivedMessages {
  #reader: MessageReader | null = null;
  /** A message that was read and has to wait. */
  #held: HubMessage | null = null;
  #reading = false;

  /** Length of what was received and not yet read. */
  get unread(): number {
    return this.#reader?.unread ?? 0;
  }

  /** Whether a message waits because the connection could not take it. */
  get waiting(): boolean {
    return this.#held !== null;
  }

  /** Whether the last message has not arrived whole. */
  get partial(): boolean {
    return this.#reader?.partial === true;
  }

  /** From here on what arrives is read by this reader; null: nothing is. What is unread is forgotten. */
  begin(reader: MessageReader | null): void {
    this.#reader = reader;
    this.#held = null;
  }

  push(chunk: Chunk): void {
    this.#reader?.push(chunk);
  }

  /**
   * Hands on messages while `takes` says so. One for which `handle` answers false waits, and comes first the next time. Called
   * from within `handle` it does nothing: the reading under way goes on.
   */
  read(takes: () => boolean, handle: (message: HubMessage) => boolean): void {
    if (this.#reading) return;
    this.#reading = true;
    try {
      while (takes()) {
        const message: HubMessage | null = this.#held ?? this.#reader?.next() ?? null;
        this.#held = null;
        if (message === null) return;
        if (handle(message)) continue;
        this.#held = message;
        return;
      }
    } finally {
      this.#reading = false;
    }
  }
}
