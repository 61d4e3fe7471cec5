/**
 * The last deliveries of a room: enough for most subscribers that are a little behind, so that the store need not be
 * read. Lifecycle events are kept in order, progress only as each task's last value.
 */

import type { Frame } from "../sockets/frame.ts";
import type { Encoding, Entry } from "./encoding.ts";

/** Lifecycle events kept per room. A task has a handful; beyond it the log in the store is read. */
const LIFECYCLE_ENTRIES = 32;
/** Tasks whose last progress a tenant's room keeps: more than run at once in one process. */
const PROGRESS_ENTRIES = 1_000;

/** An entry on its way to subscribers, with its frames by encoding. */
export type RoomDelivery = {
  readonly entry: Entry;
  /** Position in the room's log; progress of a tenant's stream has that of the lifecycle event before it. */
  readonly at: number;
  readonly id: string;
  /** Rises with every delivery of the room. */
  readonly stamp: number;
  readonly frames: Map<Encoding, Frame | null>;
};

export function frameOf(delivery: RoomDelivery, encoding: Encoding): Frame | null {
  let frame = delivery.frames.get(encoding);
  if (frame === undefined) {
    frame = encoding.event(delivery.entry, delivery.id);
    delivery.frames.set(encoding, frame);
  }
  return frame;
}

export class ReplayBuffer {
  /** Every lifecycle event delivered after this position is kept. */
  #from = 0;
  readonly #lifecycle: RoomDelivery[] = [];
  /** By task; an entry goes when a lifecycle event of its task supersedes it. Oldest first. */
  readonly #progress = new Map<string, RoomDelivery>();
  #stamp = 0;

  /** The stamp of the last delivery. */
  get stamp(): number {
    return this.#stamp;
  }

  /** Forgets everything; what comes next continues `from`. */
  restart(from: number): void {
    this.#from = from;
    this.#lifecycle.length = 0;
    this.#progress.clear();
  }

  add(entry: Entry, at: number, id: string): RoomDelivery {
    this.#stamp += 1;
    const delivery: RoomDelivery = { entry, at, id, stamp: this.#stamp, frames: new Map() };
    const taskId = entry.event.taskId;
    this.#progress.delete(taskId);
    if (entry.event.type === "progress") {
      this.#progress.set(taskId, delivery);
      if (this.#progress.size > PROGRESS_ENTRIES) {
        const oldest = this.#progress.keys().next();
        if (!oldest.done) this.#progress.delete(oldest.value);
      }
    } else {
      this.#lifecycle.push(delivery);
      if (this.#lifecycle.length > LIFECYCLE_ENTRIES) this.#from = this.#lifecycle.shift()?.at ?? this.#from;
    }
    return delivery;
  }

  /** Whether `after(cursor)` misses no lifecycle event. */
  covers(cursor: number): boolean {
    return cursor >= this.#from;
  }

  /**
   * Lifecycle events after a position, in order; `withProgress` adds the last progress where it has a position of its
   * own.
   */
  after(cursor: number, withProgress: boolean): RoomDelivery[] {
    const found = this.#lifecycle.filter((delivery) => delivery.at > cursor);
    if (withProgress) {
      for (const delivery of this.#progress.values()) if (delivery.at > cursor) found.push(delivery);
      found.sort((one, other) => one.at - other.at);
    }
    return found;
  }

  /** The last progress of each task, where it was delivered after a stamp. */
  progressAfter(stamp: number): RoomDelivery[] {
    const found: RoomDelivery[] = [];
    for (const delivery of this.#progress.values()) if (delivery.stamp > stamp) found.push(delivery);
    return found;
  }

  /** The `seq` of the task's last progress; 0 when there is none, or a lifecycle event has superseded it. */
  progressSeq(taskId: string): number {
    return this.#progress.get(taskId)?.entry.event.seq ?? 0;
  }
}
