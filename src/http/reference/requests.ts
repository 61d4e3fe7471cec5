/** The bodies of requests as JSON Schemas: made from the very schemas that validate them, with a sentence about each field. */

import { z } from "zod";
import type { BatchRequest } from "../../protocol/batch.ts";
import type { ImageFields, VideoFields } from "../../protocol/create-request.ts";
import type { CreateClientSecretRequest, CreateEphemeralKeyRequest } from "../../protocol/ephemeral-key.ts";
import type { CreateKeyRequest } from "../../protocol/key.ts";
import type { JsonSchema } from "../../protocol/model.ts";
import type { CancelTasksRequest, TaskType } from "../../protocol/task.ts";
import type { CreateWebhookEndpointRequest } from "../../protocol/webhook.ts";
import { batchSchema } from "../creation/batch-body.ts";
import {
  type CreationLimits,
  imageCreationSchema,
  videoCreationSchema,
} from "../creation/creation-schema.ts";
import { PICTURE_SCHEMA } from "../creation/input-fields.ts";
import { customerSchema } from "../routes/admin/customers.ts";
import { changeSchema, draftSchema } from "../routes/admin/key-schema.ts";
import { keyRotationSchema } from "../routes/admin/keys.ts";
import { betaSessionSchema, clientSecretSchema } from "../routes/auth/client-secrets.ts";
import { ephemeralKeySchema } from "../routes/auth/ephemeral-keys.ts";
import { cancelTasksSchema } from "../routes/cancel-tasks.ts";
import { endpointChangeSchema, endpointDraftSchema } from "../routes/webhooks/endpoints.ts";
import { secretRotationSchema } from "../routes/webhooks/rotation.ts";
import type { RequestName } from "./operation.ts";

/** A sentence about each field of a type. */
type Texts<Fields> = Readonly<Record<keyof Fields, string>>;

const COMMON: Texts<Omit<ImageFields & VideoFields, "n" | "duration" | "fps" | keyof PictureFields>> = {
  prompt: "What is to be made. Several lines, tabs and every script are fine; control characters are not.",
  model: "One of `GET /v1/models`.",
  user: "An opaque id of the caller's own end user: whose budget and usage it is.",
  seed: "The same prompt and seed give the same result, where the model says so.",
  metadata: "Comes back with the task.",
  priority: "Up to the key's `maxPriority`.",
  timeout_seconds: "From the first start, over all attempts and the waits between them.",
  provider_options: "Options of the model, as its `capabilities.providerOptions` list them.",
  size: "As the model lists; `auto` or left out: the model's default.",
  image: "Pictures to work from; of a film the first one is its first frame.",
  images: "The same as `image`.",
  access_token:
    "On the asynchronous routes only: the answer has a key that may read, follow and cancel this task.",
  webhook_url: "Is called when the task ends.",
  webhook_headers: "Sent along: up to 16.",
  webhook_events: "What the webhook hears of; default: the three ends.",
};
type PictureFields = Pick<
  ImageFields,
  | "quality"
  | "style"
  | "background"
  | "output_format"
  | "response_format"
  | "stream"
  | "partial_images"
  | "mask"
