/** Whether a model can do what is asked: refused before anything is stored or paid, rather than failed later. */

import { ApiError } from "../protocol/error.ts";
import type { ModelCapabilities, NumberRule, SizeRule } from "../protocol/model.ts";
import type { Json } from "../protocol/task.ts";
import { type InputClaim, requireInputFit } from "./input-fit.ts";
import type { OfferedModel } from "./ports/model-catalogue.ts";
import type { JobRequest } from "./task.ts";

/** What a model's provider looks at beyond the capabilities. */
type RequestChecks = Partial<Pick<OfferedModel, "checkOptions" | "checkRequest">>;

/** The caller leaves the size to the model. */
const AUTO = "auto";
const DIMENSIONS = /^([1-9]\d{0,4})x([1-9]\d{0,4})$/;

/**
 * Throws `invalid_parameter` for what the model cannot do. A field that the model does not know at all is no
 * objection: clients send OpenAI's whole vocabulary to every model, and its adapter leaves out what it cannot use.
 */
export function requireFit(
  capabilities: ModelCapabilities,
  request: JobRequest,
  { checkOptions = () => null, checkRequest = () => null }: RequestChecks = {},
): void {
  if (request.n > capabilities.maxN) {
    throw unfit("n", `at most ${capabilities.maxN} for this model; ${request.n} came`);
  }
  const { maxPromptCharacters: most } = capabilities;
  if (most !== undefined && !isWithin(request.prompt, most))
    throw unfit("prompt", `of at most ${most} characters for this model`);
  const { seed } = request;
  if (seed !== undefined && seed > (capabilities.maxSeed ?? seed))
    throw unfit("seed", `a whole number from 0 to ${capabilities.maxSeed} for this model; ${seed} came`);
  if (request.size !== undefined && request.size !== AUTO && !fitsSize(capabilities.sizes, request.size)) {
    throw unfit("size", `${describeSizes(capabilities.sizes)}; ${JSON.stringify(request.size)} came`);
  }
  requireNumber("duration", "seconds", capabilities.durations, request.duration);
  requireNumber("fps", "frames a second", capabilities.fps, request.fps);
  requireListed("quality", capabilities.qualities, request.quality);
  requireListed("style", capabilities.styles, request.style);
  requireListed("background", capabilities.backgrounds, request.background);
  requireListed("output_format", capabilities.outputFormats, request.outputFormat);
  if (request.providerOptions !== undefined) {
    const fault =
      unknownOption(capabilities, request.providerOptions) ?? checkOptions(request.providerOptions);
    if (fault !== null) throw new ApiError("invalid_parameter", fault, { param: "provider_options" });
  }
  for (const [name, value] of Object.entries(request.further ?? {})) {
    const fault = capabilities.furtherFields.includes(name) ? checkOptions({ [name]: value }) : null;
    if (fault !== null) throw new ApiError("invalid_parameter", fault, { param: name });
  }
  const fault = checkRequest(request);
  if (fault !== null) throw new ApiError("invalid_parameter", fault.message, { param: fault.param });
}

/**
 * Whether another model can stand in for the one that was named. Stricter than `requireFit`: what the caller asked for and would
 * miss is not left out either.
 */
export function fits(
  { capabilities, ...checks }: Pick<OfferedModel, "capabilities"> & RequestChecks,
  request: JobRequest,
  inputs: readonly InputClaim[],
): boolean {
  try {
    requireInputFit(capabilities, inputs);
    requireFit(capabilities, request, checks);
  } catch (error) {
    if (error instanceof ApiError) return false;
    throw error;
  }
  const { background, outputFormat, seed } = request;
  return (
    (background !== "transparent" || capabilities.backgrounds.includes(background)) &&
    (outputFormat === undefined || capabilities.outputFormats.includes(outputFormat)) &&
    (seed === undefined || capabilities.seed)
  );
}

function unknownOption(
  { providerOptions }: ModelCapabilities,
  options: Readonly<Record<string, Json>>,
): string | null {
  const unknown = Object.keys(options).find((name) => !providerOptions.includes(name));
  if (unknown === undefined) return null;
  const known = providerOptions.join(", ") || "none";
  return `provider_options of this model are: ${known}. ${JSON.stringify(unknown.slice(0, 60))} is not one of them.`;
}

function requireListed(param: string, known: readonly string[], value: string | undefined): void {
  if (value === undefined || known.length === 0 || known.includes(value)) return;
  throw unfit(param, `one of ${known.join(", ")} for this model; ${JSON.stringify(value.slice(0, 60))} came`);
}

function requireNumber(
  param: string,
  unit: string,
  rule: NumberRule | null,
  value: number | undefined,
): void {
  if (value === undefined || rule === null) return;
  const fits = rule.kind === "listed" ? rule.values.includes(value) : value >= rule.min && value <= rule.max;
  if (fits) return;
  const known =
    rule.kind === "listed" ? `one of ${rule.values.join(", ")}` : `from ${rule.min} to ${rule.max}`;
  throw unfit(param, `${known} ${unit} for this model; ${value} came`);
}

/** Characters as people count them: one per code point. */
function isWithin(text: string, mostCharacters: number): boolean {
  return text.length <= mostCharacters || [...text].length <= mostCharacters;
}

function fitsSize(rule: SizeRule, size: string): boolean {
  if (rule.kind === "listed") return rule.sizes.includes(size);
  const sides = (DIMENSIONS.exec(size) ?? []).slice(1).map(Number);
  const [longer, shorter] = [Math.max(...sides), Math.min(...sides)];
  if (sides.length === 0 || shorter < rule.minSide || longer > rule.maxSide) return false;
  if (sides.some((side) => side % rule.multipleOf !== 0)) return false;
  return longer <= shorter * (rule.maxRatio ?? longer) && longer * shorter <= (rule.maxPixels ?? Infinity);
}

/** What sizes are taken, in words. */
export function describeSizes(rule: SizeRule): string {
  if (rule.kind === "listed") return `one of ${rule.sizes.join(", ")} or auto`;
  const further = [
    rule.multipleOf === 1 ? "" : `, multiples of ${rule.multipleOf}`,
    rule.maxRatio === undefined ? "" : `, at most ${rule.maxRatio}:1`,
    rule.maxPixels === undefined ? "" : `, at most ${rule.maxPixels} pixels in all`,
  ];
  return `auto or WxH with sides from ${rule.minSide} to ${rule.maxSide} pixels${further.join("")}`;
}

function unfit(param: string, expected: string): ApiError {
  return new ApiError("invalid_parameter", `${param} must be ${expected}.`, { param });
}
