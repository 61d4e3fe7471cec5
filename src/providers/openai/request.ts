/** From a task's request to the body of `/images/generations` and `/images/edits`. */

import type { Json } from "../../protocol/task.ts";
import type { MediaJob } from "../../tasks/ports/media-provider.ts";
import type { TaskInput } from "../../tasks/task.ts";
import { permanent } from "../upstream/calls/failures.ts";
import { UpstreamError } from "../upstream/calls/upstream-error.ts";
import type { FormPart } from "../upstream/requests/multipart.ts";
import { type ImageModelSpec, MAX_INPUT_PICTURES } from "./models.ts";

/** One call, ready to be sent. */
export type ImageCall = {
  readonly operation: "generations" | "edits";
  readonly fields: Readonly<Record<string, Json>>;
  readonly inputs: readonly TaskInput[];
  readonly streams: boolean;
};

const INPUT_TYPES: Readonly<Record<string, string>> = {
  "image/png": "png",
  "image/jpeg": "jpg",
  "image/webp": "webp",
};
/** Output formats that are made one at a time, without streaming. */
const SINGLE_FORMATS = new Set(["svg"]);
const UNSTREAMED_FORMATS = new Set(["gif", "svg"]);
const COMPRESSED_FORMATS = new Set(["jpeg", "webp"]);
const TRANSPARENT_FORMATS = new Set(["png", "webp", "gif", "svg"]);
/** Fields that the edits do not take. */
const GENERATIONS_ONLY = new Set(["moderation"]);
const FRAMES = { frame_count: [2, 16], frame_duration_ms: [10, 655_350] } as const;

/** How many pictures one call makes. */
export function imagesPerCall(job: MediaJob, spec: ImageModelSpec): number {
  return SINGLE_FORMATS.has(job.request.outputFormat ?? "") ? 1 : spec.imagesPerCall;
}

/**
 * The call for `count` of the pictures. `previews`: whether somebody could see a partial picture. Throws `UpstreamError`
 * (`invalid_request`) for what the model would refuse, so that no call is made in vain.
 */
export function imageCall(job: MediaJob, spec: ImageModelSpec, count: number, previews: boolean): ImageCall {
  const { request, inputs } = job;
  const { capabilities } = spec;
  const options = { ...request.providerOptions, ...request.further };
  const fields: Record<string, Json> = { model: job.model, prompt: request.prompt, n: count };
  if (request.size !== undefined) fields.size = request.size === "auto" ? "auto" : spec.fitSize(request.size);
  const { quality, style, background, outputFormat } = request;
  if (quality !== undefined && capabilities.qualities.length > 0)
    fields.quality = spec.qualityWords[quality] ?? quality;
  if (style !== undefined && capabilities.styles.length > 0) fields.style = style;
  if (background !== undefined && capabilities.backgrounds.length > 0) fields.background = background;
  if (outputFormat !== undefined && capabilities.outputFormats.length > 0)
    fields.output_format = outputFormat;
  if (request.seed !== undefined && capabilities.seed) fields.seed = request.seed;
  if (spec.responseFormat !== null) fields.response_format = spec.responseFormat;
  if (request.user !== undefined && spec.userField !== null) fields[spec.userField] = request.user;
  for (const name of [...capabilities.furtherFields, ...capabilities.providerOptions]) {
    const value = options[name];
    if (value !== undefined && value !== null) fields[name] = value;
  }
  const operation = inputs.length === 0 ? "generations" : "edits";
  if (operation === "edits") {
    checkInputs(inputs, spec);
    for (const name of GENERATIONS_ONLY) delete fields[name];
  }
  checkFormat(fields, inputs);
  const partials = request.partialImages ?? 0;
  const streams =
    spec.streaming &&
    previews &&
    partials > 0 &&
    request.n === 1 &&
    !UNSTREAMED_FORMATS.has(outputFormat ?? "");
  if (streams) Object.assign(fields, { stream: true, partial_images: partials });
  return { operation, fields, inputs, streams };
}

/** The fields and files of an edit as a form; several pictures are a list by name. */
export function formParts(
  { fields, inputs }: ImageCall,
  open: (input: TaskInput) => Promise<ReadableStream<Uint8Array>>,
): FormPart[] {
  const texts = Object.entries(fields).map(([name, value]) => ({
    name,
    value: typeof value === "string" ? value : JSON.stringify(value),
  }));
  const images = inputs.filter(({ role }) => role === "image");
  const files = inputs.map((input) => {
    const name = input.role === "mask" ? "mask" : images.length > 1 ? "image[]" : "image";
    const ending = INPUT_TYPES[input.contentType] ?? "png";
    const number = input.role === "mask" ? "" : `-${images.indexOf(input) + 1}`;
    return {
      name,
      fileName: `${input.role}${number}.${ending}`,
      contentType: input.contentType,
      open: () => open(input),
    };
  });
  return [...texts, ...files];
}

function checkInputs(inputs: readonly TaskInput[], spec: ImageModelSpec): void {
  if (!spec.edits)
    throw invalid(
      "This model makes pictures from a prompt alone; leave the input pictures out, or use another model.",
    );
  const images = inputs.filter(({ role }) => role === "image");
  if (images.length === 0) throw invalid("A mask needs a picture (`image`) beside it.");
  if (images.length > MAX_INPUT_PICTURES)
    throw invalid(`This model takes up to ${MAX_INPUT_PICTURES} input pictures; ${images.length} came.`);
  const masks = inputs.filter(({ role }) => role === "mask");
  if (masks.length > 1) throw invalid(`One mask is taken; ${masks.length} came.`);
  if (masks.some(({ contentType }) => contentType !== "image/png"))
    throw invalid("The mask must be a PNG picture.");
  const other = images.find(({ contentType }) => INPUT_TYPES[contentType] === undefined);
  if (other !== undefined)
    throw invalid(
      `Input pictures must be PNG, JPEG or WebP; one of type ${other.contentType.slice(0, 40)} came.`,
    );
}

/** What goes together with an output format, and what does not. */
function checkFormat(fields: Readonly<Record<string, Json>>, inputs: readonly TaskInput[]): void {
  const format = typeof fields.output_format === "string" ? fields.output_format : "png";
  if (fields.background === "transparent" && !TRANSPARENT_FORMATS.has(format))
    throw invalid(`A transparent background needs output_format png or webp; ${format} came.`);
  if (fields.output_compression !== undefined && !COMPRESSED_FORMATS.has(format))
    throw invalid(`output_compression is for output_format jpeg or webp; ${format} came.`);
  if (format === "gif" && inputs.some(({ role }) => role === "mask"))
    throw invalid("output_format gif takes no mask.");
  for (const [name, [least, most]] of Object.entries(FRAMES)) {
    const value = fields[name];
    if (value === undefined) continue;
    if (format !== "gif") throw invalid(`${name} is for output_format gif; ${format} came.`);
    if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > most)
      throw invalid(`${name} must be a whole number from ${least} to ${most}.`);
  }
}

function invalid(message: string): UpstreamError {
  return new UpstreamError(permanent("invalid_request", message));
}
