/** A subscriber on a WebSocket: events go out as text messages, `ping` is answered, other messages are ignored. */

import { CLOSE_NORMAL, CLOSE_TOO_BIG, CLOSE_TRY_AGAIN } from "../../protocol/close-codes.ts";
import type { Encoding } from "../../rooms/encoding.ts";
import type { Subscription } from "../../rooms/room-subscription.ts";
import type { PendingSubscription } from "../../rooms/rooms.ts";
import type { Subscriber } from "../../rooms/subscriber.ts";
import type { Frame, TopicMembership } from "../../sockets/frame.ts";
import type { Socket, SocketHandler } from "../../sockets/socket-upgrade.ts";
import type { ConnectionSlot } from "./connection-limits.ts";

/** The subprotocol under which several events may share a message. */
export const BATCH_PROTOCOL = "conduit.batch";
/** The only message of a client is `ping`; a longer one is a mistake. */
export const MESSAGE_CHARACTERS = 65_536;
/** A client that pings and does not read gets no answers beyond this. */
const PONG_UNSENT_BYTES = 16_384;

export class EventSocket implements Subscriber, SocketHandler {
  readonly encoding: Encoding;
  /** Subscribes once the socket is open; null then. */
  #follow: ((subscriber: Subscriber) => PendingSubscription) | null;
  readonly #slot: ConnectionSlot;
  #socket: Socket | null = null;
  #subscription: Subscription | null = null;

  constructor(
    encoding: Encoding,
    slot: ConnectionSlot,
    follow: (subscriber: Subscriber) => PendingSubscription,
  ) {
    this.encoding = encoding;
    this.#slot = slot;
    this.#follow = follow;
  }

  get topics(): TopicMembership | null {
    return this.#socket?.topics ?? null;
  }

  opened(socket: Socket): void {
    this.#socket = socket;
    const follow = this.#follow;
    this.#follow = null;
    if (follow === null) return;
    const { subscription, opened } = follow(this);
    this.#subscription = subscription;
    opened.then(
      (outcome) => {
        if (outcome === "not_found") this.close(CLOSE_NORMAL, "the task was removed");
      },
      // The rooms have logged why.
      () => this.close(CLOSE_TRY_AGAIN, "the store cannot be read now; reconnect and resume"),
    );
  }

  received(message: string | Uint8Array): void {
    if (message.length > MESSAGE_CHARACTERS) {
      this.#subscription?.unsubscribe();
      this.close(CLOSE_TOO_BIG, `messages may have ${MESSAGE_CHARACTERS} characters`);
    } else if (message === "ping" && this.bufferedBytes() <= PONG_UNSENT_BYTES) {
      this.send("pong");
    }
  }

  closed(): void {
    this.#socket = null;
    this.#subscription?.unsubscribe();
    this.#slot.release();
  }

  send(frame: Frame): void {
    this.#socket?.send(frame);
  }

  bufferedBytes(): number {
    return this.#socket?.bufferedBytes() ?? 0;
  }

  close(code: number, reason: string): void {
    this.#socket?.close(code, reason);
  }
}
