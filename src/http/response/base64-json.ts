/**
 * JSON with files in it as base64, written into the bytes of the answer while the files are read: a picture does not stand in
 * memory as a file, as a text, as a part of a larger text, and as the bytes of that as well.
 */

import { randomToken } from "../../tasks/ids.ts";
import type { MediaFile } from "../../tasks/ports/media-store.ts";

const NONCE_CHARACTERS = 22;
const GROUP = 3;
const encoder = new TextEncoder();

/**
 * The JSON text, in UTF-8, of what `compose` makes of one text for each file, in which those texts are the files in base64.
 * Rejects where a file cannot be read to its end.
 */
export async function jsonWithBase64(
  files: readonly MediaFile[],
  compose: (texts: readonly string[]) => unknown,
): Promise<Uint8Array<ArrayBuffer>> {
  // Nothing that a provider or a caller wrote is taken for the place of a file.
  const nonce = randomToken(NONCE_CHARACTERS);
  const json = JSON.stringify(compose(files.map((_, place) => `${nonce}:${place}:`)));
  // Texts, and between two of them the number of a file.
  const parts = json
    .split(new RegExp(`${nonce}:(\\d+):`))
    .map((part, index) => (index % 2 === 0 ? encoder.encode(part) : (files[Number(part)] as MediaFile)));
  const answer = new Uint8Array(parts.reduce((sum, part) => sum + lengthOf(part), 0));
  let at = 0;
  for (const part of parts) {
    if (part instanceof Uint8Array) answer.set(part, at);
    else await encodeFile(part, answer.subarray(at, at + lengthOf(part)));
    at += lengthOf(part);
  }
  return answer;
}

function lengthOf(part: Uint8Array | MediaFile): number {
  return part instanceof Uint8Array ? part.length : Math.ceil(part.bytes / GROUP) * 4;
}

/** Fills `place` with the file in base64. */
async function encodeFile(file: MediaFile, place: Uint8Array): Promise<void> {
  /** Bytes that are no whole group yet. */
  let rest = new Uint8Array();
  let at = 0;
  const write = (bytes: Uint8Array) => {
    const { read, written } = encoder.encodeInto(bytes.toBase64(), place.subarray(at));
    if (read < bytes.length) throw new Error("A media file is longer than when it was opened");
    at += written;
  };
  for await (const chunk of await file.open()) {
    const missing = rest.length === 0 ? 0 : Math.min(GROUP - rest.length, chunk.length);
    if (missing > 0) rest = Uint8Array.of(...rest, ...chunk.subarray(0, missing));
    const end = chunk.length - ((chunk.length - missing) % GROUP);
    if (rest.length === GROUP) write(rest);
    if (rest.length === 0 || rest.length === GROUP) rest = chunk.slice(end);
    write(chunk.subarray(missing, end));
  }
  write(rest);
  if (at < place.length) throw new Error("A media file is shorter than when it was opened");
}
