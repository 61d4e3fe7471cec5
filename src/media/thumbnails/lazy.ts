/** Makes thumbnails at their first request and keeps them in the media store, beside the picture they were made from. */

import { derivedPath, type MediaFile, type MediaStore } from "../../tasks/ports/media-store.ts";
import { ThumbnailError, type ThumbnailSize, type Thumbnails } from "../../tasks/ports/thumbnails.ts";
import { parseMediaPath } from "../media-path.ts";
import { sniff } from "../sniff.ts";

export type PictureShrinker = {
  /** Makes one copy as WebP; the bytes are gone afterwards. Rejects with `ThumbnailError`. */
  shrink(
    bytes: Uint8Array<ArrayBuffer>,
    contentType: string,
    longest: number,
  ): Promise<Uint8Array<ArrayBuffer>>;
};

type Media = Pick<MediaStore, "get" | "putDerived" | "remove">;

/** Kinds of pictures that can be read. */
const READABLE = new Set(["image/png", "image/jpeg", "image/webp"]);
/** What a copy is. */
const COPY_TYPE = "image/webp";
const COPY_EXTENSION = "webp";
/** Of 4096×4096 pixels, which is more than models make. For a moment they take some 20 bytes a pixel. */
const MAX_PIXELS = 17_000_000;
const MEGAPIXEL = 1_000_000;
const MAX_FILE_BYTES = 64 * 1024 * 1024;
/** Copies that are being made or wait for it; one is made at a time, which bounds the memory. */
const MAX_MAKING = 64;
/** Pictures of which it is known that there is no copy. */
const MAX_REFUSED = 1_000;

/** Copies for this process; another one may make the same copy, which is then stored twice in the same place. */
export function createLazyThumbnails(media: Media, shrinker: PictureShrinker): Thumbnails {
  return new LazyThumbnails(media, shrinker);
}

class LazyThumbnails implements Thumbnails {
  readonly #media: Media;
  readonly #shrinker: PictureShrinker;
  /** By path of the copy: whoever comes while it is made waits for the same one. */
  readonly #making = new Map<string, Promise<MediaFile | null>>();
  /** By path of the picture; what is at a path never changes. */
  readonly #refused = new Map<string, ThumbnailError>();
  #before: Promise<unknown> = Promise.resolve();

  constructor(media: Media, shrinker: PictureShrinker) {
    this.#media = media;
    this.#shrinker = shrinker;
  }

  async get(path: string, size: ThumbnailSize): Promise<MediaFile | null> {
    // Nothing is made from what was made itself.
    if (parseMediaPath(path)?.label !== null) return null;
    const copy = derivedPath(path, String(size), COPY_EXTENSION);
    return (await this.#media.get(copy)) ?? this.#making.get(copy) ?? this.#make(copy, path, size);
  }

  async #make(copy: string, path: string, size: ThumbnailSize): Promise<MediaFile | null> {
    const refused = this.#refused.get(path);
    if (refused !== undefined) throw refused;
    if (this.#making.size >= MAX_MAKING) throw new ThumbnailError({ kind: "busy" });
    const made = this.#before.then(() => make(this.#media, this.#shrinker, path, size));
    this.#making.set(copy, made);
    this.#before = made.then(
      () => this.#making.delete(copy),
      (error: unknown) => {
        this.#making.delete(copy);
        if (error instanceof ThumbnailError) this.#remember(path, error);
      },
    );
    return made;
  }

  #remember(path: string, error: ThumbnailError): void {
    const [oldest] = this.#refused.keys();
    if (this.#refused.size >= MAX_REFUSED && oldest !== undefined) this.#refused.delete(oldest);
    this.#refused.set(path, error);
  }
}

async function make(
  media: Media,
  shrinker: PictureShrinker,
  path: string,
  size: ThumbnailSize,
): Promise<MediaFile | null> {
  const original = await media.get(path);
  if (original === null) return null;
  if (!READABLE.has(original.contentType))
    throw new ThumbnailError({ kind: "not_a_picture", contentType: original.contentType });
  if (original.bytes > MAX_FILE_BYTES) throw tooLarge(`${original.bytes} bytes`, `${MAX_FILE_BYTES} bytes`);
  const bytes = new Uint8Array(await new Response(await original.open()).arrayBuffer());
  await requireSmall(bytes);
  const made = await shrinker.shrink(bytes, original.contentType, size);
  const stored = await media.putDerived(path, String(size), made, COPY_TYPE);
  // The picture may have been removed meanwhile, and what was made from it must not outlive it.
  if ((await media.get(path)) !== null) return media.get(stored.path);
  await media.remove([stored.path]);
  return null;
}

/** By what the file says about itself, before anything of it is unpacked. */
async function requireSmall(bytes: Uint8Array): Promise<void> {
  const { width = 0, height = 0 } = (await sniff(bytes)) ?? {};
  const pixels = width * height;
  if (pixels === 0) throw new ThumbnailError({ kind: "unreadable" });
  if (pixels > MAX_PIXELS)
    throw tooLarge(`${Math.ceil(pixels / MEGAPIXEL)} million pixels`, `${MAX_PIXELS / MEGAPIXEL} million`);
}

function tooLarge(has: string, limit: string): ThumbnailError {
  return new ThumbnailError({
    kind: "too_large",
    flaw: `has ${has}, and thumbnails are made up to ${limit}`,
  });
}