>;
const IMAGE: Texts<ImageFields> = {
  ...COMMON,
  n: "How many pictures; default 1.",
  quality: "One that the model lists.",
  style: "One that the model lists.",
  background: "One that the model lists.",
  output_format: "One that the model lists.",
  response_format: "`b64_json`: the pictures themselves are in the answer as well.",
  stream: "On the synchronous routes only: the answer is an event stream.",
  partial_images: "With `stream`: how many previews, where the model makes some.",
  mask: "Where the picture is to change.",
};
const VIDEO: Texts<VideoFields> = {
  ...COMMON,
  duration: "Seconds, as the model lists.",
  fps: "Frames a second, as the model lists.",
};
const BATCH: Texts<BatchRequest> = {
  requests: "Create bodies, each with its `type`. They name no `stream` and no `access_token`.",
  webhook_url: "Is called when the batch has ended; requests may name webhooks of their own.",
  webhook_headers: "Sent along: up to 16.",
  metadata: "Comes back with the batch.",
};
const CANCEL: Texts<CancelTasksRequest> = {
  all: "All that is unfinished; instead of filters.",
  status: "One or several, with commas or as a list.",
  type: "`image` or `video`.",
  batchId: "Those of this batch.",
};
const EPHEMERAL: Texts<CreateEphemeralKeyRequest> = {
  ttl_seconds: "For how long it is valid; default 600.",
  subject: "The tenant that it is within its parent, such as the id of a user; default a random one.",
  permissions: "Where some are named, the others are not granted; default those of the parent.",
  allowed_models: "Names of models; `*` as last character takes any rest. Default those of the parent.",
  max_priority: "Default that of the parent.",
  tasks: "Tasks that it may read, follow and cancel besides those of its subject.",
};
const SECRET: Texts<CreateClientSecretRequest> = {
  expires_after: "For how long it is valid; default 600 seconds.",
  session: "The configuration of sessions opened with it: at most 32 kB.",
  subject: "Not OpenAI's: the tenant that it is within its parent.",
};
const ENDPOINT: Texts<CreateWebhookEndpointRequest> & Texts<{ enabled: true }> = {
  url: "Where messages are sent: https, and no private address.",
  events: "Types of messages; default, and where the list is empty: the three ends of a task.",
  description: "For whoever reads it.",
  enabled: "False: nothing is sent.",
};
const ROTATION = { overlapSeconds: "For how long the one before goes on being good." };
const KEY: Texts<CreateKeyRequest> = {
  name: "For whoever reads it.",
  enabled: "False ends its streams and refuses new work; default true.",
  expiresAt: "Default never.",
  allowedModels: "Names of models; `*` as last character takes any rest. Default every model.",
  permissions: "Where some are named for a new key, the others are not granted; default all.",
  maxPriority: "Default `high`.",
  maxConcurrentTasks: "Started and unfinished tasks; default no limit.",
  budgets: "At most one of each period; default no limit.",
  grants: "Each raises every budget of the key until it expires.",
  customerBudget: "Of each customer that has none of its own; default no limit.",
  requestsPerMinute: "Requests that create something; default no limit.",
  requestsPerDay: "By UTC; default no limit.",
  metadata: "At most 4,096 bytes as JSON.",
};
const CUSTOMER = { budget: "What the customer may spend; null: the default of its key's customers." };

/** Under which name the document has one picture to work from. */
const PICTURE_REF = "#/components/schemas/Picture";

/** The bodies under these limits, and what they refer to, by name. */
export function requestSchemas(
  limits: CreationLimits,
): Readonly<Record<RequestName | "Picture" | "TypedImage" | "TypedVideo", JsonSchema>> {
  const image = bodyOf(imageCreationSchema(limits), IMAGE);
  const video = bodyOf(videoCreationSchema(limits), VIDEO);
  return {
    Picture: PICTURE_SCHEMA,
    CreateImage: {
      ...without(image, "access_token"),
      description: `What a picture is made from. ${FURTHER}`,
    },
    CreateImageTask: { ...without(image, "stream"), description: `What a picture is made from. ${FURTHER}` },
    EditImage: {
      ...without(image, "access_token"),
      description: `What a picture is made from, and the pictures to work from. ${FURTHER}`,
      anyOf: [{ required: ["image"] }, { required: ["images"] }],
    },
    CreateVideo: { ...video, description: `What a film is made from. ${FURTHER}` },
    CreateOpenAiVideo: openAiVideoBody(without(video, "access_token")),
    TypedImage: typed("image", without(image, "stream", "access_token")),
    TypedVideo: typed("video", without(video, "access_token")),
    CreateBatch: batchBody(bodyOf(batchSchema(limits), BATCH)),
    CancelTasks: { ...bodyOf(cancelTasksSchema, CANCEL), minProperties: 1 },
    EstimateRequest: { description: "A create body with its type.", oneOf: TYPED },
    CreateEphemeralKey: bodyOf(ephemeralKeySchema, EPHEMERAL),
    CreateClientSecret: bodyOf(clientSecretSchema, SECRET),
    CreateBetaSession: {
      ...jsonSchemaOf(betaSessionSchema),
      description: "The session's configuration, in OpenAI's beta names: at most 32 kB.",
    },
    CreateWebhookEndpoint: bodyOf(endpointDraftSchema, ENDPOINT),
    ChangeWebhookEndpoint: bodyOf(endpointChangeSchema, ENDPOINT),
    RotateSecret: bodyOf(secretRotationSchema, ROTATION),
    CreateKey: bodyOf(draftSchema, KEY),
    ChangeKey: bodyOf(changeSchema, KEY),
    RotateKey: bodyOf(keyRotationSchema, ROTATION),
    SetCustomer: bodyOf(customerSchema, CUSTOMER),
  };
}

