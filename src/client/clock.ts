/** Time as the client sees it: tests hand in a clock that stands still. */

export type ClientClock = {
  /** Milliseconds since the epoch. */
  now(): number;
  after(ms: number, callback: () => void): { cancel(): void };
};

export const systemTimers: ClientClock = {
  now: () => Date.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};

/** Resolves after `ms`; rejects with the signal's reason as soon as it is aborted. */
export function sleep(clock: ClientClock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const aborted = () => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.after(ms, () => {
      signal?.removeEventListener("abort", aborted);
      resolve();
    });
    signal?.addEventListener("abort", aborted, { once: true });
  });
}

/** What the promise brings, or the signal's reason as soon as it is aborted: the promise goes on for others who wait for it. */
export function orAborted<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const aborted = () => reject(signal.reason);
    signal.addEventListener("abort", aborted, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", aborted));
  });
}

/**
 * How long to wait before try number `tries` (1 is the first repeat): twice as long each time from `baseMs` up to `mostMs`, of which
 * the upper half is left to chance, so that clients that were cut together do not come back together.
 */
export function retryWaitMs(
  tries: number,
  { baseMs = 500, mostMs = 8_000, random = Math.random }: BackoffOptions = {},
): number {
  const whole = Math.min(mostMs, baseMs * 2 ** Math.max(0, tries - 1));
  return Math.round(whole / 2 + (whole / 2) * random());
}

export type BackoffOptions = { baseMs?: number; mostMs?: number; random?: () => number };
