/** How a route is described: what it takes, what it answers, and the errors that are its own. */

import type { z } from "zod";
import type { ErrorCode } from "../../protocol/error.ts";
import type { JsonSchema } from "../../protocol/model.ts";

/** Who may call a route. */
export type Access =
  /** Everybody. */
  | "open"
  /** A virtual or an ephemeral key, in a header. */
  | "key"
  /** The same; in the query too, because browsers can set no headers there. */
  | "stream"
  /** The same; as a subprotocol of the WebSocket too. */
  | "voice"
  /** The same, or the unguessable token of the connection. */
  | "connection"
  | "admin"
  /** The admin key, or everybody where `metrics.public` says so. */
  | "operator";

export type Parameter = {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly description: string;
  readonly schema: JsonSchema;
  readonly required?: true;
};

/** Bodies of requests by their names in the document; see requests.ts. */
export type RequestName =
  | "CreateImage"
  | "CreateImageTask"
  | "EditImage"
  | "CreateVideo"
  | "CreateOpenAiVideo"
  | "CreateBatch"
  | "CancelTasks"
  | "EstimateRequest"
  | "CreateEphemeralKey"
  | "CreateClientSecret"
  | "CreateBetaSession"
  | "CreateWebhookEndpoint"
  | "ChangeWebhookEndpoint"
  | "RotateSecret"
  | "CreateKey"
  | "ChangeKey"
  | "RotateKey"
  | "SetCustomer";

export type Body = {
  /** `multipart`: the same fields as a form, with files. */
  readonly form: "json" | "json or multipart";
  readonly schema: RequestName;
  /** The body may be left out. */
  readonly optional?: true;
};

/** What a media type carries: JSON of a schema, messages of an event stream, text, or bytes. */
export type Content = z.ZodType | "text" | "bytes";

export type AnswerHeader =
  | "retry-after"
  | "location"
  | "etag"
  | "x-conduit-cost"
  | "x-conduit-reserved"
  | "x-conduit-after"
  | "preference-applied"
  | "idempotent-replayed";

export type Answer = {
  readonly description: string;
  /** By media type; absent: no body. */
  readonly content?: Readonly<Record<string, Content>>;
  readonly headers?: readonly AnswerHeader[];
};

export type Tag =
  | "Pictures"
  | "Films"
  | "Tasks"
  | "Batches"
  | "Events"
  | "Tools"
  | "Models"
  | "Media"
  | "Webhooks"
  | "Keys and usage"
  | "Voice"
  | "Hubs"
  | "Administration"
  | "Operation";

export type Operation = {
  readonly method: "get" | "post" | "put" | "patch" | "delete";
  readonly path: string;
  /** Further paths of the same route, which clients in the field look for. */
  readonly also?: readonly string[];
  readonly id: string;
  readonly tag: Tag;
  /** What it does, in a few words. */
  readonly summary: string;
  readonly description?: string;
  readonly access: Access;
  readonly parameters?: readonly Parameter[];
  readonly body?: Body;
  /** A body that is no JSON of a schema of ours, by media type. */
  readonly otherBody?: Readonly<Record<string, JsonSchema>>;
  /** By status. */
  readonly answers: Readonly<Record<number, Answer>>;
  /** Besides those that come with its access, its body and every request. */
  readonly errors?: readonly ErrorCode[];
};

/** An answer of JSON. */
export function json(description: string, schema: z.ZodType, ...headers: readonly AnswerHeader[]): Answer {
  return { description, content: { "application/json": schema }, headers };
}

/** Keys are looked up in the store, which may be away. */
const KEY_ERRORS: readonly ErrorCode[] = [
  "missing_api_key",
  "invalid_api_key",
  "expired_api_key",
  "key_disabled",
  "overloaded",
];

/** The errors that the ways in bring along. */
export const ACCESS_ERRORS: Readonly<Record<Access, readonly ErrorCode[]>> = {
  open: [],
  key: KEY_ERRORS,
  stream: KEY_ERRORS,
  voice: KEY_ERRORS,
  connection: KEY_ERRORS,
  admin: [...KEY_ERRORS, "permission_denied"],
  operator: ["missing_api_key", "permission_denied"],
};
/** Of a body; one with a field that is required also has `missing_parameter`. */
export const BODY_ERRORS: readonly ErrorCode[] = [
  "invalid_json",
  "invalid_parameter",
  "payload_too_large",
  "unsupported_media_type",
];
export const EVERY_ERROR: readonly ErrorCode[] = ["internal_error"];
