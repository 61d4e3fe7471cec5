/** A limit of requests in the headers that clients of OpenAI's API look at. */

import type { RequestRate } from "./ports/start-refusal.ts";

const UNITS = [
  ["h", 3_600],
  ["m", 60],
] as const;

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

/** As Go writes durations: `250ms`, `1.5s`, `6m0s`, `23h59m0s`. */
export function durationText(ms: number): string {
  if (ms > 0 && ms < 1_000) return `${ms}ms`;
  let seconds = ms / 1_000;
  let text = "";
  for (const [unit, length] of UNITS) {
    const whole = Math.floor(seconds / length);
    if (whole === 0 && text === "") continue;
    text += `${whole}${unit}`;
    seconds -= whole * length;
  }
  return `${text}${Number(seconds.toFixed(3))}s`;
}
