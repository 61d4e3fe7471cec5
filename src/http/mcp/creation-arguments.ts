/** The arguments of tools that make something: fields of the create bodies, as a JSON Schema that models are given. */

import type { ImageFields, VideoFields } from "../../protocol/create-request.ts";
import { ApiError } from "../../protocol/error.ts";
import type { JsonSchema } from "../../protocol/model.ts";
import type { Json, TaskType } from "../../protocol/task.ts";
import { bodySchema } from "../creation/creation-parameters.ts";
import type { CreationLimits } from "../creation/creation-schema.ts";
import { MAX_INPUTS } from "../creation/input-fields.ts";

/** Fields that a tool takes; what belongs to other ways of calling, such as webhooks and streams, is not among them. */
const COMMON = [
  "prompt",
  "model",
  "size",
  "seed",
  "provider_options",
  "metadata",
  "priority",
  "timeout_seconds",
  "user",
] as const;
const PICTURE = [...COMMON, "n", "quality", "style", "background", "output_format"] as const;
const FIELDS = {
  image: PICTURE,
  edit: [...PICTURE, "image", "mask"],
  video: [...COMMON, "duration", "fps", "image"],
} as const satisfies Record<string, readonly (keyof ImageFields | keyof VideoFields)[]>;

export type CreationKind = keyof typeof FIELDS;
/** What each makes. */
export const TYPE_OF_KIND: Readonly<Record<CreationKind, TaskType>> = {
  image: "image",
  edit: "image",
  video: "video",
};

const REFERENCE: JsonSchema = {
  anyOf: [
    { type: "string" },
    {
      type: "object",
      properties: { task_id: { type: "string" }, index: { type: "integer", minimum: 0 } },
      required: ["task_id"],
    },
  ],
};
const REFERENCES: JsonSchema = {
  anyOf: [REFERENCE, { type: "array", items: REFERENCE, minItems: 1, maxItems: MAX_INPUTS }],
};
const SPELLINGS =
  'an https address, a data URL, or a result of an earlier task as {"task_id": "…", "index": 0}';

/** What a field is for, and where its schema points to shared parts, the whole of it. */
const DESCRIBED: Readonly<Record<string, JsonSchema>> = {
  prompt: { description: "What is to be seen." },
  model: { description: "The id of a model: list_models has those of this key and what each takes." },
  n: { description: "How many pictures. Default 1." },
  size: {
    description:
      "Width and height in pixels, such as 1024x1024; list_models has the sizes. Default: the model's.",
  },
  quality: { description: "One of the model's qualities." },
  style: { description: "One of the model's styles." },
  background: { description: "One of the model's backgrounds." },
  output_format: { description: "png, jpeg or webp, where the model lets one choose." },
  seed: { description: "The same seed and prompt give the same result, with models that take one." },
  duration: { description: "Seconds of film. Default: the model's." },
  fps: { description: "Frames a second. Default: the model's." },
  image: { ...REFERENCES, description: `The picture to work from: ${SPELLINGS}.` },
  mask: { ...REFERENCE, description: `Where the picture is to change, as a PNG with transparent parts.` },
  provider_options: { description: "Options of the model's own; list_models has their names." },
  metadata: { description: "Texts of your own that are kept with the task." },
  priority: { description: "Among the tasks of this key. Default normal." },
  timeout_seconds: { description: "The work fails when it has not ended so long after its start." },
  user: { description: "An opaque id of the person it is made for." },
};

/** The arguments of a kind of creation, by their names. */
export function creationArguments(
  kind: CreationKind,
  limits: CreationLimits,
): Readonly<Record<string, JsonSchema>> {
  const fields = bodySchema(TYPE_OF_KIND[kind], limits).properties as Record<string, JsonSchema>;
  const described = FIELDS[kind].map((name) => [
    name,
    { ...withoutPatterns(fields[name] ?? {}), ...DESCRIBED[name] },
  ]);
  return Object.fromEntries(described);
}

/** Throws `invalid_parameter` for an argument that the tool does not take. */
export function requireKnown(given: object, known: readonly string[]): void {
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const param = unknown.slice(0, 100);
  throw new ApiError(
    "invalid_parameter",
    `${JSON.stringify(param)} is no argument of this tool, which takes ${known.join(", ")}. Leave it out.`,
    { param },
  );
}

/**
 * Without what the providers of language models refuse or misread in the schema of a tool: patterns, names of properties, and
 * parts elsewhere. The create checks all of it.
 */
function withoutPatterns(field: JsonSchema): JsonSchema {
  const kept = Object.entries(field).filter(
    ([keyword]) => !["pattern", "propertyNames", "anyOf"].includes(keyword),
  );
  return Object.fromEntries(
    kept.map(([keyword, value]): [string, Json] => [
      keyword,
      isSchema(value) ? withoutPatterns(value) : value,
    ]),
  );
}

function isSchema(value: Json): value is { [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
