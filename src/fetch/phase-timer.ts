/** The clock of one fetch: a limit for the whole and one for the phase it is in. */

import type { Clock, TimerHandle } from "../tasks/ports/clock.ts";
import { FetchError } from "./fetch-error.ts";

/** Milliseconds. */
export type Timeouts = {
  /** From looking the name up to a connection that stands. */
  readonly connectMs: number;
  /** From there to the answer's headers; of each request, when there are redirects. */
  readonly headersMs: number;
  /** Between two chunks of the body that are waited for. */
  readonly chunkMs: number;
  /** For everything, the time that the reader takes included. */
  readonly totalMs: number;
};

export type Phase = "connect" | "headers" | "chunk";

const LIMITS = { connect: "connectMs", headers: "headersMs", chunk: "chunkMs" } as const;
const LATE = {
  connect: "took too long to connect",
  headers: "took too long to answer",
  chunk: "stopped in the midst of its answer",
  whole: "took too long to send its whole answer",
} as const;

export class PhaseTimer {
  readonly #clock: Pick<Clock, "after">;
  readonly #timeouts: Timeouts;
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #whole: TimerHandle;
  #phase: TimerHandle | null = null;

  constructor(clock: Pick<Clock, "after">, timeouts: Timeouts, outer?: AbortSignal) {
    this.#clock = clock;
    this.#timeouts = timeouts;
    this.#outer = outer;
    this.#whole = clock.after(timeouts.totalMs, () => this.#end("whole"));
    if (outer?.aborted) this.#giveUp();
    else outer?.addEventListener("abort", this.#giveUp, { once: true });
  }

  /** Aborts with what went wrong: a time-out as `FetchError`, or the caller's own reason. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Begins a phase; the one before is over. */
  enter(phase: Phase): void {
    this.#phase?.cancel();
    if (!this.signal.aborted)
      this.#phase = this.#clock.after(this.#timeouts[LIMITS[phase]], () => this.#end(phase));
  }

  /** Ends the phase; only the whole has its limit until the next one begins. */
  rest(): void {
    this.#phase?.cancel();
    this.#phase = null;
  }

  /** Ends all limits. */
  stop(): void {
    this.rest();
    this.#whole.cancel();
    this.#outer?.removeEventListener("abort", this.#giveUp);
  }

  /**
   * The promise's value; rejects as soon as a limit is reached, also when the promise never settles. What it brings
   * afterwards is handed to `late`.
   */
  unlessOver<T>(promise: Promise<T>, late: (value: T) => void = () => {}): Promise<T> {
    const { signal } = this;
    return new Promise<T>((resolve, reject) => {
      const over = () => reject(signal.reason);
      signal.addEventListener("abort", over, { once: true });
      if (signal.aborted) over();
      promise.then(
        (value) => {
          signal.removeEventListener("abort", over);
          if (signal.aborted) late(value);
          else resolve(value);
        },
        (error) => {
          signal.removeEventListener("abort", over);
          reject(error);
        },
      );
    });
  }

  /** What a failure means for the caller: a transport may answer an abort with an error of its own. */
  reasonFor(error: unknown): Error {
    const reason: unknown = this.signal.aborted ? this.signal.reason : error;
    if (reason instanceof FetchError || (this.signal.aborted && reason instanceof Error)) return reason;
    return new FetchError("unreachable", "could not be reached, or broke off", { cause: reason });
  }

  #end(limit: Phase | "whole"): void {
    this.rest();
    this.#controller.abort(new FetchError("timeout", LATE[limit]));
  }

  readonly #giveUp = (): void => {
    this.#controller.abort(this.#outer?.reason);
  };
}
