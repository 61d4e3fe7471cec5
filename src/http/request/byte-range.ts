/** The `Range` header (RFC 9110 §14): one range of bytes of a file. */

export type ByteRange = { start: number; end: number };

/**
 * The range a header asks for, both ends inclusive; null for the whole file - also where the header is malformed, of
 * another unit, or asks for several ranges, all of which a server may answer whole - and `unsatisfiable`.
 */
export function byteRange(header: string | null, bytes: number): ByteRange | "unsatisfiable" | null {
  const match = header === null ? null : /^bytes=\s*(\d{0,15})-(\d{0,15})\s*$/i.exec(header);
  if (match === null) return null;
  const [, first = "", last = ""] = match;
  if (first === "") {
    if (last === "") return null;
    const suffix = Math.min(Number(last), bytes);
    return suffix === 0 ? "unsatisfiable" : { start: bytes - suffix, end: bytes - 1 };
  }
  const start = Number(first);
  if (last !== "" && Number(last) < start) return null;
  if (start >= bytes) return "unsatisfiable";
  return { start, end: last === "" ? bytes - 1 : Math.min(Number(last), bytes - 1) };
}
