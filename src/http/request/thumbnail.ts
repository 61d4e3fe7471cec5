/** `?thumbnail=256`: a small copy of a picture instead of the picture. */

import { ApiError } from "../../protocol/error.ts";
import type { MediaFile } from "../../tasks/ports/media-store.ts";
import {
  THUMBNAIL_SIZES,
  ThumbnailError,
  type ThumbnailRefusal,
  type Thumbnails,
} from "../../tasks/ports/thumbnails.ts";

export const THUMBNAIL_PARAMETER = "thumbnail";
const SIZES = new Intl.ListFormat("en", { type: "disjunction" }).format(THUMBNAIL_SIZES.map(String));
const param = { param: THUMBNAIL_PARAMETER };

/** The copy that is asked for; null when there is no such picture. Throws the error to answer. */
export async function thumbnailOf(
  path: string,
  asked: string,
  thumbnails: Thumbnails | null,
): Promise<MediaFile | null> {
  const size = THUMBNAIL_SIZES.find((known) => String(known) === asked);
  if (size === undefined)
    throw new ApiError("invalid_parameter", `thumbnail must be ${SIZES}: the longest side in pixels.`, param);
  if (thumbnails === null)
    throw new ApiError(
      "not_supported",
      "Thumbnails are not made on this host. Ask for the picture without `thumbnail`.",
      param,
    );
  try {
    return await thumbnails.get(path, size);
  } catch (error) {
    throw error instanceof ThumbnailError ? answerTo(error.refusal) : error;
  }
}

function answerTo(refusal: ThumbnailRefusal): ApiError {
  switch (refusal.kind) {
    case "not_a_picture":
      return new ApiError(
        "not_supported",
        /^video\//.test(refusal.contentType)
          ? "There are no thumbnails of films."
          : `Thumbnails are made of PNG, JPEG and WebP pictures, and this is ${refusal.contentType}.`,
        param,
      );
    case "too_large":
      return new ApiError("payload_too_large", `The picture ${refusal.flaw}.`, param);
    case "unreadable":
      return new ApiError(
        "not_supported",
        "The picture cannot be read, so there is no thumbnail of it.",
        param,
      );
    case "busy":
      return new ApiError("overloaded", "Too many thumbnails are being made. Ask again.", {
        retryAfterSeconds: 1,
      });
  }
}
