/** At most so many in any window of time, in the order in which they asked. */

import { type ClientClock, systemTimers } from "../clock.ts";

export type RateLimiterOptions = {
  /** Default: the system's. */
  clock?: ClientClock | undefined;
};

type Waiter = { admit: () => void };

/**
 * A sliding window: however it is laid, no `windowMs` hold more than `maxRequests` admissions. Whoever asks first is admitted first; one
 * that leaves takes nobody's place along.
 */
export class RateLimiter {
  readonly #maxRequests: number;
  readonly #windowMs: number;
  readonly #clock: ClientClock;
  /** When the last `maxRequests` were admitted, the oldest first. */
  readonly #admitted: number[] = [];
  readonly #waiting = new Set<Waiter>();
  #timer: { cancel(): void } | null = null;

  constructor(maxRequests: number, windowMs: number, { clock = systemTimers }: RateLimiterOptions = {}) {
    if (!Number.isInteger(maxRequests) || maxRequests < 1)
      throw new RangeError(`Expected maxRequests as a whole number from 1, got ${maxRequests}.`);
    if (!(windowMs > 0) || !Number.isFinite(windowMs))
      throw new RangeError(`Expected windowMs as milliseconds above 0, got ${windowMs}.`);
    this.#maxRequests = maxRequests;
    this.#windowMs = windowMs;
    this.#clock = clock;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Resolves when it is the caller's turn; rejects with the signal's reason when the caller leaves before. */
  acquire(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const leave = () => {
        this.#waiting.delete(waiter);
        if (this.#waiting.size === 0) this.#rest();
        reject(signal?.reason);
      };
      const waiter: Waiter = {
        admit: () => {
          signal?.removeEventListener("abort", leave);
          resolve();
        },
      };
      signal?.addEventListener("abort", leave, { once: true });
      this.#waiting.add(waiter);
      this.#admit();
    });
  }

  #admit(): void {
    for (const waiter of this.#waiting) {
      const waitMs = this.#waitMs();
      if (waitMs > 0) {
        this.#timer ??= this.#clock.after(waitMs, () => {
          this.#timer = null;
          this.#admit();
        });
        return;
      }
      this.#waiting.delete(waiter);
      if (this.#admitted.length === this.#maxRequests) this.#admitted.shift();
      this.#admitted.push(this.#clock.now());
      waiter.admit();
    }
  }

  /** Until the next may be admitted. */
  #waitMs(): number {
    const [oldest] = this.#admitted;
    if (oldest === undefined || this.#admitted.length < this.#maxRequests) return 0;
    const now = this.#clock.now();
    const waitMs = oldest + this.#windowMs - now;
    if (waitMs <= this.#windowMs) return waitMs;
    // The clock was set back: what seems to come is taken for what was just admitted, so that nobody waits longer than a window.
    this.#admitted.fill(now);
    return this.#windowMs;
  }

  #rest(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }
}
