/** Notices a connection that is gone without a word: a laptop that slept, a network that changed. */

import type { ClientClock } from "../clock.ts";

export type HeartbeatOptions = {
  readonly clock: ClientClock;
  /** So long nothing may be heard before the other side is asked, ms. */
  readonly quietMs: number;
  /** So long it may take to answer, ms. */
  readonly answerMs: number;
  ask(): void;
  /** It did not answer; called once. */
  dead(): void;
};

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #heardAt: number;
  #askedAt: number | null = null;
  #timer: { cancel(): void };

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#heardAt = options.clock.now();
    this.#timer = options.clock.after(options.quietMs, () => this.#look());
  }

  /** Something came. */
  heard(): void {
    this.#heardAt = this.#options.clock.now();
    this.#askedAt = null;
  }

  end(): void {
    this.#timer.cancel();
  }

  #look(): void {
    const { clock, quietMs, answerMs, ask, dead } = this.#options;
    const now = clock.now();
    if (this.#askedAt !== null && now - this.#askedAt >= answerMs) {
      dead();
      return;
    }
    if (this.#askedAt === null && now - this.#heardAt >= quietMs) {
      this.#askedAt = now;
      ask();
    }
    // Something that comes moves no timer: one look finds out when the next is due.
    const due = this.#askedAt === null ? this.#heardAt + quietMs : this.#askedAt + answerMs;
    this.#timer = clock.after(Math.max(1, due - now), () => this.#look());
  }
}
