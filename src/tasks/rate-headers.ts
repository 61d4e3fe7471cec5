/** A limit of requests in the headers that clients of OpenAI's API look at. */

import type { RequestRate } from "./ports/start-refusal.ts";

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** `x-ratelimit-limit-requests`, `-remaining-requests` and `-reset-requests` (until all of it is free again); none without a limit. */
export function rateHeaders(rate: RequestRate | null): Record<string, string> {
  if (rate === null) return {};
  const { limit, remaining, resetMs } = rate;
  return {
    "x-ratelimit-limit-requests": String(limit),
    "x-ratelimit-remaining-requests": String(remaining),
    "x-ratelimit-reset-requests": durationText(resetMs),
  };
}

/** As Go writes durations: `250ms`, `1.5s`, `6m0s`, `23h59m0s`. Whole milliseconds. */
export function durationText(ms: number): string {
  if (ms > 0 && ms < SECOND_MS) return `${ms}ms`;
  const hours = Math.floor(ms / HOUR_MS);
  const minutes = Math.floor((ms % HOUR_MS) / MINUTE_MS);
  const seconds = (ms % MINUTE_MS) / SECOND_MS;
  if (hours > 0) return `${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${minutes}m${seconds}s` : `${seconds}s`;
}
