/** The timers of one session: none of them fires once the session has ended. */

import type { Clock, TimerHandle } from "../../tasks/ports/clock.ts";

export class SessionTimers {
  readonly #clock: Clock;
  readonly #running = new Set<TimerHandle>();
  #ended = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls back after `ms` milliseconds, unless it is cancelled or the session has ended by then. */
  after(ms: number, callback: () => void): TimerHandle {
    const timer = this.#clock.after(ms, () => {
      this.#running.delete(timer);
      if (!this.#ended) callback();
    });
    this.#running.add(timer);
    return {
      cancel: () => {
        timer.cancel();
        this.#running.delete(timer);
      },
    };
  }

  /** Cancels what runs. A timer that is set afterwards does nothing. */
  end(): void {
    this.#ended = true;
    for (const timer of this.#running) timer.cancel();
    this.#running.clear();
  }
}
