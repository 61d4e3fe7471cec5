/** A follower's seat in a room. Its state belongs to the room; the outside may only leave. */

import type { Frame } from "../sockets/frame.ts";
import type { Position } from "../tasks/task.ts";
import type { Follower } from "./subscriber.ts";

/**
 * - `opening`: the store has not yet said where it begins.
 * - `alone`: has its own cursor and is served from the log until that is the room's position.
 * - `joined`: gets what the room broadcasts.
 * - `gone`: left or closed; nothing reaches it any more.
 */
export type MemberPhase = "opening" | "alone" | "joined" | "gone";

/** Held by whoever brought the follower. */
export interface Subscription {
  /**
   * Where the follower would resume: it was told everything up to here, but for frames that wait for company.
   * Null while it is not known where it begins, and once it is gone.
   */
  readonly position: Position | null;
  /** Ends it without a word to the follower. May be called any time, again, and from within the follower's `send`. */
  leave(): void;
}

/** The room, as its members know it. */
export interface Seating {
  /** Where everybody stands who has joined. */
  readonly position: Position | null;
  leave(member: Member): void;
  evict(member: Member): void;
}

export class Member implements Subscription {
  readonly follower: Follower;
  readonly #room: Seating;
  phase: MemberPhase = "opening";
  /** What it has been sent, while it is served alone. */
  epoch = "";
  cursor = 0;
  /** The room's delivery stamp when it was last part of the room. */
  stamp = 0;
  /** Monotonic ms since when its buffer has been too full to send more; null while it drains. */
  slowSince: number | null = null;
  /** A read for it is under way. */
  serving = false;

  constructor(follower: Follower, room: Seating) {
    this.follower = follower;
    this.#room = room;
  }

  get position(): Position | null {
    if (this.phase === "joined") return this.#room.position;
    return this.phase === "alone" ? { epoch: this.epoch, seq: this.cursor } : null;
  }

  /** Sends frames to this follower alone, as one where its encoding packs. */
  tell(frames: readonly (Frame | null)[]): void {
    const said = frames.filter((frame) => frame !== null);
    const { pack } = this.follower.encoding;
    if (pack !== null && said.length > 1) this.follower.send(pack(said));
    else for (const frame of said) this.follower.send(frame);
  }

  leave(): void {
    this.#room.leave(this);
  }

  /** Closes the follower as too slow for the memory there is. */
  evict(): void {
    this.#room.evict(this);
  }
}
