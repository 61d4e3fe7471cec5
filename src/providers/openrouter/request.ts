/** From a task's request to the body of `POST /videos`. */

import type { Json } from "../../protocol/task.ts";
import type { MediaJob, StepIo } from "../../tasks/ports/media-provider.ts";
import { invalid, takenFields } from "../upstream/requests/fields.ts";
import { pictureUrls } from "../upstream/requests/input-pictures.ts";
import { nearestRatio, nearestResolution, parseSize } from "../upstream/requests/sizes.ts";
import { type FilmModel, linesOf } from "./models.ts";

/** Seconds of the film that is asked for. Throws `UpstreamError` for what the model does not make. */
export function openRouterFilmSeconds({ request }: Pick<MediaJob, "request">, model: FilmModel): number {
  const seconds = request.duration ?? model.usualSeconds;
  if (!model.durations.includes(seconds))
    throw invalid(
      `duration must be one of ${model.durations.join(", ")} seconds for this model; ${seconds} came.`,
    );
  return seconds;
}

/** The body of a create call. Throws `UpstreamError` (`invalid_request`) for what the model would refuse. */
export function openRouterFilmBody(
  job: MediaJob,
  model: FilmModel,
  io: Pick<StepIo, "openInput" | "signal">,
): Record<string, unknown> {
  const { request } = job;
  const pictures = pictureUrls(job, model.capabilities, io);
  return {
    model: job.model,
    prompt: request.prompt,
    duration: openRouterFilmSeconds(job, model),
    ...shapeOf(job, model),
    ...(request.seed !== undefined && model.capabilities.seed && { seed: request.seed }),
    ...(pictures.length > 0 && {
      frame_images: pictures.map((url, place) => ({
        type: "image_url",
        image_url: { url },
        frame_type: place === 0 ? "first_frame" : "last_frame",
      })),
    }),
  };
}

function shapeOf({ request }: MediaJob, { resolutions, ratios, sound }: FilmModel): Record<string, Json> {
  const ratio = takenFields(request, { aspect_ratio: { kind: "word", words: ratios } });
  // Among the options nobody has looked at what it costs.
  const priced = takenFields(
    { further: request.further ?? {} },
    {
      resolution: { kind: "word", words: resolutions },
      ...(sound && { generate_audio: { kind: "boolean" } as const }),
    },
  );
  const size = parseSize(request.size);
  if (size === null) return { ...ratio, ...priced };
  const lines = nearestResolution(size, resolutions.map(linesOf));
  return {
    aspect_ratio: nearestRatio(size, ratios),
    resolution: resolutions.find((resolution) => linesOf(resolution) === lines) ?? null,
    ...ratio,
    ...priced,
  };
}
