/**
 * The API as an OpenAPI 3.1 document. It is made of the schemas that validate requests, of schemas that are held to the
 * types of answers, and of the descriptions in `operations`. Nothing of this is loaded before somebody asks for it.
 */

import { z } from "zod";
import type { JsonSchema } from "../../protocol/model.ts";
import type { Json } from "../../protocol/task.ts";
import type { CreationLimits } from "../creation/creation-schema.ts";
import { webhookMessages } from "./answers/events.ts";
import { errorResponses } from "./error-responses.ts";
import { HEADERS, overview, SECURITY_SCHEMES, securityOf, TAGS } from "./frame.ts";
import type { Answer, Content, Operation } from "./operation.ts";
import { ADMINISTRATION } from "./operations/administration.ts";
import { EVENTS } from "./operations/events.ts";
import { FILMS } from "./operations/films.ts";
import { KEYS } from "./operations/keys.ts";
import { MCP } from "./operations/mcp.ts";
import { MEDIA } from "./operations/media.ts";
import { MODELS } from "./operations/models.ts";
import { PICTURES } from "./operations/pictures.ts";
import { RUNNING } from "./operations/running.ts";
import { TASKS } from "./operations/tasks.ts";
import { VOICE } from "./operations/voice.ts";
import { WEBHOOKS } from "./operations/webhooks.ts";
import { plainIntegers, requestSchemas } from "./requests.ts";
import { answers } from "./shape.ts";

/** Every route, as it is described. */
export const OPERATIONS: readonly Operation[] = [
  ...PICTURES,
  ...FILMS,
  ...TASKS,
  ...EVENTS,
  ...MCP,
  ...MODELS,
  ...MEDIA,
  ...WEBHOOKS,
  ...KEYS,
  ...VOICE,
  ...ADMINISTRATION,
  ...RUNNING,
];

export type DocumentOptions = {
  /** Of the gateway. */
  readonly version: string;
  /** Where the API is; null: where the document came from. */
  readonly publicUrl: string | null;
  readonly limits: CreationLimits;
};

type JsonObject = { [name: string]: Json };

/** The document, as JSON. Takes some 20 ms. */
export function openApiDocument({ version, publicUrl, limits }: DocumentOptions): JsonObject {
  const errors = errorResponses(OPERATIONS);
  const document = {
    openapi: "3.1.0",
    info: {
      title: "Conduit",
      summary: "A gateway for generative media and realtime voice",
      version,
      description: overview(),
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: publicUrl ?? "/" }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths: pathsOf(OPERATIONS, errors.of),
    webhooks: webhooksOf(),
    components: {
      schemas: { ...answerSchemas(), ...requestSchemas(limits) },
      responses: errors.components,
      headers: HEADERS,
      securitySchemes: SECURITY_SCHEMES,
    },
  };
  return document as unknown as JsonObject;
}

type ErrorsOf = (operation: Operation) => Readonly<Record<number, JsonSchema>>;

function pathsOf(operations: readonly Operation[], errorsOf: ErrorsOf): JsonSchema {
  const paths: Record<string, Record<string, Json>> = {};
  for (const operation of operations) {
    const { method, path, also = [] } = operation;
    for (const [index, one] of [path, ...also].entries()) {
      paths[one] ??= {};
      paths[one][method] = described(operation, index, errorsOf) as Json;
    }
  }
  return paths;
}

/** `alias`: which of its further paths; 0 is the first one. */
function described(operation: Operation, alias: number, errorsOf: ErrorsOf): JsonSchema {
  const { id, tag, summary, access, parameters = [], path } = operation;
  const description =
    alias === 0 ? operation.description : `The same as \`${operation.method.toUpperCase()} ${path}\`.`;
  const body = bodyOf(operation);
  return {
    operationId: alias === 0 ? id : `${id}${alias + 1}`,
    tags: [tag],
    summary,
    ...(description !== undefined && { description }),
    security: securityOf(access),
    ...(parameters.length > 0 && { parameters: parameters.map((parameter) => ({ ...parameter })) }),
    ...(body !== null && { requestBody: body }),
    responses: responsesOf(operation, errorsOf(operation)),
  };
}

