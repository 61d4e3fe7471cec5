/** The painter's dice: a small integer generator, the same on every host. */

import { hash } from "./fixed-point.ts";

/** Draws from a seed; equal seeds give equal sequences. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 32 random bits. */
  next(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    return hash(this.#state, this.#state >>> 16, 0x5bd1e995);
  }

  /** An integer of `low`..`high`, both included. */
  between(low: number, high: number): number {
    return low + (this.next() % (high - low + 1));
  }

  /** True in `percent` of a hundred draws. */
  chance(percent: number): boolean {
    return this.next() % 100 < percent;
  }

  /** One of the list, which MUST NOT be empty. */
  pick<T>(list: readonly T[]): T {
    return list[this.next() % list.length]!;
  }

  /** A generator of its own, so that what one layer draws moves nothing in the next. */
  fork(): Random {
    return new Random(this.next());
  }
}
