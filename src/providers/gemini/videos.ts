/** Films by Google's Interactions API: a job that runs in the background, is polled and can be cancelled. */

import type { Json } from "../../protocol/task.ts";
import type { Failure, MediaJob, StepIo } from "../../tasks/ports/media-provider.ts";
import type { MediaRef } from "../../tasks/task.ts";
import { isRecord, quotable } from "../upstream/error-text.ts";
import {
  type CallContext,
  contentRefused,
  outOfQuota,
  permanent,
  unusableAnswer,
} from "../upstream/failures.ts";
import { nearestRatio, nearestResolution, parseSize } from "../upstream/sizes.ts";
import { UpstreamError } from "../upstream/upstream-error.ts";
import { isModeration, listOf } from "./dialect.ts";
import { inputPictures, invalid } from "./inputs.ts";
import { type GeminiVideoModel, VIDEO_RATIOS, VIDEO_RESOLUTIONS } from "./models.ts";

/** What is known of a film that is being made. */
export type VideoState = {
  readonly id: string;
  /** Of the film. */
  readonly seconds: number;
  /** When it was begun, wall clock. */
  readonly since: number;
};

/** One picture is the first frame; several are what the film is about. */
const MAX_INPUTS = 6;
/** `4k` has no number to compare. */
const RESOLUTION_LINES: Readonly<Record<string, string>> = { "2160p": "4k" };
/** Where films stand in an interaction, and in a form of it that names the last one beside the steps. */
export const FILM = /^(?:steps\.\d+\.content\.\d+|outputs\.\d+|output_video)\.data$/;

/** Seconds of the film that is asked for. Throws `UpstreamError` for what the model does not make. */
export function secondsOf({ request }: Pick<MediaJob, "request">, model: GeminiVideoModel): number {
  const seconds = request.duration ?? model.usual;
  if (seconds < model.shortest || seconds > model.longest)
    throw invalid(
      `duration must be from ${model.shortest} to ${model.longest} seconds for this model; ${seconds} came.`,
    );
  return seconds;
}

/** The body that begins an interaction. Throws `UpstreamError` (`invalid_request`) for what the model would refuse. */
export function videoBody(job: MediaJob, model: GeminiVideoModel, io: Pick<StepIo, "openInput">): unknown {
  const pictures = inputPictures(job, MAX_INPUTS, io);
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
      duration: `${secondsOf(job, model)}s`,
      ...shapeOf(job),
    },
    generation_config: { video_config: { task } },
    background: true,
  };
}

function shapeOf({ request }: MediaJob): Record<string, string> {
  const further = { ...request.providerOptions, ...request.further };
  const size = parseSize(request.size);
  const shape: Record<string, string> = {};
  const ratio =
    listed("aspect_ratio", further.aspect_ratio, VIDEO_RATIOS) ?? (size && nearestRatio(size, VIDEO_RATIOS));
  if (ratio !== null) shape.aspect_ratio = ratio;
  const lines = VIDEO_RESOLUTIONS.map((name) => (name === "4k" ? "2160p" : name));
  const nearest = size && nearestResolution(size, lines);
  const resolution =
    listed("resolution", request.further?.resolution, VIDEO_RESOLUTIONS) ??
    (nearest === null ? null : (RESOLUTION_LINES[nearest] ?? nearest));
  if (resolution !== null) shape.resolution = resolution;
  return shape;
}

/** A field that must be one of some words, letter case ignored; null when it is not there. */
function listed(name: string, value: Json | undefined, words: readonly string[]): string | null {
  if (value === undefined || value === null) return null;
  const word = typeof value === "string" ? words.find((known) => known === value.toLowerCase()) : undefined;
  if (word === undefined) throw invalid(`${name} must be one of ${words.join(", ")} for this model.`);
  return word;
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
export function failureOf(interaction: Record<string, unknown>, word: string, context: CallContext): Failure {
  if (word === "budget_exceeded") return over(outOfQuota(context));
  const errors = [
    ...listOf(interaction.errors),
    ...listOf([interaction.error]),
    ...listOf(listOf(interaction.steps).map(({ error }) => error)),
  ];
  const report = { code: "", type: "", message: errors.map(said).filter(Boolean).join("; ") };
  // An interaction that ended well without a film is one whose film was held back.
  if (word === "completed" || isModeration(report.message))
    return over(contentRefused(context, report.message === "" ? undefined : report));
  const told = quotable(report.message, context.secrets).replace(/[.\s]+$/, "");
  const reason = told === "" ? "" : `: ${told}`;
  return over(
    permanent("provider_error", `${context.provider} ended the film without a result (${word})${reason}.`),
  );
}

function said({ code, message }: Record<string, unknown>): string {
  const texts = [code, message].filter((part): part is string => typeof part === "string" && part !== "");
  return texts.join(" ");
}

function over(failure: Failure): Failure {
  return failure.kind === "permanent" || failure.kind === "content_policy"
    ? { ...failure, jobOver: true }
    : failure;
}

/** The state as it was saved; null for what is none. */
export function readVideoState(state: Json): VideoState | null {
  if (!isRecord(state) || typeof state.id !== "string") return null;
  const { id, seconds, since } = state;
  return { id, seconds: Number(seconds), since: Number(since) };
}
