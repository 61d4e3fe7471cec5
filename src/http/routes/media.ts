/** `GET|HEAD /v1/media/{path}`: result files, public to everyone with their unguessable path. */

import type { Hono } from "hono";
import { ApiError } from "../../protocol/error.ts";
import type { MediaFile, MediaStore } from "../../tasks/ports/media-store.ts";
import type { Thumbnails } from "../../tasks/ports/thumbnails.ts";
import type { HttpContext, HttpEnv } from "../exchange.ts";
import { type ByteRange, byteRange } from "../request/byte-range.ts";
import { isOutdated, isUnchanged, rangeApplies } from "../request/conditional.ts";
import { THUMBNAIL_PARAMETER, thumbnailOf } from "../request/thumbnail.ts";

/** Where media files are; the rest of the path is theirs. */
export const MEDIA_PREFIX = "/v1/media/";
/** What is at a path never changes, but it may be purged: a browser keeps it for a day at most. */
const CACHE_CONTROL = "private, max-age=86400, immutable";
/** A file that is opened as a page may do nothing at all. */
const CONTENT_POLICY = "sandbox; default-src 'none'";
/**
 * Up to here a file is read before it is sent: hosts send a stream in chunks without its length, and pictures are
 * asked for far more often than films.
 */
const BUFFERED_BYTES = 4 * 1024 * 1024;
/** Raster pictures and films, which browsers show without running anything; SVG is a document. */
const SHOWN = /^(?:image\/(?:png|jpeg|webp|gif|avif)|video\/[\w.+-]+)$/;

/** Mounts the route; it takes no key. `thumbnails` is null where none are made. */
export function mountMedia(
  app: Hono<HttpEnv>,
  media: Pick<MediaStore, "get">,
  thumbnails: Thumbnails | null,
): void {
  app.get(`${MEDIA_PREFIX}*`, async (c) => {
    const path = c.req.path.slice(MEDIA_PREFIX.length);
    const thumbnail = c.req.query(THUMBNAIL_PARAMETER);
    const file =
      thumbnail === undefined ? await media.get(path) : await thumbnailOf(path, thumbnail, thumbnails);
    if (file === null)
      throw new ApiError("not_found", "There is no such media file, or it is no longer kept.");
    return answerFile(c, file);
  });
}

/** Answers a file: its validators, a range of it, and nothing that a browser could run. */
export async function answerFile(c: HttpContext, file: MediaFile): Promise<Response> {
  const { headers } = c.req.raw;
  c.header("etag", file.etag);
  c.header("last-modified", new Date(file.modifiedAt).toUTCString());
  // An error is of this request alone: kept, it would answer the next one.
  c.header("cache-control", "no-store");
  c.header("accept-ranges", "bytes");
  c.header("content-security-policy", CONTENT_POLICY);
  c.header("x-content-type-options", "nosniff");
  if (isOutdated(headers, file)) {
    throw new ApiError(
      "precondition_failed",
      "The file is not the version that If-Match or If-Unmodified-Since names. Ask again without it.",
    );
  }
  const unchanged = isUnchanged(headers, file);
  const range =
    !unchanged && rangeApplies(headers, file) ? byteRange(headers.get("range"), file.bytes) : null;
  if (range === "unsatisfiable") {
    c.header("content-range", `bytes */${file.bytes}`);
    throw new ApiError(
      "range_not_satisfiable",
      `The file has ${file.bytes} bytes; the range begins behind its end.`,
    );
  }
  c.header("cache-control", CACHE_CONTROL);
  if (unchanged) return c.body(null, 304);
  c.header("content-type", file.contentType);
  if (!SHOWN.test(file.contentType)) c.header("content-disposition", "attachment");
  return range === null ? answerWhole(c, file) : answerPart(c, file, range);
}

async function answerWhole(c: HttpContext, file: MediaFile): Promise<Response> {
  c.header("content-length", String(file.bytes));
  return isHead(c) ? c.body(null) : c.body(await readable(file, file.bytes));
}

async function answerPart(c: HttpContext, file: MediaFile, range: ByteRange): Promise<Response> {
  const bytes = range.end - range.start + 1;
  c.header("content-range", `bytes ${range.start}-${range.end}/${file.bytes}`);
  c.header("content-length", String(bytes));
  return isHead(c) ? c.body(null, 206) : c.body(await readable(file, bytes, range), 206);
}

async function readable(
  file: MediaFile,
  bytes: number,
  range?: ByteRange,
): Promise<ReadableStream<Uint8Array> | ArrayBuffer> {
  const stream = await file.open(range);
  return bytes > BUFFERED_BYTES ? stream : new Response(stream).arrayBuffer();
}

/** The router takes HEAD for GET; nothing is opened for it. */
function isHead(c: HttpContext): boolean {
  return c.req.raw.method === "HEAD";
}
