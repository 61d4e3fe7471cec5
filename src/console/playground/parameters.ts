/** From a model's parameter schema to the controls of a form. */

import type { JsonSchema, WireModel } from "../../protocol/model.ts";
import type { Json } from "../../protocol/task.ts";

/** What a value is entered with. */
export type Control =
  | { kind: "choice"; choices: readonly Json[] }
  | { kind: "number"; whole: boolean; least: number | undefined; most: number | undefined }
  | { kind: "text"; longest: number | undefined }
  /** Any JSON object; `names` are those it may hold, where that is known. */
  | { kind: "object"; names: readonly string[] }
  | { kind: "pictures"; most: number }
  /** A field that only the provider knows: JSON, or else a text. */
  | { kind: "any" };

export type FormParameter = {
  /** As a create calls it. */
  name: string;
  label: string;
  hint: string | undefined;
  control: Control;
  /** What counts where nothing is entered. */
  default: string | undefined;
  /** Seldom changed. */
  advanced: boolean;
};

/** Entered elsewhere, spelt in another way, or of no use for a task that is followed. */
const LEFT_OUT = new Set([
  "access_token",
  "images",
  "model",
  "partial_images",
  "prompt",
  "response_format",
  "stream",
  "webhook_events",
  "webhook_headers",
]);
const ADVANCED = new Set([
  "metadata",
  "priority",
  "provider_options",
  "timeout_seconds",
  "user",
  "webhook_url",
]);
const ORDER = [
  "image",
  "mask",
  "size",
  "n",
  "duration",
  "fps",
  "quality",
  "style",
  "background",
  "output_format",
  "seed",
];

/** The fields of a create for this model, in the order of a form. */
export function parametersOf({ parameters, capabilities }: WireModel): FormParameter[] {
  const properties = (parameters.properties ?? {}) as Readonly<Record<string, JsonSchema>>;
  return Object.entries(properties)
    .filter(([name]) => !LEFT_OUT.has(name))
    .map(([name, schema]) => ({
      name,
      label: labelOf(name),
      hint: hintOf(schema),
      control: controlOf(name, schema, capabilities.inputs?.images ?? 1),
      default: schema.default === undefined ? undefined : String(schema.default),
      advanced: ADVANCED.has(name),
    }))
    .sort((one, other) => placeOf(one) - placeOf(other));
}

/** The fields that any of the models takes; where they differ in one, the first model's counts. */
export function sharedParameters(models: readonly WireModel[]): FormParameter[] {
  const found = new Map<string, FormParameter>();
  for (const model of models)
    for (const parameter of parametersOf(model))
      if (!found.has(parameter.name)) found.set(parameter.name, parameter);
  return [...found.values()].sort((one, other) => placeOf(one) - placeOf(other));
}

function controlOf(name: string, schema: JsonSchema, pictures: number): Control {
  if (name === "image") return { kind: "pictures", most: pictures };
  if (name === "mask") return { kind: "pictures", most: 1 };
  if (Array.isArray(schema.enum)) return { kind: "choice", choices: schema.enum };
  switch (schema.type) {
    case "integer":
    case "number":
      return {
        kind: "number",
        whole: schema.type === "integer",
        least: numberIn(schema.minimum),
        most: numberIn(schema.maximum),
      };
    case "boolean":
      return { kind: "choice", choices: [true, false] };
    case "object":
      return { kind: "object", names: Object.keys((schema.properties ?? {}) as object) };
    case "string":
      return { kind: "text", longest: numberIn(schema.maxLength) };
    default:
      return { kind: "any" };
  }
}

function hintOf({ description, type, minimum, maximum }: JsonSchema): string | undefined {
  const said = typeof description === "string" ? description : undefined;
  const bounded = (type === "number" || type === "integer") && numberIn(maximum) !== undefined;
  if (!bounded || Number(maximum) >= Number.MAX_SAFE_INTEGER) return said;
  return [said, `${Number(minimum ?? 0)} to ${Number(maximum)}`].filter(Boolean).join(" ");
}

function labelOf(name: string): string {
  const words = name.replaceAll("_", " ");
  return name === "n" ? "How many" : words.charAt(0).toUpperCase() + words.slice(1);
}

function numberIn(value: Json | undefined): number | undefined {
  return typeof value === "number" ? value : undefined;
}

function placeOf({ name, advanced }: FormParameter): number {
  const place = ORDER.indexOf(name);
  return (advanced ? 2 * ORDER.length : 0) + (place < 0 ? ORDER.length : place);
}
