/** From a task's request to the form of a generate call. */

import type { MediaJob, StepIo } from "../../tasks/ports/media-provider.ts";
import type { TaskInput } from "../../tasks/task.ts";
import { invalid, requirePromptWithin, takenFields } from "../upstream/requests/fields.ts";
import { openInput } from "../upstream/requests/inputs.ts";
import type { FormPart } from "../upstream/requests/multipart.ts";
import { nearestRatio, parseSize } from "../upstream/requests/sizes.ts";
import { MAX_SEED, RATIOS, type StabilityModel } from "./models.ts";

const INPUT_TYPES: Readonly<Record<string, string>> = {
  "image/png": "png",
  "image/jpeg": "jpg",
  "image/webp": "webp",
};
/** How far the result may go from the picture it begins with, where the caller does not say; the field must be there. */
const USUAL_STRENGTH = 0.5;

/** The form for the picture of this index. Throws `UpstreamError` (`invalid_request`) for what the model would refuse. */
export function pictureForm(
  job: MediaJob,
  model: StabilityModel,
  index: number,
  io: Pick<StepIo, "openInput" | "signal">,
): FormPart[] {
  const { request } = job;
  requirePromptWithin(request.prompt, model.capabilities);
  const input = inputOf(job, model);
  const { strength, aspect_ratio: named, ...fields } = takenFields(request, model.fields);
  if (strength !== undefined && input === null)
    throw invalid("strength is for a task with an input picture; leave it out.");
  const size = parseSize(request.size);
  const ratio = named ?? (size === null ? undefined : nearestRatio(size, RATIOS));
  const { capabilities } = model;
  const format = request.outputFormat;
  const texts: Record<string, unknown> = {
    prompt: request.prompt,
    ...fields,
    ...(model.endpoint === "sd3" && {
      model: model.name,
      mode: input === null ? "text-to-image" : "image-to-image",
    }),
    // The result has the shape of the picture it begins with.
    ...(input === null ? { aspect_ratio: ratio } : { strength: strength ?? USUAL_STRENGTH }),
    output_format: format !== undefined && capabilities.outputFormats.includes(format) ? format : "png",
    seed: seedOf(request.seed, index),
  };
  const parts: FormPart[] = Object.entries(texts).flatMap(([name, value]) =>
    value === undefined || value === null ? [] : [{ name, value: String(value) }],
  );
  if (input === null) return parts;
  const fileName = `image.${INPUT_TYPES[input.contentType]}`;
  return [
    ...parts,
    { name: "image", fileName, contentType: input.contentType, open: () => openInput(io, input) },
  ];
}

/** The same prompt and seed make the same picture, so that each of several needs one of its own. */
function seedOf(seed: number | undefined, index: number): number | undefined {
  if (seed === undefined || seed === 0) return undefined;
  if (seed > MAX_SEED) throw invalid(`seed must be from 0 to ${MAX_SEED} for this model; ${seed} came.`);
  return ((seed - 1 + index) % MAX_SEED) + 1;
}

function inputOf({ inputs }: MediaJob, { edits }: StabilityModel): TaskInput | null {
  const [first, ...others] = inputs;
  if (first === undefined) return null;
  if (!edits)
    throw invalid(
      "This model works from the prompt alone; leave the input pictures out, or use another model.",
    );
  if (inputs.some(({ role }) => role === "mask"))
    throw invalid("This model takes no mask: say in the prompt what is to be changed, and where.");
  if (others.length > 0) throw invalid(`This model takes one input picture; ${inputs.length} came.`);
  if (INPUT_TYPES[first.contentType] === undefined)
    throw invalid(
      `An input picture must be PNG, JPEG or WebP; this one is ${first.contentType.slice(0, 40)}.`,
    );
  return first;
}
