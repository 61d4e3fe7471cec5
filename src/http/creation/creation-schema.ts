/**
 * The body of a create request, for pictures and films alike: its fields, their bounds, and what is refused by name.
 */

import { z } from "zod";
import type { ImageFields, InputField, VideoFields } from "../../protocol/create-request.ts";
import { ApiError } from "../../protocol/error.ts";
import { type Json, PRIORITIES } from "../../protocol/task.ts";
import { WEBHOOK_EVENTS } from "../../protocol/webhook.ts";
import { ttlField } from "../request/key-fields.ts";
import { isInputField, MAX_INPUTS, PICTURE_SCHEMA_REF } from "./input-fields.ts";
import { isBoundedObject, MAX_JSON_DEPTH } from "./json-bounds.ts";

/** Bounds that an operator may lower; see `limits.*` of the settings. */
export type CreationLimits = {
  promptCharacters: number;
  imagesPerTask: number;
  metadataPairs: number;
  metadataKeyCharacters: number;
  metadataValueCharacters: number;
  /** Of `provider_options`, and again of all further fields together, as JSON. */
  providerOptionsBytes: number;
};

/** Names of models, sizes and the like: long enough for any in the field, and short enough to quote. */
const MAX_NAME_CHARACTERS = 200;
/** OpenAI's `user` is an opaque id of the caller's. */
const MAX_USER_CHARACTERS = 512;
/** Seconds a task may ask for, by type. */
const TIMEOUT_SECONDS = { image: [5, 3_600], video: [30, 7_200] } as const;
const MAX_DURATION_SECONDS = 3_600;
const MAX_FPS = 240;

/** Without control characters, in words that the patterns of every language know. */
const PRINTABLE = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$";
const printable = new RegExp(PRINTABLE, "u");
/**
 * What no text needs and what breaks those who read it later: control characters, but for blanks and C1's old glyphs.
 */
const CONTROL = /[\p{Cc}--[\t\n\v\f\r\u0080-\u009f]]/v;
/** The same in words of JSON Schema, whose patterns know no set notation. */
const CLEAN_PATTERN = "^[^\\u0000-\\u0008\\u000e-\\u001f\\u007f]*$";
/** And with something to be seen in it. */
const SAYING_PATTERN = `^(?=[\\s\\S]*\\S)${CLEAN_PATTERN.slice(1)}`;
/** Fields of later versions, and of other gateways, that name a callback. */
const CALLBACK_FIELD = /webhook|callback|notif(?:y|ication)/i;
/** Fields of providers' own dialects that would change which model runs, how often, or at what price. */
const PRICED_FIELDS = new Set([
  "batch_size",
  "count",
  "deployment",
  "engine",
  "images_per_prompt",
  "model_id",
  "model_name",
  "model_version",
  "models",
  "num_frames",
  "num_images",
  "num_images_per_prompt",
  "num_outputs",
  "number_of_images",
  "number_of_videos",
  "numberOfImages",
  "sample_count",
  "sampleCount",
  "samples",
  "service_tier",
  "upscale",
  "version",
]);
/** Input pictures by names that are taken elsewhere. */
const INPUT_FIELDS = new Set([
  "image_url",
  "image_urls",
  "input_image",
  "input_images",
  "input_reference",
  "init_image",
]);

/** A request after validation: the documented fields, and everything else in `further`. */
type Validated<Fields> = Fields & { further?: Record<string, Json> | undefined };
export type ImageCreation = Validated<ImageFields>;
export type VideoCreation = Validated<VideoFields>;

const images = new WeakMap<CreationLimits, z.ZodType<ImageCreation>>();
const videos = new WeakMap<CreationLimits, z.ZodType<VideoCreation>>();

/** The schema of `POST /v1/images/generations` and its asynchronous twin; made once for the same limits. */
export function imageCreationSchema(limits: CreationLimits): z.ZodType<ImageCreation> {
  const schema = images.get(limits) ?? imageFields(limits);
  images.set(limits, schema);
  return schema;
}

/** The schema of `POST /v1/videos/generations/async`; made once for the same limits. */
export function videoCreationSchema(limits: CreationLimits): z.ZodType<VideoCreation> {
  const schema = videos.get(limits) ?? videoFields(limits);
  videos.set(limits, schema);
  return schema;
}

