/** The `Prefer` header (RFC 7240): `wait=N` holds an answer back until the task ends or N seconds pass. */

/** Longer holds meet the patience of proxies. */
const MAX_WAIT_SECONDS = 60;

/**
 * Seconds a caller prefers to wait, 1-60; null without a preference. More than 60 is taken as 60, which the answer's
 * `Preference-Applied` tells; what is no whole number above 0 is ignored, as the standard wants.
 */
export function preferredWaitSeconds(header: string | null): number | null {
  if (header === null) return null;
  for (const preference of header.split(",")) {
    const seconds = /^\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:;.*)?$/i.exec(preference)?.[1];
    // The first of several counts.
    if (seconds !== undefined)
      return Number(seconds) > 0 ? Math.min(Number(seconds), MAX_WAIT_SECONDS) : null;
  }
  return null;
}
