/** Turns of the event loop, shared out: whoever computes long asks for a turn, works a few milliseconds, and asks again. */

/** Calls back in a later turn of the event loop, after what is already waiting. */
export type NextTurn = (callback: () => void) => void;

/**
 * Gives one turn of the event loop to one painter at a time, first come first served. Without it the slices of
 * several painters would run back to back, and the loop would stand still for all of them together.
 */
export class Pacer {
  readonly #nextTurn: NextTurn;
  readonly #waiting: (() => void)[] = [];
  #scheduled = false;

  constructor(nextTurn: NextTurn = hostNextTurn) {
    this.#nextTurn = nextTurn;
  }

  /** Resolves at the start of a turn that belongs to the caller alone. */
  turn(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#scheduled || this.#waiting.length === 0) return;
    this.#scheduled = true;
    this.#nextTurn(() => {
      this.#scheduled = false;
      this.#waiting.shift()?.();
      this.#schedule();
    });
  }
}

/** `setImmediate` comes round without the clamp of a timer, which would idle away a third of the time. */
const hostNextTurn: NextTurn = (callback) => {
  if (typeof setImmediate === "function") setImmediate(callback);
  else setTimeout(callback, 0);
};
