/** Small copies of pictures, made when somebody first asks for one. */

import type { MediaFile } from "./media-store.ts";

/** The longest side of a copy in pixels. */
export const THUMBNAIL_SIZES = [64, 128, 256, 512] as const;
export type ThumbnailSize = (typeof THUMBNAIL_SIZES)[number];

/** Why there is no copy. */
export type ThumbnailRefusal =
  /** A film, or a picture of a kind that is not read here. */
  | { readonly kind: "not_a_picture"; readonly contentType: string }
  /** More pixels or bytes than are held in memory. */
  | { readonly kind: "too_large"; readonly flaw: string }
  /** It is damaged, or of an odd kind. */
  | { readonly kind: "unreadable" }
  /** Too many are being made; later there is room. */
  | { readonly kind: "busy" };

export class ThumbnailError extends Error {
  override readonly name = "ThumbnailError";
  constructor(readonly refusal: ThumbnailRefusal) {
    super(`No thumbnail: ${refusal.kind}`);
  }
}

export interface Thumbnails {
  /** A copy of the picture at `path`; null when there is no such file. Rejects with `ThumbnailError`. */
  get(path: string, size: ThumbnailSize): Promise<MediaFile | null>;
}
