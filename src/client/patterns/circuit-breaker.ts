/** Asks something that keeps failing no more for a while, so that it can recover and callers need not wait for its failures. */

import { type ClientClock, systemTimers } from "../clock.ts";
import { ConduitError } from "../transport/errors.ts";

export type CircuitBreakerOptions = {
  /** Failures in a row that open it. Default 5. */
  failures?: number | undefined;
  /** So long nothing is asked; then one call is let through, whose outcome decides. Default 30,000 ms. */
  openMs?: number | undefined;
  /** Default: the system's. */
  clock?: ClientClock | undefined;
};

/** `half-open`: one call is on its way, or may be made, to see how it goes. */
export type CircuitState = "closed" | "open" | "half-open";

/** Nothing was asked, because what was asked before failed too often. */
export class CircuitOpenError extends ConduitError {
  override name = "CircuitOpenError";

  constructor(readonly retryAfterMs: number) {
    super(`The circuit is open for another ${retryAfterMs} ms, because calls kept failing.`);
  }
}

const FAILURES = 5;
const OPEN_MS = 30_000;

export class CircuitBreaker {
  readonly #failures: number;
  readonly #openMs: number;
  readonly #clock: ClientClock;
  #inARow = 0;
  #openedAt: number | null = null;
  #trying = false;

  constructor({ failures = FAILURES, openMs = OPEN_MS, clock = systemTimers }: CircuitBreakerOptions = {}) {
    if (!Number.isInteger(failures) || failures < 1)
      throw new RangeError(`Expected failures as a whole number from 1, got ${failures}.`);
    if (!(openMs > 0)) throw new RangeError(`Expected openMs as milliseconds above 0, got ${openMs}.`);
    this.#failures = failures;
    this.#openMs = openMs;
    this.#clock = clock;
  }

  get state(): CircuitState {
    if (this.#openedAt === null) return "closed";
    return this.#leftMs() > 0 ? "open" : "half-open";
  }

  /** Runs `work`, or rejects at once with a `CircuitOpenError`. `isFailure`: which errors count; others change nothing. Default: all. */
  async run<Result>(
    work: () => Promise<Result>,
    isFailure: (error: unknown) => boolean = () => true,
  ): Promise<Result> {
    const trial = this.#enter();
    try {
      const result = await work();
      this.#close();
      return result;
    } catch (error) {
      if (isFailure(error)) this.#failed(trial);
      throw error;
    } finally {
      if (trial) this.#trying = false;
    }
  }

  /** Whether the call is the one that tries how it goes. */
  #enter(): boolean {
    if (this.#openedAt === null) return false;
    const left = this.#leftMs();
    if (left > 0 || this.#trying) throw new CircuitOpenError(Math.max(0, left));
    this.#trying = true;
    return true;
  }

  #close(): void {
    this.#inARow = 0;
    this.#openedAt = null;
  }

  #failed(trial: boolean): void {
    this.#inARow += 1;
    // Calls that were on their way when it opened do not keep it open.
    if (trial || (this.#openedAt === null && this.#inARow >= this.#failures))
      this.#openedAt = this.#clock.now();
  }

  #leftMs(): number {
    const now = this.#clock.now();
    // A clock that was set back keeps it open for no longer than its time.
    if (this.#openedAt !== null && this.#openedAt > now) this.#openedAt = now;
    return (this.#openedAt ?? 0) + this.#openMs - now;
  }
}
