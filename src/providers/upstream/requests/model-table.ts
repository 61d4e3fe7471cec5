/**
 * Models described by a table: under which names a model of a provider of many takes what callers send, and in which words. The
 * same table says what the catalogue publishes and what is written into a request.
 */

import type { InputRule, ModelCapabilities } from "../../../protocol/model.ts";
import type { Json, TaskType } from "../../../protocol/task.ts";
import type { MediaJob, StepIo } from "../../../tasks/ports/media-provider.ts";
import type { ModelOffer } from "../../catalogue.ts";
import { type FieldRules, invalid, optionFault, takenFields } from "./fields.ts";
import { PICTURE_TYPES, pictureUrls } from "./input-pictures.ts";
import { nearestRatio, parseSize } from "./sizes.ts";

/** Sides a model makes to the pixel. */
export type Sides = { readonly min: number; readonly max: number; readonly multipleOf: number };

export type ShapeRule =
  /** By a ratio alone. */
  | { readonly kind: "ratio"; readonly field: string; readonly ratios: readonly string[] }
  /** By width and height beside the ratio `custom`, and for sides it does not make by the nearest ratio. */
  | {
      readonly kind: "custom";
      readonly field: string;
      readonly ratios: readonly string[];
      readonly sides: Sides;
    }
  /** By one field that holds both sides. */
  | { readonly kind: "sides"; readonly field: string; readonly sides: Sides }
  /** The model decides. */
  | { readonly kind: "none" };

/** How a film's resolution is called, with the length of its shorter side in pixels. */
export type ResolutionWord = {
  readonly word: string;
  readonly lines: number;
  readonly sizes: readonly string[];
};

export type TableModel = {
  /** The provider's own name. */
  readonly name: string;
  /** ISO date since which it is there. */
  readonly since: string;
  readonly type: TaskType;
  readonly shape: ShapeRule;
  /** Pictures in one job; absent: one, and no field says so. */
  readonly count?: { readonly field: string; readonly most: number };
  /** Sizes of films, where there is no `resolution` to list them. */
  readonly sizes?: readonly string[];
  readonly seed?: boolean;
  /** Output formats by OpenAI's word for each. */
  readonly format?: { readonly field: string; readonly words: Readonly<Record<string, string>> };
  /** Seconds of film. `asText`: the provider wants them as a text. */
  readonly duration?: {
    readonly field: string;
    readonly values: readonly number[];
    readonly usual: number;
    readonly asText?: boolean;
  };
  readonly resolution?: {
    readonly field: string;
    readonly words: readonly ResolutionWord[];
    readonly usual: string;
  };
  /** Input pictures: one field for each, or one field for the list of them. */
  readonly pictures?:
    | { readonly fields: readonly string[] }
    | { readonly list: string; readonly most: number };
  /** Sent as the ratio where a picture came and no size: the result has the picture's shape. */
  readonly ratioOfPicture?: string;
  readonly fields: FieldRules;
};

const MAX_IMAGES = 10;
/** Sizes that are made in the nearest ratio. */
const RATIO_SIDES = { min: 256, max: 2_048 };
/** No ratio in any table is longer. */
const MAX_RATIO = 3;

/** A resolution, with its sizes in both ways up. */
export function resolution(word: string, lines: number, ...sizes: string[]): ResolutionWord {
  const upright = sizes.map((size) => size.split("x").reverse().join("x"));
  return { word, lines, sizes: [...sizes, ...upright] };
}

/** What the catalogue publishes of a model. */
export function capabilitiesOf(model: TableModel): ModelCapabilities {
  const { type, shape, resolution, fields, seed = false } = model;
  // Not `resolution`, on which the price depends: it is a field of its own.
  const further = Object.keys(fields).filter((name) => name !== "resolution");
  return {
    type,
    maxN: type === "image" ? MAX_IMAGES : 1,
    sizes:
      type === "video"
        ? {
            kind: "listed",
            sizes: [...new Set(resolution?.words.flatMap(({ sizes }) => sizes) ?? model.sizes)],
          }
        : {
            kind: "range",
            minSide: shape.kind === "sides" ? shape.sides.min : RATIO_SIDES.min,
            maxSide: shape.kind === "sides" ? shape.sides.max : RATIO_SIDES.max,
            multipleOf: shape.kind === "sides" ? shape.sides.multipleOf : 1,
            maxRatio: MAX_RATIO,
            default: "1024x1024",
          },
    // Whoever sends OpenAI's words gets the result all the same: these models know none of them.
    qualities: [],
    styles: [],
    backgrounds: [],
    durations: durationsOf(model),
    fps: null,
    outputFormats: Object.keys(model.format?.words ?? {}),
    inputs: inputsOf(model),
    seed,
    measuredProgress: false,
    providerOptions: further,
    furtherFields: resolution === undefined ? further : [...further, "resolution"],
  };
}

function durationsOf({ duration }: TableModel): ModelCapabilities["durations"] {
  return duration === undefined ? null : { kind: "listed", values: duration.values, default: duration.usual };
}

function inputsOf({ pictures = { fields: [] } }: TableModel): InputRule {
  const images = "list" in pictures ? pictures.most : pictures.fields.length;
  return { images, mask: false, ...(images > 0 && { types: PICTURE_TYPES }) };
}

