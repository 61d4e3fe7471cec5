/** Reads what is asked of the built-in models; a string says what is wrong with it. */

import type { NumberRule } from "../../protocol/model.ts";
import type { MediaJob } from "../../tasks/ports/media-provider.ts";
import { pictureSeed } from "./canvas.ts";
import {
  CANVAS_CAPABILITIES,
  DURATIONS,
  FRAME_RATES,
  MAX_PICTURES,
  MAX_SIDE,
  MIN_SIDE,
  parseCanvasSize,
  parseFilmSize,
} from "./capabilities.ts";
import type { FilmCommission } from "./film-run.ts";
import { parseRehearsalOptions } from "./options.ts";
import type { Commission } from "./run.ts";

/** A job of the model of pictures. */
export function readPictureJob({ request, taskId, attempt }: MediaJob): Commission | string {
  const size = parseCanvasSize(request.size);
  if (size === null)
    return `size must be auto or WxH with sides from ${MIN_SIDE} to ${MAX_SIDE} pixels; ${JSON.stringify(request.size)} came.`;
  if (!Number.isInteger(request.n) || request.n < 1 || request.n > MAX_PICTURES)
    return `n must be an integer from 1 to ${MAX_PICTURES}; ${request.n} came.`;
  if (request.outputFormat !== undefined && !CANVAS_CAPABILITIES.outputFormats.includes(request.outputFormat))
    return `output_format must be png for this model; ${JSON.stringify(request.outputFormat)} came.`;
  const options = parseRehearsalOptions(request.providerOptions);
  if (typeof options === "string") return options;
  const seed = seedOf(request.seed, taskId);
  return { prompt: request.prompt, n: request.n, ...size, seed, attempt, options };
}

/** A job of the model of films. */
export function readFilmJob({ request, taskId, attempt }: MediaJob): FilmCommission | string {
  const size = parseFilmSize(request.size);
  if (size === null)
    return `size must be auto or an even WxH of at most 1280x720; ${JSON.stringify(request.size)} came.`;
  if (request.n !== 1) return `n must be 1 for films; ${request.n} came.`;
  const seconds = request.duration ?? DURATIONS.default;
  if (!within(DURATIONS, seconds))
    return `duration must be from ${DURATIONS.min} to ${DURATIONS.max} seconds; ${seconds} came.`;
  const fps = request.fps ?? FRAME_RATES.default;
  if (!within(FRAME_RATES, fps))
    return `fps must be from ${FRAME_RATES.min} to ${FRAME_RATES.max}; ${fps} came.`;
  const options = parseRehearsalOptions(request.providerOptions);
  if (typeof options === "string") return options;
  const order = {
    prompt: request.prompt,
    seed: pictureSeed(seedOf(request.seed, taskId), 0),
    ...size,
    frames: Math.max(1, Math.round(seconds * fps)),
    fps,
  };
  return { order, attempt, options };
}

/** Without a seed every task is its own work, and a task that is picked up again stays the same one. */
function seedOf(seed: number | undefined, taskId: string): string {
  return seed === undefined ? taskId : String(seed);
}

function within({ min, max }: Extract<NumberRule, { kind: "range" }>, value: number): boolean {
  return value >= min && value <= max;
}