const FURTHER =
  "Further fields are passed on where the model's `capabilities.furtherFields` name them; those that name a callback, or would change the model, the count or the price, are refused.";

/** What a body may be before it is read. Throws for a field that no sentence is about: a mistake of ours. */
function bodyOf(schema: z.ZodType, texts: Readonly<Record<string, string>>): JsonSchema {
  const { properties, ...body } = jsonSchemaOf(schema);
  const described: Record<string, JsonSchema> = {};
  for (const [name, field] of Object.entries(properties as Record<string, JsonSchema>)) {
    const description = texts[name];
    if (description === undefined) throw new Error(`the field ${name} of a request is not described`);
    described[name] = { ...field, description };
  }
  return { ...body, properties: described };
}

function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  const made = z.toJSONSchema(schema, { io: "input", unrepresentable: "any", override: plainIntegers });
  const text = JSON.stringify(made)
    .replaceAll("#/$defs/picture", PICTURE_REF)
    .replaceAll("\\\\P{Cc}", `[^${CONTROL}]`)
    .replaceAll("\\\\p{Cc}", CONTROL);
  const { $schema: _, ...body } = JSON.parse(text) as Record<string, JsonSchema>;
  return body as JsonSchema;
}

/** Leaves the bounds of JavaScript's numbers away, which say nothing of the field. */
export function plainIntegers({ jsonSchema }: { jsonSchema: { minimum?: number; maximum?: number } }): void {
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
}

/** Control characters, in a pattern within JSON: not every language's patterns know `\p{Cc}`. */
const CONTROL = String.raw`\\u0000-\\u001f\\u007f-\\u009f`;

/** A body without fields that a route refuses. */
function without(body: JsonSchema, ...names: string[]): JsonSchema {
  const fields = Object.entries(body.properties as Record<string, JsonSchema>);
  return { ...body, properties: Object.fromEntries(fields.filter(([name]) => !names.includes(name))) };
}

/** Both kinds of create bodies with their type in them. */
const TYPED = ["TypedImage", "TypedVideo"].map((name) => ({ $ref: `#/components/schemas/${name}` }));

function typed(type: TaskType, body: JsonSchema): JsonSchema {
  return {
    ...body,
    description: `A create body of type \`${type}\`.`,
    required: ["type", ...(body.required as string[])],
    properties: { type: { const: type }, ...(body.properties as Record<string, JsonSchema>) },
  };
}

function batchBody(body: JsonSchema): JsonSchema {
  const properties = body.properties as Record<string, JsonSchema>;
  return {
    ...body,
    properties: { ...properties, requests: { ...properties.requests, items: { oneOf: TYPED } } },
  };
}

/** OpenAI's names of our fields: both are taken. */
function openAiVideoBody(video: JsonSchema): JsonSchema {
  const required = (video.required as string[]).filter((name) => name !== "model");
  return {
    ...video,
    description: `OpenAI's body of a film; our own names are taken as well. ${FURTHER}`,
    required,
    properties: {
      ...(video.properties as Record<string, JsonSchema>),
      model: {
        ...(video.properties as Record<string, JsonSchema>).model,
        description: "One of `GET /v1/models`; default `sora-2`, a name that leads to a model there is.",
      },
      seconds: {
        description: "How long the film is to be, as the model lists.",
        anyOf: [{ type: "string", pattern: "^\\d{1,6}(\\.\\d{1,6})?$" }, { type: "number" }],
      },
      input_reference: { $ref: PICTURE_REF, description: "The first frame." },
    },
  };
}
