/** A file cut into parts of one size as it comes in: buckets and rows take no stream of unknown length. */

import { MediaTooLargeError } from "../tasks/ports/media-store.ts";

export type MediaPart = { readonly bytes: Uint8Array; readonly last: boolean };

/**
 * The parts of a file, at least one: all of them `partBytes` long but the last. No more than two are held in memory.
 * Throws `MediaTooLargeError` as soon as more than `maxBytes` have come. A stream is cancelled when it is left early.
 */
export async function* partsOfFile(
  file: Uint8Array | ReadableStream<Uint8Array>,
  partBytes: number,
  maxBytes: number,
): AsyncGenerator<MediaPart, void> {
  const waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let totalBytes = 0;
  const take = (bytes: number): Uint8Array => {
    const part = new Uint8Array(bytes);
    let filled = 0;
    while (filled < bytes) {
      const chunk = waiting[0] as Uint8Array;
      const used = chunk.subarray(0, bytes - filled);
      part.set(used, filled);
      filled += used.byteLength;
      if (used.byteLength === chunk.byteLength) waiting.shift();
      else waiting[0] = chunk.subarray(used.byteLength);
    }
    waitingBytes -= bytes;
    return part;
  };
  for await (const chunk of file instanceof Uint8Array ? [file] : file) {
    totalBytes += chunk.byteLength;
    if (totalBytes > maxBytes) throw new MediaTooLargeError(maxBytes);
    if (chunk.byteLength === 0) continue;
    waiting.push(chunk);
    waitingBytes += chunk.byteLength;
    // A full part waits for the next byte, which proves that it is not the last.
    while (waitingBytes > partBytes) yield { bytes: take(partBytes), last: false };
  }
  yield { bytes: take(waitingBytes), last: true };
}
