/** How long to go on asking a gateway that does not answer. */

import type { ClientClock } from "../clock.ts";

/** More than this between two looks at the clock was no waiting for an answer: the machine slept. */
const LONGEST_LOOK_MS = 120_000;

/** Adds up the time without an answer. A machine that sleeps waits for none. */
export class Patience {
  readonly #clock: ClientClock;
  readonly #mostMs: number;
  #lookedAt: number;
  #silentMs = 0;

  /** `mostMs`: after so long without an answer it is over. */
  constructor(clock: ClientClock, mostMs: number) {
    this.#clock = clock;
    this.#mostMs = mostMs;
    this.#lookedAt = clock.now();
  }

  /** An answer came. */
  renew(): void {
    this.#lookedAt = this.#clock.now();
    this.#silentMs = 0;
  }

  /** No answer came once more; whether it is over. */
  isOver(): boolean {
    const now = this.#clock.now();
    const passed = Math.max(0, now - this.#lookedAt);
    this.#silentMs += Math.min(passed, LONGEST_LOOK_MS, this.#mostMs / 2);
    this.#lookedAt = now;
    return this.#silentMs >= this.#mostMs;
  }
}