/** Seconds of the film that is asked for; null for a model of pictures or one that does not say. */
export function secondsOf({ request }: Pick<MediaJob, "request">, model: TableModel): number | null {
  return model.duration === undefined ? null : (request.duration ?? model.duration.usual);
}

/**
 * The input of a job for `count` results, under the model's own names. Throws `UpstreamError` (`invalid_request`) for what the
 * model would refuse.
 */
export function inputOf(
  job: MediaJob,
  model: TableModel,
  count: number,
  io: Pick<StepIo, "openInput" | "signal">,
): Record<string, unknown> {
  const { request } = job;
  const input: Record<string, unknown> = { prompt: request.prompt };
  if (model.count !== undefined) input[model.count.field] = count;
  if (model.seed === true && request.seed !== undefined) input.seed = request.seed;
  Object.assign(input, shapeOf(job, model), filmOf(job, model), formatOf(job, model));
  Object.assign(input, takenFields(request, model.fields), picturesOf(job, model, io));
  return input;
}

function shapeOf({ request, inputs }: MediaJob, { shape, type, ratioOfPicture }: TableModel) {
  const size = parseSize(request.size);
  if (shape.kind === "none") return {};
  if (size === null) {
    const follows = inputs.length > 0 && ratioOfPicture !== undefined && shape.kind !== "sides";
    return follows ? { [shape.field]: ratioOfPicture } : {};
  }
  if (shape.kind === "sides") return { [shape.field]: size };
  const ratio = { [shape.field]: nearestRatio(size, shape.ratios) };
  if (shape.kind === "ratio" || type === "video") return ratio;
  const { min, max, multipleOf } = shape.sides;
  const exact = [size.width, size.height].every(
    (side) => side >= min && side <= max && side % multipleOf === 0,
  );
  return exact ? { [shape.field]: "custom", ...size } : ratio;
}

function filmOf({ request }: MediaJob, { duration, resolution }: TableModel): Record<string, Json> {
  const film: Record<string, Json> = {};
  if (resolution !== undefined)
    film[resolution.field] = resolutionFor(
      request.further?.resolution,
      request.size,
      resolution.words,
      resolution.usual,
    ).word;
  if (duration !== undefined) {
    const seconds = request.duration ?? duration.usual;
    requireSeconds(seconds, duration.values);
    film[duration.field] = duration.asText === true ? String(seconds) : seconds;
  }
  return film;
}

/** Throws `UpstreamError` for a duration that is none of these; `where` says for what they hold. */
export function requireSeconds(seconds: number, values: readonly number[], where = ""): void {
  if (values.includes(seconds)) return;
  const list = values.length > 4 ? `${values[0]} to ${values.at(-1)}` : values.join(" or ");
  throw invalid(`duration must be ${list} seconds for this model${where}; ${seconds} came.`);
}

/**
 * The resolution that is named, letter case ignored, else the one whose lines are nearest to the size, else the usual one. Throws
 * `UpstreamError` for a name that is none of them.
 */
export function resolutionFor<Word extends Pick<ResolutionWord, "word" | "lines">>(
  named: Json | undefined,
  sizeText: string | undefined,
  words: readonly Word[],
  usual: string,
): Word {
  const text = typeof named === "string" ? named.toLowerCase() : "";
  const byName = (name: string) => words.find(({ word }) => word.toLowerCase() === name);
  if (named !== undefined && named !== null) {
    const found = byName(text);
    if (found !== undefined) return found;
    throw invalid(`resolution must be one of ${words.map(({ word }) => word).join(", ")} for this model.`);
  }
  const size = parseSize(sizeText);
  const lines = size === null ? byName(usual.toLowerCase())?.lines : Math.min(size.width, size.height);
  const distance = (other: Word) => Math.abs(Math.log((lines ?? other.lines) / other.lines));
  return words.reduce((best, other) => (distance(other) < distance(best) ? other : best));
}

function formatOf({ request }: MediaJob, { format }: TableModel): Record<string, Json> {
  const { outputFormat } = request;
  if (format === undefined || outputFormat === undefined) return {};
  const word = format.words[outputFormat];
  if (word !== undefined) return { [format.field]: word };
  throw invalid(`output_format must be one of ${Object.keys(format.words).join(", ")} for this model.`);
}

function picturesOf(
  job: MediaJob,
  model: TableModel,
  io: Pick<StepIo, "openInput" | "signal">,
): Record<string, unknown> {
  const { pictures = { fields: [] } } = model;
  const urls = pictureUrls(job, { inputs: inputsOf(model) }, io);
  if (urls.length === 0) return {};
  if ("list" in pictures) return { [pictures.list]: urls };
  return Object.fromEntries(urls.map((url, place) => [pictures.fields[place], url]));
}

/** A model's entry in the catalogue, but for its price. */
export function offerOf(model: TableModel): Omit<ModelOffer, "pricing"> {
  return {
    providerModel: model.name,
    capabilities: capabilitiesOf(model),
    created: Date.parse(model.since) / 1_000,
    checkOptions: (options) => optionFault(options, model.fields),
    aliases: [model.name],
  };
}
