/** The few XML texts of the S3 API that a media store reads and writes: flat lists without attributes. */

import type { ListedKeys } from "../bucket.ts";

const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
};
const MAX_CODE_POINT = 0x10ffff;

/** The page of a `ListObjectsV2` answer; null when the text is none. */
export function readListing(text: string): ListedKeys | null {
  if (!/<ListBucketResult[\s>]/.test(text) || !text.includes("</ListBucketResult>")) return null;
  const keys = [...text.matchAll(/<Contents>(.*?)<\/Contents>/gs)].map(([, object = ""]) =>
    textOf(object, "Key"),
  );
  if (keys.some((key) => key === null)) return null;
  const truncated = textOf(text, "IsTruncated") === "true";
  const next = textOf(text, "NextContinuationToken");
  if (truncated && next === null) return null;
  return { keys: keys.filter((key) => key !== null), next: truncated ? next : null };
}

/** The id of a begun upload; null when the text is no such answer. */
export function readUploadId(text: string): string | null {
  return textOf(text, "UploadId");
}

/** The body that completes an upload of these parts, numbered from 1. */
export function uploadManifest(etags: readonly string[]): string {
  const parts = etags.map(
    (etag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${escaped(etag)}</ETag></Part>`,
  );
  return `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${parts.join("")}</CompleteMultipartUpload>`;
}

function textOf(text: string, name: string): string | null {
  const value = new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1];
  return value === undefined ? null : unescaped(value);
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}

function unescaped(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|([a-z]{2,4}));/gi, (whole, hex, decimal, name) => {
    if (name !== undefined) return ENTITIES[String(name).toLowerCase()] ?? whole;
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
    return code <= MAX_CODE_POINT ? String.fromCodePoint(code) : whole;
  });
}
