/**
 * Stores what a provider delivers as a file, once its first bytes say that it is one of the kind that was asked for. Adapters know
 * nothing of media stores, and previews are never stored: so types are told here from a few bytes, at once. Whether a file may
 * be stored is decided where that is, by `sniff` (src/media/sniff.ts), which reads more and also measures it.
 */

import type { StepIo } from "../../../tasks/ports/media-provider.ts";
import type { MediaRef } from "../../../tasks/task.ts";
import { type CallContext, unusableAnswer } from "../calls/failures.ts";
import { UpstreamError } from "../calls/upstream-error.ts";

/** What the first bytes of a file say about it; null for what is neither a picture, a film nor sound. */
export function detectedContentType(bytes: Uint8Array): string | null {
  const ascii = String.fromCharCode(...bytes.subarray(0, SIGNATURE_BYTES));
  if (ascii.startsWith("\x89PNG\r\n\x1a\n")) return "image/png";
  if (ascii.startsWith("\xff\xd8\xff")) return "image/jpeg";
  if (ascii.startsWith("RIFF") && ascii.startsWith("WEBP", 8)) return "image/webp";
  if (/^GIF8[79]a/.test(ascii)) return "image/gif";
  if (ascii.startsWith("ftypavif", 4)) return "image/avif";
  if (ascii.startsWith("ftypqt", 4)) return "video/quicktime";
  if (ascii.startsWith("ftyp", 4)) return "video/mp4";
  if (ascii.startsWith("\x1a\x45\xdf\xa3")) return "video/webm";
  // Of a text the beginning may be long, and of a large picture that is decoded for nothing.
  const isText = /^(?:\xef\xbb\xbf)?\s*</.test(ascii);
  if (isText && SVG_BEGINNING.test(new TextDecoder("latin1").decode(bytes.subarray(0, SNIFFED_BYTES))))
    return "image/svg+xml";
  return null;
}

/** Enough for any signature, and for the blanks that may stand before a text. */
const SIGNATURE_BYTES = 64;
/** Enough for what stands before an SVG's root. */
const SNIFFED_BYTES = 1_024;
const SVG_BEGINNING =
  /^(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*|<!--[\s\S]*?-->\s*|<!DOCTYPE svg[^>]*>\s*)*<svg[\s>]/i;

/**
 * Stores the bytes, a stream's as they come, under the type that their beginning says. Throws `UpstreamError` when that is
 * not of `kind` (a web page, an error in XML behind an expired link); rethrows what the store and the stream throw.
 */
export async function storeMedia(
  io: Pick<StepIo, "putMedia">,
  bytes: Uint8Array | ReadableStream<Uint8Array>,
  kind: "image" | "video",
  context: CallContext,
): Promise<MediaRef> {
  if (bytes instanceof Uint8Array) {
    const contentType = requiredType(bytes, kind, context);
    return io.putMedia(bytes, contentType);
  }
  const reader = bytes.getReader();
  const head: Uint8Array[] = [];
  let size = 0;
  while (size < SNIFFED_BYTES) {
    const { done, value } = await reader.read();
    if (done) break;
    head.push(value);
    size += value.length;
  }
  const first = new Uint8Array(size);
  let at = 0;
  for (const part of head) {
    first.set(part, at);
    at += part.length;
  }
  let contentType: string;
  try {
    contentType = requiredType(first, kind, context);
  } catch (error) {
    await reader.cancel();
    throw error;
  }
  return io.putMedia(rejoined(first, reader), contentType);
}

/** The content type that the beginning of a file says. Throws `UpstreamError` when it is not of `kind`. */
function requiredType(head: Uint8Array, kind: "image" | "video", context: CallContext): string {
  const contentType = detectedContentType(head);
  if (contentType?.startsWith(`${kind}/`) === true) return contentType;
  const made = kind === "image" ? "picture" : "film";
  throw new UpstreamError(
    unusableAnswer(head.length === 0 ? `an empty ${made}` : `something that is no ${made}`, context),
  );
}

/** The stream with its beginning put back. */
function rejoined(
  first: Uint8Array,
  reader: ReadableStreamDefaultReader<Uint8Array>,
): ReadableStream<Uint8Array> {
  let begun = false;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (!begun) {
          begun = true;
          return controller.enqueue(first);
        }
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