function imageFields(limits: CreationLimits): z.ZodType<ImageCreation> {
  const range = `a whole number from 1 to ${limits.imagesPerTask}`;
  return withFurther(limits, {
    ...commonFields(limits, "image"),
    n: z.int({ error: range }).min(1, range).max(limits.imagesPerTask, range).optional(),
    quality: name('a quality such as "high"').optional(),
    style: name('a style such as "vivid"').optional(),
    background: name('"transparent", "opaque" or "auto"').optional(),
    output_format: name('"png", "jpeg" or "webp"').optional(),
    response_format: z.enum(["url", "b64_json"], { error: '"url" or "b64_json"' }).optional(),
    stream: z
      .boolean({ error: "true or false" })
      .meta({ description: "On the synchronous routes only: the answer is a stream of events." })
      .optional(),
    partial_images: z.int({ error: PARTIAL_IMAGES }).min(0, PARTIAL_IMAGES).max(3, PARTIAL_IMAGES).optional(),
    mask: inputField(),
  } satisfies Record<keyof ImageFields, z.ZodType>);
}

function videoFields(limits: CreationLimits): z.ZodType<VideoCreation> {
  const seconds = `a number of seconds above 0 and up to ${MAX_DURATION_SECONDS}`;
  const rate = `a number above 0 and up to ${MAX_FPS}`;
  return withFurther(limits, {
    ...commonFields(limits, "video"),
    duration: z.number({ error: seconds }).gt(0, seconds).max(MAX_DURATION_SECONDS, seconds).optional(),
    fps: z.number({ error: rate }).gt(0, rate).max(MAX_FPS, rate).optional(),
  } satisfies Record<keyof VideoFields, z.ZodType>);
}

const TASK_EVENTS = WEBHOOK_EVENTS.filter((type) => type.startsWith("task."));
const PARTIAL_IMAGES = "a whole number from 0 to 3";
const CLEAN = "in whole characters, none of them a control character";

function commonFields(limits: CreationLimits, type: keyof typeof TIMEOUT_SECONDS) {
  const prompt = `a text of 1 to ${limits.promptCharacters} characters, ${CLEAN}`;
  const [shortest, longest] = TIMEOUT_SECONDS[type];
  const timeout = `a number from ${shortest} to ${longest}`;
  const seed = "a whole number from 0 to 9007199254740991";
  const priority = '"low", "normal" or "high"';
  const events = `a list of one or more of ${TASK_EVENTS.join(", ")}`;
  const user = `a text of 1 to ${MAX_USER_CHARACTERS} characters, ${CLEAN}`;
  return {
    prompt: z
      .string({ error: prompt })
      .refine((text) => text.trim() !== "" && isCleanText(text, limits.promptCharacters), { error: prompt })
      .meta({ minLength: 1, maxLength: limits.promptCharacters, pattern: SAYING_PATTERN }),
    model: name("the name of a model, one of GET /v1/models"),
    user: z
      .string({ error: user })
      .min(1, user)
      .refine((text) => isCleanText(text, MAX_USER_CHARACTERS), { error: user })
      .meta({ maxLength: MAX_USER_CHARACTERS, pattern: CLEAN_PATTERN })
      .optional(),
    seed: z.int({ error: seed }).min(0, seed).optional(),
    metadata: metadataField(limits),
    priority: z.enum(PRIORITIES, { error: priority }).optional(),
    timeout_seconds: z.number({ error: timeout }).min(shortest, timeout).max(longest, timeout).optional(),
    provider_options: z
      .custom<Record<string, Json>>((value) => isBoundedObject(value, limits.providerOptionsBytes), {
        error: `a JSON object of at most ${limits.providerOptionsBytes} bytes, nested at most ${MAX_JSON_DEPTH} deep`,
      })
      .meta({ type: "object" })
      .optional(),
    size: name('a size such as "1024x1024"').optional(),
    image: inputField(),
    images: inputField(),
    access_token: z
      .strictObject(
        { ttl_seconds: ttlField.exactOptional() },
        { error: 'an object such as {"ttl_seconds":3600}' },
      )
      .meta({
        description:
          "On the asynchronous routes only: the answer has a key that may read, follow and cancel this task.",
      })
      .optional(),
    ...webhookTargetFields(),
    webhook_events: z
      .array(z.enum(TASK_EVENTS, { error: `one of ${TASK_EVENTS.join(", ")}` }), { error: events })
      .min(1, events)
      .max(TASK_EVENTS.length, events)
      .optional(),
  } satisfies Record<keyof ImageFields & keyof VideoFields, z.ZodType>;
}

/** Where word goes, and what is said on the way. */
export function webhookTargetFields() {
  return {
    webhook_url: z
      .string({ error: "an https address" })
      .meta({ description: "Where word of it goes." })
      .optional(),
    webhook_headers: z
      .custom<Record<string, string>>(isObject, { error: "an object of header names and texts" })
      .meta({ type: "object", additionalProperties: { type: "string" } })
      .optional(),
  };
}

