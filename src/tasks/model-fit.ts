/** Whether a model can do what is asked: refused before anything is stored or paid, rather than failed later. */

import { ApiError } from "../protocol/error.ts";
import type { ModelCapabilities, NumberRule, SizeRule } from "../protocol/model.ts";
import type { Json } from "../protocol/task.ts";
import type { OptionCheck } from "./ports/model-catalogue.ts";
import type { JobRequest } from "./task.ts";

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
  checkOptions: OptionCheck = () => null,
): void {
  if (request.n > capabilities.maxN) {
    throw unfit("n", `at most ${capabilities.maxN} for this model; ${request.n} came`);
  }
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

function fitsSize(rule: SizeRule, size: string): boolean {
  if (rule.kind === "listed") return rule.sizes.includes(size);
  const [, width, height] = DIMENSIONS.exec(size) ?? [];
  const within = [width, height].every((text) => {
    const side = Number(text);
    return side >= rule.minSide && side <= rule.maxSide && side % rule.multipleOf === 0;
  });
  return within && (rule.maxPixels === undefined || Number(width) * Number(height) <= rule.maxPixels);
}

function describeSizes(rule: SizeRule): string {
  if (rule.kind === "listed") return `one of ${rule.sizes.join(", ")} or auto`;
  const multiples = rule.multipleOf === 1 ? "" : `, multiples of ${rule.multipleOf}`;
  const area = rule.maxPixels === undefined ? "" : `, at most ${rule.maxPixels} pixels in all`;
  return `auto or WxH with sides from ${rule.minSide} to ${rule.maxSide} pixels${multiples}${area}`;
}

function unfit(param: string, expected: string): ApiError {
  return new ApiError("invalid_parameter", `${param} must be ${expected}.`, { param });
}
