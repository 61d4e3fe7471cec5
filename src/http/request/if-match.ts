/** Conditional changes of what has a version (RFC 9110 §13.1.1). */

/** Whether a change may be made of what has this ETag; undefined where the request sets no condition, or `*`. */
export function ifMatch(headers: Headers): ((etag: string) => boolean) | undefined {
  const value = headers.get("if-match")?.trim();
  if (value === undefined || value === "*") return undefined;
  const tags = value.split(",").map((tag) => tag.trim());
  return (etag) => tags.includes(etag);
}
