/**
 * The pulse of what a shard sends: everything told in the same few hundredths of a second goes out together, in one
 * frame for each socket. A frame costs the platform thirty times what a record in it does.
 */

import type { Clock, TimerHandle } from "../../tasks/ports/clock.ts";

/** How long pushes wait for company, ms: 20 frames a second on each socket at most, and nobody sees the difference. */
export const TICK_MS = 50;

/** Has frames that were kept together. MUST NOT throw. */
export interface Flushable {
  flush(): void;
}

export class ShardTick {
  readonly #clock: Pick<Clock, "after">;
  #callbacks: (() => void)[] = [];
  readonly #gathering = new Set<Flushable>();
  #timer: TimerHandle | null = null;
  #soon = false;
  #running = false;

  constructor(clock: Pick<Clock, "after">) {
    this.#clock = clock;
  }

  /** Calls back when the tick comes, with everybody else; `soon` makes it come at the end of this turn. */
  readonly later = (callback: () => void, soon = false): void => {
    this.#callbacks.push(callback);
    if (this.#timer !== null && (this.#soon || !soon)) return;
    this.#timer?.cancel();
    this.#soon = soon;
    this.#timer = this.#clock.after(soon ? 0 : TICK_MS, () => this.#run());
  };

  /** During a tick: `gatherer.flush` will be called at its end, and true is answered. False between ticks. */
  gathers(gatherer: Flushable): boolean {
    if (this.#running) this.#gathering.add(gatherer);
    return this.#running;
  }

  #run(): void {
    this.#timer = null;
    this.#soon = false;
    const callbacks = this.#callbacks;
    this.#callbacks = [];
    this.#running = true;
    try {
      for (const callback of callbacks) callback();
    } finally {
      this.#running = false;
      const gathered = [...this.#gathering];
      this.#gathering.clear();
      for (const gatherer of gathered) gatherer.flush();
    }
  }
}
