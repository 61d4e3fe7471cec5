/** Fields of a provider's own that a caller may send along: what each may be, and what is wrong with one that is not. */

import type { ModelCapabilities } from "../../../protocol/model.ts";
import type { Json } from "../../../protocol/task.ts";
import type { JobRequest } from "../../../tasks/task.ts";
import { permanent } from "../calls/failures.ts";
import { UpstreamError } from "../calls/upstream-error.ts";

export type FieldRule =
  | { readonly kind: "boolean" }
  | { readonly kind: "integer" | "number"; readonly min: number; readonly max: number }
  | { readonly kind: "text"; readonly maxCharacters: number }
  /** Letter case is ignored; the provider gets the word as it stands here. */
  | { readonly kind: "word"; readonly words: readonly string[] };

export type FieldRules = Readonly<Record<string, FieldRule>>;

/**
 * The fields of `rules` that a request brings, beside the documented ones or as `provider_options`. Throws `UpstreamError`
 * (`invalid_request`) naming one that is not as it should be. Others are left out.
 */
export function takenFields(
  { providerOptions = {}, further = {} }: Pick<JobRequest, "providerOptions" | "further">,
  rules: FieldRules,
): Record<string, Json> {
  const given = { ...providerOptions, ...further };
  const fields: Record<string, Json> = {};
  for (const [name, rule] of Object.entries(rules)) {
    const value = given[name];
    if (value === undefined || value === null) continue;
    const taken = takenValue(value, rule);
    if (taken === null) throw invalid(faultText(name, rule));
    fields[name] = taken;
  }
  return fields;
}

/** What is wrong with one of these options; null when nothing is. */
export function optionFault(options: Readonly<Record<string, Json>>, rules: FieldRules): string | null {
  for (const [name, rule] of Object.entries(rules)) {
    const value = options[name];
    if (value !== undefined && value !== null && takenValue(value, rule) === null)
      return faultText(name, rule);
  }
  return null;
}

/** A request that cannot be fulfilled, whoever sends it again. */
export function invalid(message: string): UpstreamError {
  return new UpstreamError(permanent("invalid_request", message));
}

/** Throws `UpstreamError` (`invalid_request`) for a prompt that is longer than the model takes. */
export function requirePromptWithin(
  prompt: string,
  { maxPromptCharacters: most }: Pick<ModelCapabilities, "maxPromptCharacters">,
): void {
  const characters = [...prompt].length;
  if (most !== undefined && characters > most)
    throw invalid(`The prompt may have ${most} characters for this model; it has ${characters}.`);
}

function takenValue(value: Json, rule: FieldRule): Json {
  switch (rule.kind) {
    case "boolean":
      return typeof value === "boolean" ? value : null;
    case "integer":
    case "number": {
      const fits = typeof value === "number" && value >= rule.min && value <= rule.max;
      return fits && (rule.kind === "number" || Number.isInteger(value)) ? value : null;
    }
    case "text":
      return typeof value === "string" && [...value].length <= rule.maxCharacters ? value : null;
    case "word": {
      const word = typeof value === "string" ? value.toLowerCase() : null;
      return rule.words.find((known) => known.toLowerCase() === word) ?? null;
    }
  }
}

function faultText(name: string, rule: FieldRule): string {
  return `${name} must be ${expected(rule)} for this model.`;
}

function expected(rule: FieldRule): string {
  switch (rule.kind) {
    case "boolean":
      return "true or false";
    case "integer":
      return `a whole number from ${rule.min} to ${rule.max}`;
    case "number":
      return `a number from ${rule.min} to ${rule.max}`;
    case "text":
      return `a text of at most ${rule.maxCharacters} characters`;
    case "word":
      return `one of ${rule.words.join(", ")}`;
  }
}
