/** The one renderer of errors: whatever was thrown becomes the envelope of the contract, its status and its headers. */

import { HTTPException } from "hono/http-exception";
import { ApiError, type WireError } from "../../protocol/error.ts";
import { describeError, type Log } from "../../tasks/ports/log.ts";
import {
  MAX_TASK_BYTES,
  StoredValueTooLargeError,
  StoreUnavailableError,
} from "../../tasks/ports/store-error.ts";
import type { HttpContext } from "../exchange.ts";
import { loggedPath } from "../request/path.ts";

/** A busy or briefly locked store is usually back by then. */
const STORE_RETRY_SECONDS = 1;

/** Answers an error; what is not meant for clients is logged and answered as `internal_error`. */
export function errorResponse(thrown: unknown, c: HttpContext, log: Log): Response {
  const exchange = c.get("exchange");
  const error = toApiError(thrown);
  if (error.cause !== undefined || error.code === "internal_error") {
    log.error("request failed", {
      requestId: exchange.requestId,
      taskId: exchange.taskId,
      keyId: exchange.principal?.keyId,
      path: loggedPath(c.req.path),
      code: error.code,
      cause: describeError(error.cause ?? thrown),
    });
  }
  if (error.retryAfterSeconds !== null) c.header("retry-after", String(error.retryAfterSeconds));
  if (error.shouldRetry === false || exchange.accepted) c.header("x-should-retry", "false");
  for (const [name, value] of Object.entries(error.headers)) c.header(name, value);
  if (error.status === 401) c.header("www-authenticate", "Bearer");
  return c.json(envelope(error, exchange.requestId), error.status);
}

/** The body of an error. */
export function envelope(error: ApiError, requestId: string): WireError {
  const { message, type, code, param } = error;
  return { error: { message, type, code, param, requestId } };
}

/** An error a client may see, from anything that was thrown. */
export function toApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  if (thrown instanceof StoreUnavailableError) {
    return new ApiError(
      "overloaded",
      "The gateway cannot reach its store right now. Try again in a moment.",
      {
        retryAfterSeconds: STORE_RETRY_SECONDS,
        cause: thrown,
      },
    );
  }
  if (thrown instanceof StoredValueTooLargeError) {
    return new ApiError(
      "payload_too_large",
      `The request is larger than a task may be when stored (${MAX_TASK_BYTES} bytes). Shorten the prompt, the metadata or the provider_options.`,
    );
  }
  // Hono's own validator throws for one reason only: the body was no JSON.
  if (thrown instanceof HTTPException && thrown.status === 400) {
    return new ApiError(
      "invalid_json",
      "The body is not valid JSON. Send one JSON object, encoded as UTF-8.",
    );
  }
  return new ApiError(
    "internal_error",
    "Something failed here that is not the request's fault. The request id leads to the log.",
    {
      cause: thrown,
    },
  );
}
