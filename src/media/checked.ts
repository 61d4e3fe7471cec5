/**
 * A media store that looks at what it is given: what is no picture or film is refused, what is one is stored under its real
 * type, and its figures are answered with it. The bytes are stored as they came.
 */

import { type MediaFile, MediaRefusedError, type MediaStore } from "../tasks/ports/media-store.ts";
import type { StoredMedia } from "../tasks/task.ts";
import { filmFigures } from "./film.ts";
import type { FilmBytes } from "./film-bytes.ts";
import { PeekedStream } from "./peeked-stream.ts";
import { type Sniffed, sniff } from "./sniff.ts";

export type CheckedMedia = Pick<MediaStore, "get"> & {
  put(...given: Parameters<MediaStore["put"]>): Promise<StoredMedia>;
};

type Inner = Pick<MediaStore, "put" | "get">;

/** What decides lies in here, but for pictures with unusually much metadata. */
const HEAD_BYTES = 64 * 1024;
/** Room for that metadata (provenance, colour profiles, small copies). */
const LARGE_HEAD_BYTES = 1024 * 1024;

/**
 * Of the content type that is handed to `put` only the family counts: said to be `image/…`, a film is refused, and the other
 * way round. Rejects with `MediaRefusedError` for it.
 */
export function createCheckedMedia(inner: Inner): CheckedMedia {
  return {
    get: (path) => inner.get(path),
    async put(taskId, bytes, contentType) {
      if (bytes instanceof Uint8Array) {
        const found = required(await sniff(bytes), bytes, contentType);
        const stored = await inner.put(taskId, bytes, found.contentType);
        const film = {
          size: bytes.byteLength,
          read: async (from: number, to: number) => bytes.slice(from, to),
        };
        return { ...stored, ...(await figuresOf(found, () => film)) };
      }
      const peeked = new PeekedStream(bytes);
      let found: Sniffed;
      try {
        found = required(await sniffed(peeked), peeked.head, contentType);
      } catch (error) {
        await peeked.cancel(error);
        throw error;
      }
      // A small file is in memory by now, and a store writes it at once.
      const whole = peeked.isWhole ? peeked.head : peeked.whole();
      const stored = await inner.put(taskId, whole, found.contentType);
      return { ...stored, ...(await figuresOf(found, async () => filmIn(await inner.get(stored.path)))) };
    },
  };
}

/** Looks further only where the beginning is a picture's and does not say how large the picture is. */
async function sniffed(peeked: PeekedStream): Promise<Sniffed | null> {
  const found = await sniff(await peeked.read(HEAD_BYTES));
  const unclear =
    found === null ? mayHideSize(peeked.head) : found.kind === "image" && found.width === undefined;
  return unclear ? sniff(await peeked.read(LARGE_HEAD_BYTES)) : found;
}

/** AVIF's description is one box that has to be there as a whole. */
function mayHideSize(head: Uint8Array): boolean {
  return [0x66, 0x74, 0x79, 0x70].every((byte, index) => head[index + 4] === byte);
}

function required(found: Sniffed | null, head: Uint8Array, declared: string): Sniffed {
  const wanted = /^\s*(image|video)\//i.exec(declared)?.[1]?.toLowerCase();
  if (found !== null && (wanted === undefined || found.kind === wanted)) return found;
  const noun = wanted === "image" ? "picture" : wanted === "video" ? "film" : "picture or film";
  if (head.byteLength === 0) throw new MediaRefusedError("is empty");
  throw new MediaRefusedError(
    found === null
      ? `is no ${noun} of a kind that is known here`
      : `is ${found.contentType}, which is no ${noun}`,
  );
}

async function figuresOf(found: Sniffed, film: () => FilmBytes | null | Promise<FilmBytes | null>) {
  const { kind, contentType: _type, ...figures } = found;
  if (kind === "image") return figures;
  const bytes = await film();
  return bytes === null ? {} : filmFigures(bytes);
}

function filmIn(file: MediaFile | null): FilmBytes | null {
  if (file === null) return null;
  return {
    size: file.bytes,
    read: async (start, end) =>
      new Uint8Array(await new Response(await file.open({ start, end: end - 1 })).arrayBuffer()),
  };
}