/** Texts of the caller's own, which are kept and answered. */
export function metadataField(limits: CreationLimits) {
  return z
    .custom<Record<string, string>>((value) => isMetadata(value, limits), { error: metadataShape(limits) })
    .meta({
      type: "object",
      maxProperties: limits.metadataPairs,
      propertyNames: { minLength: 1, maxLength: limits.metadataKeyCharacters, pattern: PRINTABLE },
      additionalProperties: {
        type: "string",
        maxLength: limits.metadataValueCharacters,
        pattern: CLEAN_PATTERN,
      },
    })
    .optional();
}

/** Keeps the fields of `shape`, refuses what may not be passed on, and collects the rest under `further`. */
function withFurther<Shape extends z.core.$ZodShape>(limits: CreationLimits, shape: Shape) {
  type Known = z.output<z.ZodObject<Shape>> & { further?: Record<string, Json> };
  const known = new Set(Object.keys(shape));
  return z.looseObject(shape).transform((fields: Record<string, unknown>): Known => {
    const others: [string, Json][] = [];
    for (const field in fields) {
      if (known.has(field)) continue;
      refuseByName(field);
      others.push([field, fields[field] as Json]);
    }
    if (others.length === 0) return fields as Known;
    // An ordinary object, into which no name writes but its own: one without a prototype cannot go to another process.
    const further = Object.fromEntries(others);
    if (!isBoundedObject(further, limits.providerOptionsBytes)) {
      throw new ApiError(
        "invalid_parameter",
        `The fields beyond the documented ones (${Object.keys(further).slice(0, 3).join(", ").slice(0, MAX_NAME_CHARACTERS)}…) take more than ${limits.providerOptionsBytes} bytes or are nested too deep. Leave them out.`,
        { param: Object.keys(further)[0]?.slice(0, MAX_NAME_CHARACTERS) ?? "" },
      );
    }
    const creation: Record<string, unknown> = { further };
    for (const field in fields) if (known.has(field)) creation[field] = fields[field];
    return creation as Known;
  });
}

function refuseByName(field: string): void {
  const reason = CALLBACK_FIELD.test(field)
    ? "names a callback: use `webhook_url`, or a registered endpoint"
    : PRICED_FIELDS.has(field)
      ? "would change the model, the count or the price: use `model` and `n`"
      : INPUT_FIELDS.has(field)
        ? "is another gateway's name for a picture to work from: send it as `image`"
        : null;
  if (reason === null) return;
  throw new ApiError("invalid_parameter", `${field} ${reason}. Leave it out.`, { param: field });
}

function inputField() {
  const error = `an https address, a data URL, {"image_url": …}, {"task_id": …, "index": …}, or 1 to ${MAX_INPUTS} of them`;
  const picture = { $ref: PICTURE_SCHEMA_REF };
  const pictures = { type: "array", items: picture, minItems: 1, maxItems: MAX_INPUTS };
  return z
    .custom<InputField>(isInputField, { error })
    .meta({ anyOf: [picture, pictures] })
    .optional();
}

/** A short name on one line. */
function name(expected: string) {
  return z
    .string({ error: expected })
    .max(MAX_NAME_CHARACTERS, expected)
    .refine(isPrintable, { error: expected })
    .meta({ pattern: PRINTABLE });
}

function isPrintable(text: string): boolean {
  return printable.test(text) && text.isWellFormed();
}

/** Half of a surrogate pair is no character: many JSON readers refuse the whole document that holds one. */
function isCleanText(text: string, maxCharacters: number): boolean {
  return charactersWithin(text, maxCharacters) && !CONTROL.test(text) && text.isWellFormed();
}

/** Counts characters as people do, one per code point, and only when the cheap bound does not settle it. */
function charactersWithin(text: string, max: number): boolean {
  if (text.length <= max) return true;
  // Each code point has at most two UTF-16 units.
  if (text.length > 2 * max) return false;
  let count = 0;
  for (const _ of text) count += 1;
  return count <= max;
}

function metadataShape(limits: CreationLimits): string {
  return `an object of at most ${limits.metadataPairs} texts, with names of 1 to ${limits.metadataKeyCharacters} and values of up to ${limits.metadataValueCharacters} characters, ${CLEAN}`;
}

function isMetadata(value: unknown, limits: CreationLimits): boolean {
  if (!isObject(value)) return false;
  const names = Object.keys(value);
  if (names.length > limits.metadataPairs) return false;
  return names.every((key) => {
    const text = value[key];
    if (typeof text !== "string" || !isCleanText(text, limits.metadataValueCharacters)) return false;
    return isPrintable(key) && charactersWithin(key, limits.metadataKeyCharacters);
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
