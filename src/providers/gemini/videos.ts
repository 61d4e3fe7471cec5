/** Films by Google's Interactions API: a job that runs in the background, is polled and can be cancelled. */

import type { Json } from "../../protocol/task.ts";
import type { Failure, MediaJob, StepIo } from "../../tasks/ports/media-provider.ts";
import type { MediaRef } from "../../tasks/task.ts";
import {
  type CallContext,
  contentRefused,
  ofEndedJob,
  outOfQuota,
  permanent,
  reason,
  unusableAnswer,
} from "../upstream/calls/failures.ts";
import { UpstreamError } from "../upstream/calls/upstream-error.ts";
import { invalid, takenFields } from "../upstream/requests/fields.ts";
import { nearestRatio, nearestResolution, parseSize } from "../upstream/requests/sizes.ts";
import { isModeration, listOf } from "./dialect.ts";
import { inputPictures } from "./inputs.ts";
import { type GeminiVideoModel, MAX_VIDEO_INPUTS, VIDEO_RATIOS, VIDEO_RESOLUTIONS } from "./models.ts";

/** Where films stand in an interaction, and in a form of it that names the last one beside the steps. */
export const FILM = /^(?:steps\.\d+\.content\.\d+|outputs\.\d+|output_video)\.data$/;

/** Seconds of the film that is asked for. Throws `UpstreamError` for what the model does not make. */
export function geminiFilmSeconds({ request }: Pick<MediaJob, "request">, model: GeminiVideoModel): number {
  const seconds = request.duration ?? model.usual;
  if (seconds < model.shortest || seconds > model.longest)
    throw invalid(
      `duration must be from ${model.shortest} to ${model.longest} seconds for this model; ${seconds} came.`,
    );
  return seconds;
}

/** The body that begins an interaction. Throws `UpstreamError` (`invalid_request`) for what the model would refuse. */
export function videoBody(
  job: MediaJob,
  model: GeminiVideoModel,
  io: Pick<StepIo, "openInput" | "signal">,
): unknown {
  const pictures = inputPictures(job, MAX_VIDEO_INPUTS, io);
  const content = pictures.map(({ mimeType, data }) => ({ type: "image", data, mime_type: mimeType }));
  const task =
    pictures.length === 0 ? "text_to_video" : pictures.length === 1 ? "image_to_video" : "reference_to_video";
  return {
    model: job.model,
    input: [{ type: "user_input", content: [...content, { type: "text", text: job.request.prompt }] }],
    response_format: {
      type: "video",
      // A link instead of the film as text within the answer.
      delivery: "uri",
      duration: `${geminiFilmSeconds(job, model)}s`,
      ...shapeOf(job),
    },
    generation_config: { video_config: { task } },
    background: true,
  };
}

function shapeOf({ request }: MediaJob): Record<string, Json> {
  const size = parseSize(request.size);
  const ratios = takenFields(request, { aspect_ratio: { kind: "word", words: VIDEO_RATIOS } });
  // Among the options nobody has looked at what it costs.
  const resolutions = takenFields(
    { further: request.further ?? {} },
    { resolution: { kind: "word", words: VIDEO_RESOLUTIONS } },
  );
  if (size === null) return { ...ratios, ...resolutions };
  const lines = nearestResolution(size, VIDEO_RESOLUTIONS.map(linesOf));
  return {
    aspect_ratio: nearestRatio(size, VIDEO_RATIOS),
    resolution: VIDEO_RESOLUTIONS.find((name) => linesOf(name) === lines) ?? null,
    ...ratios,
    ...resolutions,
  };
}

/** `4k` has no number to compare. */
function linesOf(resolution: string): string {
  return resolution === "4k" ? "2160p" : resolution;
}

/**
 * Where the finished film is: stored already, because it came within the answer, or at an address. Throws `UpstreamError`
 * for a film that is none.
 */
export function filmOf(
  interaction: Record<string, unknown>,
  media: ReadonlyMap<string, MediaRef | null>,
  context: CallContext,
): { stored: MediaRef } | { uri: string } | null {
  const stored = [...media.values()].findLast((ref) => ref !== null);
  if (stored !== undefined && stored !== null) return { stored };
  const films = [
    ...listOf(interaction.steps)
      .filter(({ type }) => type === "model_output")
      .flatMap(({ content }) => listOf(content)),
    ...listOf(interaction.outputs),
    ...listOf([interaction.output_video]),
  ].filter(({ type }) => type === "video");
  const linked = films.findLast(({ uri }) => typeof uri === "string" && uri !== "");
  if (linked !== undefined) return { uri: String(linked.uri) };
  if (films.length === 0) return null;
  throw new UpstreamError(unusableAnswer("a film that cannot be read", context));
}

/** Why an interaction has no film: what it says of itself, as a failure that leaves nothing running. */
export function interactionFailure(
  interaction: Record<string, unknown>,
  word: string,
  context: CallContext,
): Failure {
  if (word === "budget_exceeded") return ofEndedJob(outOfQuota(context));
  const errors = [
    ...listOf(interaction.errors),
    ...listOf([interaction.error]),
    ...listOf(listOf(interaction.steps).map(({ error }) => error)),
  ];
  const report = { code: "", type: "", message: errors.map(said).filter(Boolean).join("; ") };
  // An interaction that ended well without a film is one whose film was held back.
  if (word === "completed" || isModeration(report.message))
    return ofEndedJob(contentRefused(context, report.message === "" ? undefined : report));
  return ofEndedJob(
    permanent(
      "provider_error",
      `${context.provider} ended the film without a result (${word})${reason(report, context)}.`,
    ),
  );
}

function said({ code, message }: Record<string, unknown>): string {
  const texts = [code, message].filter((part): part is string => typeof part === "string" && part !== "");
  return texts.join(" ");
}
