/** Delays each entry by the same short time, in order, with one timer for all. */

import type { Clock } from "../tasks/ports/clock.ts";

/** Entries taken from the front before the queue is moved up. */
const COMPACT_AT = 1_024;

/** A waiting entry. MUST NOT throw. */
export interface Delayed {
  elapsed(): void;
}

type Waiting = { readonly due: number; readonly who: Delayed };

export class SnapshotDelay {
  readonly #clock: Pick<Clock, "after" | "monotonic">;
  readonly #delayMs: number;
  #queue: Waiting[] = [];
  #head = 0;
  #armed = false;

  constructor(clock: Pick<Clock, "after" | "monotonic">, delayMs: number) {
    this.#clock = clock;
    this.#delayMs = delayMs;
  }

  get waiting(): number {
    return this.#queue.length - this.#head;
  }

  /** Calls `elapsed` once, after the delay and never sooner. */
  add(who: Delayed): void {
    this.#queue.push({ due: this.#clock.monotonic() + this.#delayMs, who });
    this.#arm();
  }

  #arm(): void {
    const first = this.#queue[this.#head];
    if (this.#armed || first === undefined) return;
    this.#armed = true;
    // Rounded up: a host's timers count whole milliseconds, and one that fires early is armed again.
    const leftMs = Math.ceil(first.due - this.#clock.monotonic());
    this.#clock.after(Math.max(leftMs, 0), () => this.#fire());
  }

  #fire(): void {
    this.#armed = false;
    const now = this.#clock.monotonic();
    // Entries added from here on wait for the next turn of the event loop, also without a delay.
    const end = this.#queue.length;
    for (; this.#head < end; this.#head++) {
      const first = this.#queue[this.#head]!;
      if (first.due > now) break;
      first.who.elapsed();
    }
    if (this.#head === this.#queue.length || this.#head >= COMPACT_AT) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    this.#arm();
  }
}
