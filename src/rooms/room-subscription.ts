/** A room's bookkeeping of one subscriber. Its state belongs to the room; the outside can only end it. */

import type { Frame } from "../sockets/frame.ts";
import type { Position } from "../tasks/task.ts";
import type { Subscriber } from "./subscriber.ts";

/**
 * - `opening`: the store has not yet said where it begins.
 * - `alone`: it has its own cursor and is served from the log until that is the room's position.
 * - `joined`: it gets what the room broadcasts.
 * - `gone`: ended by either side; nothing is sent any more.
 */
export type SubscriptionPhase = "opening" | "alone" | "joined" | "gone";

/** What subscribing to a room returns. */
export interface Subscription {
  /**
   * Where the subscriber would resume: it was sent everything up to here, but for frames that are still batched.
   * Null while it is not known where it begins, and once it is gone.
   */
  readonly position: Position | null;
  /**
   * Ends it; the subscriber is not closed. May be called at any time, repeatedly, and from within the subscriber's
   * `send`.
   */
  unsubscribe(): void;
}

/** The room, as its subscriptions see it. */
export interface SubscriptionOwner {
  /** The position of all subscriptions that have joined. */
  readonly position: Position | null;
  unsubscribe(subscription: RoomSubscription): void;
  evict(subscription: RoomSubscription): void;
}

export class RoomSubscription implements Subscription {
  readonly subscriber: Subscriber;
  readonly #room: SubscriptionOwner;
  phase: SubscriptionPhase = "opening";
  /** The position up to which it was sent everything, while it is served alone. */
  epoch = "";
  cursor = 0;
  /** The room's delivery stamp when it was last part of the broadcast. */
  stamp = 0;
  /** Monotonic ms since when its buffer has been too full to send more; null while it drains. */
  slowSince: number | null = null;
  /** A read for it is under way. */
  serving = false;

  constructor(subscriber: Subscriber, room: SubscriptionOwner) {
    this.subscriber = subscriber;
    this.#room = room;
  }

  get position(): Position | null {
    if (this.phase === "joined") return this.#room.position;
    return this.phase === "alone" ? { epoch: this.epoch, seq: this.cursor } : null;
  }

  /** From here on it is served alone, from that position; `stamp` is the room's delivery stamp. */
  standAlone({ epoch, seq }: Position, stamp: number): void {
    this.phase = "alone";
    this.epoch = epoch;
    this.cursor = seq;
    this.stamp = stamp;
  }

  /** Sends frames to this subscriber alone, as one where its encoding packs. */
  send(frames: readonly (Frame | null)[]): void {
    const encoded = frames.filter((frame) => frame !== null);
    const { pack } = this.subscriber.encoding;
    if (pack !== null && encoded.length > 1) this.subscriber.send(pack(encoded));
    else for (const frame of encoded) this.subscriber.send(frame);
  }

  unsubscribe(): void {
    this.#room.unsubscribe(this);
  }

  /** Closes the subscriber, because the slow ones together have too much unsent. */
  evict(): void {
    this.#room.evict(this);
  }
}
