/** The envelope of errors, and what each code means. */

import { z } from "zod";
import {
  ERROR_TABLE,
  type ErrorCode,
  type ErrorStatus,
  type ErrorType,
  type WireError,
} from "../../../protocol/error.ts";
import { about, named, type Shape } from "../shape.ts";

export const ERROR_CODES = Object.keys(ERROR_TABLE) as ErrorCode[];
const ERROR_TYPES = [...new Set(ERROR_CODES.map((code) => ERROR_TABLE[code][1]))] as ErrorType[];

/** What a caller learns from each code. */
export const ERROR_MEANINGS: Readonly<Record<ErrorCode, string>> = {
  invalid_json: "The body is no JSON object in UTF-8, or it broke off.",
  missing_parameter: "A field that is required did not come; `param` names it.",
  invalid_parameter: "A field, parameter or header is not what is taken; `param` names it.",
  content_policy_violation: "The provider refuses the prompt or an input.",
  not_supported: "This is not offered here; the message names what there is.",
  missing_api_key: "No key came.",
  invalid_api_key: "The key is not known.",
  expired_api_key: "The key has expired.",
  invalid_signature: "The signature of a call from a queue or a provider does not hold.",
  budget_exceeded: "A budget of the key, or of its customer, does not reach for this request.",
  permission_denied: "The key is of the wrong kind, or may not do this.",
  model_not_allowed: "The key may not use this model.",
  key_disabled: "The key is switched off.",
  not_found: "There is nothing under this address or id.",
  task_not_found: "There is no such task for this key.",
  model_not_found: "There is no such model for this key.",
  model_retired: "The provider has retired the model; the message names its successor.",
  method_not_allowed: "The address does not take this method; `Allow` lists those it takes.",
  precondition_failed: "What `If-Match` or `If-Unmodified-Since` names is not the version there is.",
  payload_too_large: "The body, or what of it would be stored, is too large.",
  unsupported_media_type: "The body is of another type, charset or encoding than is taken.",
  range_not_satisfiable: "The range begins behind the end of the file.",
  task_already_finished: "The task has ended, so it cannot be changed in this way.",
  idempotency_key_reused: "The `Idempotency-Key` came before with another body.",
  rate_limit_exceeded:
    "Too many requests, of the key or at the provider; `Retry-After` says when to come again.",
  too_many_connections: "The key, or the gateway, has as many connections open as there may be.",
  queue_full: "The key has as many tasks waiting as it may have.",
  internal_error: "Something failed in the gateway; the request id leads to its log.",
  provider_error: "The provider failed.",
  provider_unavailable: "The provider cannot be reached now.",
  overloaded: "The gateway takes no work now: it stops, its store is away, or it is busy.",
  timeout: "The time ran out. A task goes on; `param` is its id.",
};

/** The status that a code is answered with. */
export function statusOf(code: ErrorCode): ErrorStatus {
  return ERROR_TABLE[code][0];
}

const errorFields = {
  message: about("What was expected, what came, and how to put it right.", z.string()),
  type: z.enum(ERROR_TYPES),
  code: z.enum(ERROR_CODES),
  param: about(
    "The field, parameter or header that it is about; of a task's error its id.",
    z.string().nullable(),
  ),
  requestId: about("As in `x-request-id`; leads to the gateway's log.", z.string()),
} satisfies Shape<WireError["error"]>;

export const errorAnswer = named(
  "Error",
  "Every error, on every route but those of the hubs' connections, has this shape.",
  z.object({ error: z.object(errorFields) } satisfies Shape<WireError>),
);