function bodyOf({ body, otherBody }: Operation): JsonSchema | null {
  if (body !== undefined) {
    const schema = { $ref: `#/components/schemas/${body.schema}` };
    return {
      required: body.optional !== true,
      content: {
        "application/json": { schema },
        ...(body.form === "json or multipart" && { "multipart/form-data": { schema } }),
      },
    };
  }
  if (otherBody === undefined) return null;
  const content = Object.entries(otherBody).map(([type, schema]) => [type, { schema }]);
  return { required: true, content: Object.fromEntries(content) };
}

function responsesOf({ answers }: Operation, errors: Readonly<Record<number, JsonSchema>>): JsonSchema {
  const responses: Record<string, JsonSchema> = { ...errors };
  for (const [status, answer] of Object.entries(answers)) {
    const own = responseOf(answer);
    const error = errors[Number(status)];
    responses[status] = error === undefined ? own : both(own, error);
  }
  return responses;
}

function responseOf({ description, content, headers = [] }: Answer): JsonSchema {
  const named = ["x-request-id", ...headers].map((name) => [name, { $ref: `#/components/headers/${name}` }]);
  return {
    description,
    headers: Object.fromEntries(named),
    ...(content !== undefined && {
      content: Object.fromEntries(
        Object.entries(content).map(([type, one]) => [type, { schema: schemaOf(one) }]),
      ),
    }),
  };
}

/** An answer that may be an error as well, under one status. */
function both(own: JsonSchema, error: JsonSchema): JsonSchema {
  const name = String(error.$ref).slice("#/components/responses/".length);
  const content = (own.content ?? {}) as Record<string, { schema: JsonSchema }>;
  const schema = { $ref: `#/components/schemas/Error` };
  const json = content["application/json"];
  return {
    ...own,
    description: `${own.description} Or an error: ${name
      .split(".")
      .map((code) => `\`${code}\``)
      .join(", ")}.`,
    content: {
      ...content,
      "application/json": { schema: json === undefined ? schema : { anyOf: [json.schema, schema] } },
    },
  };
}

function schemaOf(content: Content): JsonSchema {
  if (content === "text") return { type: "string" };
  if (content === "bytes") return { type: "string", contentMediaType: "application/octet-stream" };
  if (content instanceof z.ZodUnion && !answers.has(content))
    return { anyOf: content.options.map((one) => refOf(one as z.ZodType)) };
  return refOf(content);
}

/** Where the document has a schema. What has no name is written where it stands. */
function refOf(schema: z.ZodType): JsonSchema {
  const known = answers.get(schema);
  if (known !== undefined) return { $ref: `#/components/schemas/${known.id}` };
  const { $schema: _, ...written } = z.toJSONSchema(schema, { io: "input", override: plainIntegers });
  return written as JsonSchema;
}

/** The named schemas of answers. What they have beyond their fields is not forbidden: later releases add fields. */
function answerSchemas(): Readonly<Record<string, JsonSchema>> {
  const { schemas } = z.toJSONSchema(answers, {
    uri: (id) => `#/components/schemas/${id}`,
    io: "input",
    override: plainIntegers,
  });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, { $id: _, $schema: __, id: ___, ...schema }]) => [
      id,
      schema as JsonSchema,
    ]),
  );
}

function webhooksOf(): JsonSchema {
  const hooks = Object.entries(webhookMessages).map(([type, message]) => {
    const { description = "" } = message.meta() ?? {};
    const hook = {
      post: {
        operationId: `webhook_${type.replaceAll(".", "_")}`,
        tags: ["Webhooks"],
        summary: description.replace(/[.:].*$/s, ""),
        description: `${description} Sent at least once, by Standard Webhooks: \`webhook-id\` is the same at every try, \`webhook-signature\` is made with the endpoint's or the key's secret.`,
        security: [],
        parameters: ["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) => ({
          name,
          in: "header",
          required: true,
          schema: { type: "string" },
        })),
        requestBody: { required: true, content: { "application/json": { schema: refOf(message) } } },
        responses: {
          "2XX": { description: "It has arrived. Nothing of the body is read." },
          "410": {
            description: "Nobody wants to hear of this any more: a registered endpoint is switched off.",
          },
          default: { description: "After 408, 425, 429 and 5xx it is sent again for 24 hours." },
        },
      },
    };
    return [type, hook];
  });
  return Object.fromEntries(hooks);
}
