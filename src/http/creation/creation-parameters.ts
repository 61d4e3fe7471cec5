/**
 * What a create takes for one model, as a JSON Schema for clients that build or check a request: the fields of the create
 * schemas, narrowed by the model's capabilities.
 */

import { z } from "zod";
import type { InputRule, JsonSchema, ModelCapabilities, NumberRule } from "../../protocol/model.ts";
import type { Json, TaskType } from "../../protocol/task.ts";
import { describeSizes } from "../../tasks/model-fit.ts";
import type { ListedModel } from "../../tasks/ports/model-catalogue.ts";
import { type CreationLimits, imageCreationSchema, videoCreationSchema } from "./creation-schema.ts";
import { PICTURE_SCHEMA, PICTURE_SCHEMA_REF } from "./input-fields.ts";

/** Answers the schema of a model by one of its names. */
export type CreationParameters = (model: ListedModel) => JsonSchema;

export type ParameterLimits = CreationLimits & {
  /** Of one input picture. */
  readonly inputBytes: number;
};

/** The field for this model; null where it does not take it. What is not here is the same for every model. */
type Narrowing = (field: JsonSchema, model: ListedModel, limits: ParameterLimits) => JsonSchema | null;

const SIZE_PATTERN = "^(auto|[1-9]\\d{0,4}x[1-9]\\d{0,4})$";
const MEBIBYTE = 1_048_576;
const NO_INPUTS: InputRule = { images: 0, mask: false };

const NARROWINGS: Readonly<Record<string, Narrowing>> = {
  model: (_, { id }) => ({ const: id }),
  prompt: (field, { capabilities: { maxPromptCharacters } }) =>
    maxPromptCharacters === undefined
      ? field
      : { ...field, maxLength: least(field.maxLength, maxPromptCharacters) },
  n: (field, { capabilities: { maxN } }) => ({ ...field, maximum: least(field.maximum, maxN), default: 1 }),
  size: (_, { capabilities: { sizes } }) =>
    sizes.kind === "listed"
      ? { enum: ["auto", ...sizes.sizes] }
      : { type: "string", pattern: SIZE_PATTERN, description: describeSizes(sizes), default: sizes.default },
  quality: (_, { capabilities }) => oneOf(capabilities.qualities),
  style: (_, { capabilities }) => oneOf(capabilities.styles),
  background: (_, { capabilities }) => oneOf(capabilities.backgrounds),
  output_format: (_, { capabilities }) => oneOf(capabilities.outputFormats),
  seed: (field, { capabilities: { seed, maxSeed } }) =>
    !seed ? null : maxSeed === undefined ? field : { ...field, maximum: least(field.maximum, maxSeed) },
  duration: (field, { capabilities }) => numberOf(field, capabilities.durations, "Seconds."),
  fps: (field, { capabilities }) => numberOf(field, capabilities.fps, "Frames a second."),
  image: (_, { capabilities }, limits) => picturesOf(capabilities, limits),
  images: (_, { capabilities }) =>
    inputsOf(capabilities).images === 0
      ? null
      : { $ref: "#/properties/image", description: "The same as image." },
  mask: (_, { capabilities }) =>
    inputsOf(capabilities).mask
      ? {
          $ref: PICTURE_SCHEMA_REF,
          description: "Where the picture is to change: a PNG with a transparent part.",
        }
      : null,
  provider_options: (field, { capabilities: { providerOptions } }) =>
    providerOptions.length === 0
      ? null
      : { ...field, properties: named(providerOptions), additionalProperties: false },
};

/** Schemas for models under these limits; each is made once. */
export function creationParameters(limits: ParameterLimits): CreationParameters {
  const bodies: Partial<Record<TaskType, JsonSchema>> = {};
  const bodyOf = (type: TaskType): JsonSchema => {
    bodies[type] ??= bodySchema(type, limits);
    return bodies[type];
  };
  const made = new WeakMap<ListedModel, JsonSchema>();
  return (model) => {
    const known = made.get(model);
    if (known !== undefined) return known;
    const schema = parametersOf(model, bodyOf(model.capabilities.type), limits);
    made.set(model, schema);
    return schema;
  };
}

function parametersOf(model: ListedModel, body: JsonSchema, limits: ParameterLimits): JsonSchema {
  const { capabilities } = model;
  const properties: Record<string, Json> = {};
  for (const [name, field] of Object.entries(body.properties as Record<string, JsonSchema>)) {
    const narrow = NARROWINGS[name];
    const narrowed = narrow === undefined ? field : narrow(field, model, limits);
    if (narrowed !== null) properties[name] = narrowed;
  }
  return {
    ...body,
    properties: { ...properties, ...named(capabilities.furtherFields) },
    additionalProperties: false,
    ...rulesOfInputs(inputsOf(capabilities)),
  };
}

/** What holds between the fields of pictures. */
function rulesOfInputs({ images, mask, required }: InputRule): JsonSchema {
  if (images === 0) return {};
  const picture = { anyOf: [{ required: ["image"] }, { required: ["images"] }] };
  return {
    $defs: { picture: PICTURE_SCHEMA },
    // Together they could be more than the model takes.
    not: { required: ["image", "images"] },
    ...(mask && { dependentSchemas: { mask: picture } }),
    ...(required === true && picture),
  };
}

function picturesOf(capabilities: ModelCapabilities, { inputBytes }: ParameterLimits): JsonSchema | null {
  const { images, types, maxBytes = inputBytes } = inputsOf(capabilities);
  if (images === 0) return null;
  const picture = { $ref: PICTURE_SCHEMA_REF };
  const names = types === undefined ? "" : ` (${types.map((type) => type.replace("image/", "")).join(", ")})`;
  const bytes = Math.floor(Math.min(maxBytes, inputBytes) / MEBIBYTE);
  return {
    description: `Pictures to work from${names}: at most ${images}, each of at most ${bytes} MiB.`,
    anyOf: [picture, { type: "array", items: picture, minItems: 1, maxItems: images }],
  };
}

function inputsOf({ inputs = NO_INPUTS }: ModelCapabilities): InputRule {
  return inputs;
}

function oneOf(words: readonly string[]): JsonSchema | null {
  return words.length === 0 ? null : { enum: [...words] };
}

function numberOf(field: JsonSchema, rule: NumberRule | null, description: string): JsonSchema | null {
  if (rule === null) return null;
  if (rule.kind === "listed") return { description, enum: [...rule.values], default: rule.default };
  return { ...field, description, minimum: rule.min, maximum: rule.max, default: rule.default };
}

/** Properties by name alone: what each may be the provider decides. */
function named(names: readonly string[]): Record<string, JsonSchema> {
  return Object.fromEntries(names.map((name) => [name, {}]));
}

function least(known: Json | undefined, other: number): number {
  return typeof known === "number" ? Math.min(known, other) : other;
}

/** What the body of a create may be before it is read, whatever its model. */
export function bodySchema(type: TaskType, limits: CreationLimits): JsonSchema {
  const schema = type === "image" ? imageCreationSchema(limits) : videoCreationSchema(limits);
  return z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as JsonSchema;
}
