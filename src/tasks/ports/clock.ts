/** Time as the product sees it, injected so that tests decide what time it is. */

export type TimerHandle = { cancel(): void };

export interface Clock {
  /** Wall clock, milliseconds since the epoch: what is stored and shown. */
  now(): number;
  /** Monotonic milliseconds: what measures durations and ends leases locally. */
  monotonic(): number;
  /** Calls back once after `ms`; does not keep the process alive by itself. */
  after(ms: number, callback: () => void): TimerHandle;
}

/** The host's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, callback) {
    const timer: unknown = setTimeout(callback, ms);
    // Under Bun and Node a timer is an object that can be told not to hold the process; on Workers it is a number.
    if (typeof timer === "object" && timer !== null && "unref" in timer && typeof timer.unref === "function")
      timer.unref();
    return { cancel: () => clearTimeout(timer as number) };
  },
};
