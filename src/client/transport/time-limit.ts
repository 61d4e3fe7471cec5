/** A signal for work that its caller may leave and that may not take for ever. */

import type { ClientClock } from "../clock.ts";
import { TimeoutError } from "./errors.ts";

export type TimeLimit = {
  /** Aborted with the caller's reason, or with a `TimeoutError`. */
  readonly signal: AbortSignal;
  /** To be called when the work is over: the time stops, and the caller's signal is let go. */
  end(): void;
};

export type TimeLimitOptions = {
  /** The caller's. */
  signal?: AbortSignal | undefined;
  /** Default: there is no limit. */
  timeoutMs?: number | undefined;
  /** What the `TimeoutError` says. */
  message: string;
};

export function startTimeLimit(
  clock: ClientClock,
  { signal, timeoutMs, message }: TimeLimitOptions,
): TimeLimit {
  const controller = new AbortController();
  const leave = () => controller.abort(signal?.reason);
  if (signal?.aborted) leave();
  signal?.addEventListener("abort", leave, { once: true });
  const timer =
    timeoutMs === undefined
      ? null
      : clock.after(timeoutMs, () => controller.abort(new TimeoutError(message)));
  return {
    signal: controller.signal,
    end() {
      timer?.cancel();
      signal?.removeEventListener("abort", leave);
    },
  };
}
