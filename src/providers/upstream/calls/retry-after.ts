/** How long a provider asks to be left alone. */

/** Longer waits are cut: the next answer may say something else by then. */
const LONGEST_MS = 3_600_000;

/**
 * Milliseconds by `retry-after-ms`, else by `retry-after` as seconds or as a date; null when neither can be read. `now` is
 * the wall clock.
 */
export function retryAfterMs(headers: Headers, now: number): number | null {
  const ms = number(headers.get("retry-after-ms"));
  if (ms !== null) return bounded(ms);
  const text = headers.get("retry-after");
  const seconds = number(text);
  if (seconds !== null) return bounded(seconds * 1000);
  const date = text !== null && /[a-z]/i.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? null : bounded(date - now);
}

function number(text: string | null): number | null {
  return text !== null && /^\s*\d+(\.\d+)?\s*$/.test(text) ? Number(text) : null;
}

function bounded(ms: number): number {
  return Math.min(Math.max(0, Math.ceil(ms)), LONGEST_MS);
}
