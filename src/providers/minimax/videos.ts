/** Films by MiniMax: what is asked for in either of its two APIs, and what an answer says of a film that is being made. */

import type { Json } from "../../protocol/task.ts";
import type { MediaJob, StepIo } from "../../tasks/ports/media-provider.ts";
import { isRecord } from "../upstream/calls/error-text.ts";
import { invalid, requirePromptWithin, takenFields } from "../upstream/requests/fields.ts";
import { pictureUrls } from "../upstream/requests/input-pictures.ts";
import { requireSeconds, resolutionFor } from "../upstream/requests/model-table.ts";
import { nearestRatio, parseSize } from "../upstream/requests/sizes.ts";
import { textOrEmpty } from "./dialect.ts";
import { FILM_RATIOS, type MiniMaxVideoModel, type Resolution } from "./models.ts";

/** What is known of a film that is being made. */
export type MiniMaxFilm = {
  readonly id: string;
  /** When it was begun, wall clock. */
  readonly since: number;
  readonly seconds: number;
  /** The finished file; null before. */
  readonly file: string | null;
  readonly width: number | null;
  readonly height: number | null;
};

/** Of the film that is asked for. */
export type FilmShape = { readonly resolution: Resolution | null; readonly seconds: number };

/** Resolution and duration. Throws `UpstreamError` for what the model does not make. */
export function shapeOf({ request }: Pick<MediaJob, "request">, model: MiniMaxVideoModel): FilmShape {
  const { resolutions, usual } = model;
  const resolution =
    resolutions.length === 0
      ? null
      : resolutionFor(request.further?.resolution, request.size, resolutions, usual.resolution);
  const seconds = request.duration ?? usual.seconds;
  const where = resolution === null ? "" : ` at ${resolution.word}`;
  requireSeconds(seconds, resolution?.seconds ?? [usual.seconds], where);
  return { resolution, seconds };
}

/** The body that begins a film. Throws `UpstreamError` (`invalid_request`) for what the model would refuse. */
export function miniMaxFilmBody(
  job: MediaJob,
  model: MiniMaxVideoModel,
  shape: FilmShape,
  io: Pick<StepIo, "openInput" | "signal">,
): unknown {
  const { prompt } = job.request;
  requirePromptWithin(prompt, model.capabilities);
  if (model.capabilities.inputs?.required === true && job.inputs.length === 0)
    throw invalid("This model films a given subject: send a picture of it as `image`.");
  const pictures = pictureUrls(job, model.capabilities, io);
  const { ratio, aspect_ratio, ...fields } = takenFields(job.request, model.fields);
  const common = {
    model: model.name,
    ...(shape.resolution !== null && { resolution: shape.resolution.word, duration: shape.seconds }),
    ...fields,
    ...(job.hookUrl !== null && { callback_url: job.hookUrl }),
  };
  if (model.api === 2) {
    const frames = pictures.map((picture, place) => ({
      type: "image_url",
      image_url: { url: picture },
      role: `${model.frames[place]}_frame`,
    }));
    const content = [{ type: "text", text: prompt }, ...frames];
    return { ...common, content, ratio: ratioOf(ratio ?? aspect_ratio, job) };
  }
  const frames = pictures.map((picture, place) =>
    model.frames[place] === "subject"
      ? ["subject_reference", [{ type: "character", image: [picture] }]]
      : [`${model.frames[place]}_frame_image`, picture],
  );
  return { ...common, prompt, ...Object.fromEntries(frames) };
}

/** A film from a picture has that picture's shape; one from a prompt needs to be told. */
function ratioOf(named: Json | undefined, { request, inputs }: MediaJob): Json {
  if (inputs.length > 0) return "adaptive";
  if (named !== undefined) return named;
  const size = parseSize(request.size);
  return size === null ? "16:9" : (nearestRatio(size, FILM_RATIOS) ?? "16:9");
}

/** What an answer of either API says of a film. */
export type FilmReport = {
  readonly word: unknown;
  /** First API: the file to be retrieved. */
  readonly file: string;
  /** Second API: where the film is. */
  readonly url: string;
  readonly width: number | null;
  readonly height: number | null;
  readonly seconds: number | null;
  /** Why it failed, as far as the answer says. */
  readonly failure: { readonly code: number; readonly message: string };
};

export function reportOfFilm(answer: Record<string, unknown>): FilmReport {
  const task = isRecord(answer.task) ? answer.task : answer;
  const content = isRecord(task.content) ? task.content : {};
  const error = isRecord(task.error) ? task.error : {};
  const base = isRecord(answer.base_resp) ? answer.base_resp : {};
  return {
    word: task.status,
    file: textOrEmpty(task.file_id),
    url: textOrEmpty(content.url),
    width: amount(task.video_width),
    height: amount(task.video_height),
    seconds: amount(task.duration),
    failure: {
      code: Number(error.code ?? base.status_code ?? 0),
      message: textOrEmpty(error.message) || textOrEmpty(base.status_msg),
    },
  };
}

/** The state as it was saved; null for what is none. */
export function readMiniMaxFilm(state: Json): MiniMaxFilm | null {
  if (!isRecord(state) || typeof state.id !== "string") return null;
  return {
    id: state.id,
    since: Number(state.since),
    seconds: Number(state.seconds),
    file: typeof state.file === "string" ? state.file : null,
    width: amount(state.width),
    height: amount(state.height),
  };
}

function amount(value: unknown): number | null {
  const number = typeof value === "string" && value !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) && number > 0 ? number : null;
}
