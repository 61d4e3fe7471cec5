/** Pictures by MiniMax: one call makes up to nine, and may make fewer than it was asked for. */

import type { MediaJob, StepIo } from "../../tasks/ports/media-provider.ts";
import type { MediaRef } from "../../tasks/task.ts";
import { type DownloadHost, storeDownload } from "../upstream/answers/download.ts";
import { readJsonWithMedia } from "../upstream/answers/json-with-media.ts";
import { storeMedia } from "../upstream/answers/store-media.ts";
import { isRecord } from "../upstream/calls/error-text.ts";
import { contentRefused } from "../upstream/calls/failures.ts";
import type { UpstreamAnswer } from "../upstream/calls/upstream-client.ts";
import { UpstreamError } from "../upstream/calls/upstream-error.ts";
import type { Made } from "../upstream/jobs/items.ts";
import { takenFields } from "../upstream/requests/fields.ts";
import { pictureUrls } from "../upstream/requests/input-pictures.ts";
import { nearestRatio, parseSize } from "../upstream/requests/sizes.ts";
import { requireOk } from "./dialect.ts";
import { IMAGE_RATIOS, IMAGE_SIDES, type MiniMaxImageModel } from "./models.ts";

const PICTURE = /^data\.image_base64\.\d+$/;

/** The body of a call for `count` pictures. Throws `UpstreamError` for what the model would refuse. */
export function miniMaxImageBody(
  job: MediaJob,
  model: MiniMaxImageModel,
  count: number,
  io: StepIo,
): unknown {
  const { prompt, seed } = job.request;
  const [subject] = pictureUrls(job, model.capabilities, io);
  return {
    model: model.name,
    prompt,
    n: count,
    response_format: "base64",
    ...shapeOf(job),
    ...(seed !== undefined && { seed }),
    ...takenFields(job.request, model.fields),
    ...(subject !== undefined && { subject_reference: [{ type: "character", image_file: subject }] }),
  };
}

/** A size that is made to the pixel goes as it is; another one by its shape. */
function shapeOf({ request }: MediaJob): Record<string, unknown> {
  const named = request.further?.aspect_ratio ?? request.providerOptions?.aspect_ratio;
  const size = parseSize(request.size);
  if (size === null || (named !== undefined && named !== null)) return {};
  const { min, max, multipleOf } = IMAGE_SIDES;
  const exact = [size.width, size.height].every(
    (side) => side >= min && side <= max && side % multipleOf === 0,
  );
  return exact ? size : { aspect_ratio: nearestRatio(size, IMAGE_RATIOS) };
}

/** Reads the answer and stores its pictures. Throws `UpstreamError` for a failure, and when every picture was held back. */
export async function readMiniMaxImages(
  answer: UpstreamAnswer,
  io: StepIo,
  downloads: DownloadHost & { readonly maxFileBytes: number },
): Promise<Made> {
  const { context } = answer;
  const { value, media } = await readJsonWithMedia<MediaRef>(answer, {
    isMedia: (path) => PICTURE.test(path),
    store: (stream) => storeMedia(io, stream, "image", context),
  });
  const { data, metadata } = requireOk(value, context);
  const stored = [...media.values()];
  for (const url of addressesOf(data)) {
    const link = { url, kind: "image", maxBytes: downloads.maxFileBytes } as const;
    stored.push(await storeDownload(link, io, downloads, context));
  }
  // Pictures that do not come were held back by the provider's safety system.
  const heldBack = isRecord(metadata) && Number(metadata.failed_count) > 0;
  const missing = heldBack ? contentRefused(context) : undefined;
  if (stored.length === 0 && missing !== undefined) throw new UpstreamError(missing);
  return {
    items: stored.map((media) => ({ media })),
    usage: { images: stored.length },
    ...(missing !== undefined && { missing }),
  };
}

function addressesOf(data: unknown): string[] {
  const list = isRecord(data) && Array.isArray(data.image_urls) ? data.image_urls : [];
  return list.filter((url): url is string => typeof url === "string" && url !== "");
}
