/**
 * What a file really is, by its first bytes, whatever it was called: the last word on what is stored, uploads included, with the
 * figures of pictures. What an adapter of a provider tells from fewer bytes, also of previews, which are not stored, is in
 * providers/upstream/answers/store-media.ts.
 */

import { imageMeta } from "image-meta";
import type { MediaFigures } from "../tasks/task.ts";
import { filmType } from "./film.ts";

export type Sniffed = MediaFigures & {
  readonly kind: "image" | "video";
  /** One of those that `content-types.ts` has an extension for. */
  readonly contentType: string;
};

/** Raster pictures, by the library's names. Documents that can run something, such as SVG, are none. */
const PICTURES: Readonly<Record<string, string>> = {
  png: "image/png",
  jpg: "image/jpeg",
  webp: "image/webp",
  gif: "image/gif",
  avif: "image/avif",
};
/** From here on a picture taken with the camera turned lies on its side (EXIF 2.32, "Orientation"). */
const ON_ITS_SIDE = 5;
/** Start of a JPEG and of its first segment. */
const JPEG_START = [0xff, 0xd8, 0xff];

/**
 * What begins with these bytes; null for what is no picture and no film. `head` is the whole file or at least its first
 * 64 KiB. A picture whose own description begins behind them (a JPEG with much metadata) has no figures.
 */
export async function sniff(head: Uint8Array): Promise<Sniffed | null> {
  const picture = pictureOf(head);
  if (picture !== null) return picture;
  if (JPEG_START.every((byte, index) => head[index] === byte))
    return { kind: "image", contentType: "image/jpeg" };
  const film = await filmType(head);
  return film === null ? null : { kind: "video", contentType: film };
}

function pictureOf(head: Uint8Array): Sniffed | null {
  try {
    const { type = "", width, height, orientation = 1 } = imageMeta(head);
    const contentType = Object.hasOwn(PICTURES, type) ? PICTURES[type] : undefined;
    if (contentType === undefined || height <= 0) return null;
    return {
      kind: "image",
      contentType,
      ...(orientation >= ON_ITS_SIDE ? { width: height, height: width } : { width, height }),
    };
  } catch {
    // The library throws for what it does not know, and for what breaks off.
    return null;
  }
}
