/** `withResilience`: an operation that connects first, is tried again, and is not asked while it keeps failing. */

import { type ClientClock, retryWaitMs, sleep, systemTimers } from "../clock.ts";
import { deservesRepeat, StatusError } from "../transport/errors.ts";
import { randomKey } from "../transport/requester.ts";
import { type CircuitBreaker, CircuitOpenError } from "./circuit-breaker.ts";

export type ResilienceOptions = {
  /** Repeats after the first try. Default 3. */
  retries?: number | undefined;
  /** Before the first repeat, then twice as long each time up to `mostMs`, half of it random. Default 2,000 and 30,000 ms. */
  baseMs?: number | undefined;
  mostMs?: number | undefined;
  /** Which errors are tried again, and count for the breaker. Default: those of connections, 408, 409, 429 and 5xx, as the client's own. */
  isRetryable?: ((error: unknown) => boolean) | undefined;
  /** Connected before a try when it is not: a `ConduitRealtimeClient`, for one. */
  connection?: { readonly isConnected: boolean; connect(): Promise<void> } | undefined;
  /** May be shared by several operations on the same gateway. Default: none. */
  breaker?: CircuitBreaker | undefined;
  /** Ends waits and tries. */
  signal?: AbortSignal | undefined;
  /** Default: the system's. */
  clock?: ClientClock | undefined;
  /** From 0 to 1, for the waits. */
  random?: (() => number) | undefined;
};

/** What each try is handed. It can be given to a call of the client as it is: its key makes a repeat create nothing twice. */
export type ResilientCall = {
  /** From 1. */
  readonly attempt: number;
  /** The same for all tries of one call. */
  readonly idempotencyKey: string;
  readonly signal?: AbortSignal | undefined;
};

const RETRIES = 3;
const BASE_MS = 2_000;
const MOST_MS = 30_000;
const LONGEST_RETRY_AFTER_SECONDS = 60;

/**
 * The operation with what it lacks: `const paint = withResilience((call, prompt: string) => conduit.images.generateAsync({ … }, call))`.
 * Rejects with what the last try threw, at once with a `CircuitOpenError` while the breaker is open, or with the signal's reason.
 */
export function withResilience<Arguments extends unknown[], Result>(
  operation: (call: ResilientCall, ...values: Arguments) => Promise<Result>,
  options: ResilienceOptions = {},
): (...values: Arguments) => Promise<Result> {
  const { retries = RETRIES, isRetryable = deservesRepeat, connection, breaker, signal } = options;
  const { clock = systemTimers } = options;

  const tryOnce = async (call: ResilientCall, values: Arguments): Promise<Result> => {
    if (connection?.isConnected === false) await connection.connect();
    return operation(call, ...values);
  };

  return async (...values) => {
    const idempotencyKey = randomKey();
    for (let attempt = 1; ; attempt += 1) {
      signal?.throwIfAborted();
      const call: ResilientCall = { attempt, idempotencyKey, ...(signal && { signal }) };
      try {
        const run = () => tryOnce(call, values);
        return await (breaker === undefined ? run() : breaker.run(run, isRetryable));
      } catch (error) {
        signal?.throwIfAborted();
        if (attempt > retries || error instanceof CircuitOpenError || !isRetryable(error)) throw error;
        await sleep(clock, waitMs(error, attempt, options), signal);
      }
    }
  };
}

function waitMs(error: unknown, attempt: number, options: ResilienceOptions): number {
  const asked = error instanceof StatusError ? error.retryAfterSeconds : null;
  if (asked !== null && asked <= LONGEST_RETRY_AFTER_SECONDS) return asked * 1_000;
  const { baseMs = BASE_MS, mostMs = MOST_MS, random = Math.random } = options;
  return retryWaitMs(attempt, { baseMs, mostMs, random });
}
