/** Pictures by `generateContent`: one in each call. */

import type { MediaJob, StepIo } from "../../tasks/ports/media-provider.ts";
import type { MediaRef } from "../../tasks/task.ts";
import { readJsonWithMedia } from "../upstream/answers/json-with-media.ts";
import { storeMedia } from "../upstream/answers/store-media.ts";
import { isRecord } from "../upstream/calls/error-text.ts";
import { unusableAnswer } from "../upstream/calls/failures.ts";
import type { UpstreamAnswer } from "../upstream/calls/upstream-client.ts";
import { UpstreamError } from "../upstream/calls/upstream-error.ts";
import type { Made } from "../upstream/jobs/items.ts";
import { takenFields } from "../upstream/requests/fields.ts";
import { nearestRatio, parseSize } from "../upstream/requests/sizes.ts";
import { blocked, imageUsage, listOf } from "./dialect.ts";
import { inputPictures } from "./inputs.ts";
import { type GeminiImageModel, MAX_IMAGE_INPUTS } from "./models.ts";

const PICTURE = /^candidates\.\d+\.content\.parts\.\d+\.inlineData\.data$/;
/** What a model remembers of its thoughts: as large as a picture, and of no use here. */
const SIGNATURE = /^candidates\.\d+\.content\.parts\.\d+\.thoughtSignature$/;

/** The body of a call for one picture. Throws `UpstreamError` (`invalid_request`) for what the model would refuse. */
export function geminiImageBody(
  job: MediaJob,
  model: GeminiImageModel,
  io: Pick<StepIo, "openInput" | "signal">,
): unknown {
  const pictures = inputPictures(job, MAX_IMAGE_INPUTS, io);
  return {
    contents: [
      {
        role: "user",
        parts: [...pictures.map((inlineData) => ({ inlineData })), { text: job.request.prompt }],
      },
    ],
    generationConfig: { responseModalities: ["IMAGE"], imageConfig: imageConfig(job, model) },
  };
}

function imageConfig(
  { request }: MediaJob,
  { ratios, imageSizes }: GeminiImageModel,
): Record<string, string> {
  const config: Record<string, string> = {};
  const size = parseSize(request.size);
  const { aspect_ratio: named } = takenFields(request, { aspect_ratio: { kind: "word", words: ratios } });
  const ratio = named ?? (size === null ? null : nearestRatio(size, ratios));
  if (typeof ratio === "string") config.aspectRatio = ratio;
  // A model of one size does not take the field.
  if (size !== null && imageSizes.length > 1) {
    const pixels = size.width * size.height;
    const reaching = imageSizes.find(({ upToPixels }) => pixels <= upToPixels) ?? imageSizes.at(-1);
    if (reaching !== undefined) config.imageSize = reaching.name;
  }
  return config;
}

/** Reads the answer to its end and stores its picture. Throws `UpstreamError`, also for what was blocked. */
export async function readImage(answer: UpstreamAnswer, io: Pick<StepIo, "putMedia">): Promise<Made> {
  const { context } = answer;
  const { value, media } = await readJsonWithMedia<MediaRef | null>(answer, {
    isMedia: (path) => PICTURE.test(path) || SIGNATURE.test(path),
    store: async (stream, path) =>
      SIGNATURE.test(path) ? null : await storeMedia(io, stream, "image", context),
  });
  if (!isRecord(value)) throw new UpstreamError(unusableAnswer("something that is no picture", context));
  const failure = blocked(value, context);
  if (failure !== null) throw new UpstreamError(failure);
  if (!Array.isArray(value.candidates))
    throw new UpstreamError(unusableAnswer("something that is no picture", context));
  const tokens = imageUsage(value.usageMetadata);
  const stored = pictureOf(value, media);
  // Words alone, though they cost something.
  if (stored === null) return { items: [], usage: { ...(tokens !== undefined && { tokens }) } };
  return { items: [{ media: stored }], usage: { images: 1, ...(tokens !== undefined && { tokens }) } };
}

/** The last picture that is no thought: models try some on the way. */
function pictureOf(
  value: Record<string, unknown>,
  media: ReadonlyMap<string, MediaRef | null>,
): MediaRef | null {
  let last: MediaRef | null = null;
  for (const [place, candidate] of listOf(value.candidates).entries()) {
    const parts =
      isRecord(candidate.content) && Array.isArray(candidate.content.parts) ? candidate.content.parts : [];
    for (const [index, part] of parts.entries()) {
      const stored = media.get(`candidates.${place}.content.parts.${index}.inlineData.data`);
      if (stored !== undefined && stored !== null && isRecord(part) && part.thought !== true) last = stored;
    }
  }
  return last;
}
