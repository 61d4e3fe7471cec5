/** Conditional requests (RFC 9110 §13): whether the caller has the file already, and whether its part still fits. */

export type Validators = { etag: string /** Milliseconds since the epoch. */; modifiedAt: number };

/**
 * Whether the caller wants this version or none, and another is here: 412. `If-Match` decides alone where it came, and
 * compares strongly; a date that is none is ignored.
 */
export function isOutdated(headers: Headers, { etag, modifiedAt }: Validators): boolean {
  const match = headers.get("if-match");
  if (match !== null) return match.trim() !== "*" && !match.split(",").some((tag) => tag.trim() === etag);
  const since = Date.parse(headers.get("if-unmodified-since") ?? "");
  return !Number.isNaN(since) && wholeSeconds(modifiedAt) > since;
}

/** Whether the caller's copy is the current one: 304. `If-None-Match` decides alone where it came. */
export function isUnchanged(headers: Headers, { etag, modifiedAt }: Validators): boolean {
  const noneMatch = headers.get("if-none-match");
  if (noneMatch !== null) {
    return (
      noneMatch.trim() === "*" ||
      noneMatch.split(",").some((tag) => withoutWeakness(tag.trim()) === withoutWeakness(etag))
    );
  }
  const since = Date.parse(headers.get("if-modified-since") ?? "");
  return !Number.isNaN(since) && wholeSeconds(modifiedAt) <= since;
}

/** Whether a `Range` counts: without `If-Range`, or when that names the current version (tags compare strongly). */
export function rangeApplies(headers: Headers, { etag, modifiedAt }: Validators): boolean {
  const condition = headers.get("if-range")?.trim();
  if (condition === undefined) return true;
  if (condition.startsWith('"') || condition.startsWith("W/")) return condition === etag;
  return Date.parse(condition) === wholeSeconds(modifiedAt);
}

function withoutWeakness(tag: string): string {
  return tag.startsWith("W/") ? tag.slice(2) : tag;
}

/** HTTP dates have no milliseconds. */
function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}
