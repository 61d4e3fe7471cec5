/**
 * Looks at subscribers that read too slowly, some time after something was broadcast. Each room takes those with too much
 * unsent out of its broadcast and closes those that stay slow for too long (`Room.sweep`); here those slow for longest are
 * closed as soon as all slow subscribers of the process together have too much unsent.
 */

import type { Clock, TimerHandle } from "../tasks/ports/clock.ts";
import type { RoomSubscription } from "./room-subscription.ts";

/** Unsent bytes of all slow subscribers together. */
const SLOW_TOTAL_BYTES = 64 * 1_048_576;

export type SweptRoom = {
  /** Adds the subscribers that are slow to `slow`. True: the room needs another sweep though nothing is broadcast. */
  sweep(slow: RoomSubscription[]): boolean;
};

export class SlowSubscribers {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  /** Rooms whose subscribers are looked at in the next sweep. */
  #due = new Set<SweptRoom>();
  #timer: TimerHandle | null = null;

  /** `intervalMs`: how long after a broadcast the buffers are looked at. */
  constructor(clock: Clock, intervalMs: number) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
  }

  /** The room has broadcast something. */
  lookAt(room: SweptRoom): void {
    this.#due.add(room);
    this.#timer ??= this.#clock.after(this.#intervalMs, () => this.#sweep());
  }

  /** The room has no subscribers any more. */
  forget(room: SweptRoom): void {
    this.#due.delete(room);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #sweep(): void {
    this.#timer = null;
    const rooms = this.#due;
    this.#due = new Set();
    const slow: RoomSubscription[] = [];
    for (const room of rooms) if (room.sweep(slow)) this.lookAt(room);
    let total = 0;
    for (const subscription of slow) total += subscription.subscriber.bufferedBytes();
    if (total <= SLOW_TOTAL_BYTES) return;
    slow.sort((one, other) => (one.slowSince ?? 0) - (other.slowSince ?? 0));
    for (const subscription of slow) {
      if (total <= SLOW_TOTAL_BYTES) break;
      total -= subscription.subscriber.bufferedBytes();
      subscription.evict();
    }
  }
}
