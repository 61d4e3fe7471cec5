/** Everything the client throws, but for a caller's own abort: that rejects with the reason of its signal. */

import type { ErrorCode, ErrorType } from "../../protocol/error.ts";
import type { TaskErrorCode, WireTask } from "../../protocol/task.ts";

/** The one base: `catch (error) { if (error instanceof ConduitError) … }`. */
export class ConduitError extends Error {
  override name = "ConduitError";
}

/** No answer came: the connection failed or broke. */
export class ConnectionError extends ConduitError {
  override name = "ConnectionError";
}

/** No answer came within the time the caller gave. */
export class TimeoutError extends ConnectionError {
  override name = "TimeoutError";
}

/** The token provider threw, answered no key, or did not answer; `cause` is what it threw. */
export class TokenProviderError extends ConnectionError {
  override name = "TokenProviderError";
}

/** A task that `run` waited for failed or was cancelled. */
export class TaskFailedError extends ConduitError {
  override name = "TaskFailedError";
  readonly taskId: string;
  readonly code: TaskErrorCode | "cancelled";

  constructor(readonly task: WireTask) {
    super(task.error ?? "Task was cancelled");
    this.taskId = task.taskId;
    this.code = task.status === "cancelled" ? "cancelled" : (task.errorCode ?? "provider_error");
  }
}

/** A webhook whose signature is not ours, or that was signed too long ago. */
export class WebhookVerificationError extends ConduitError {
  override name = "WebhookVerificationError";
}

/** What the answer of a failed request says. */
export type Refusal = {
  status: number;
  /** What is known of them stands in `ErrorCode`; null where something else than the gateway answered. */
  code: ErrorCode | null;
  type: ErrorType | null;
  /** The field that the message is about; of a synchronous call that failed later on the id of its task. */
  param: string | null;
  /** Tell it to whoever runs the gateway. */
  requestId: string | null;
  retryAfterSeconds: number | null;
  headers: Headers;
};

/** The gateway, or something before it, answered with a status that is no success. */
export class StatusError extends ConduitError implements Refusal {
  override name = "StatusError";
  readonly status: number;
  readonly code: ErrorCode | null;
  readonly type: ErrorType | null;
  readonly param: string | null;
  readonly requestId: string | null;
  readonly retryAfterSeconds: number | null;
  readonly headers: Headers;

  constructor(message: string, refusal: Refusal) {
    super(message);
    this.status = refusal.status;
    this.code = refusal.code;
    this.type = refusal.type;
    this.param = refusal.param;
    this.requestId = refusal.requestId;
    this.retryAfterSeconds = refusal.retryAfterSeconds;
    this.headers = refusal.headers;
  }
}

/** 400: `param` names the field. */
export class BadRequestError extends StatusError {
  override name = "BadRequestError";
}
/** 401: the key is missing, wrong or has expired. */
export class AuthenticationError extends StatusError {
  override name = "AuthenticationError";
}
/** 402: a budget of the key, or of its customer, is used up. */
export class BudgetExceededError extends StatusError {
  override name = "BudgetExceededError";
}
/** 403: the key may not do this. */
export class PermissionDeniedError extends StatusError {
  override name = "PermissionDeniedError";
}
/** 404: it does not exist for this key. */
export class NotFoundError extends StatusError {
  override name = "NotFoundError";
}
/** 409: the task has ended already. */
export class ConflictError extends StatusError {
  override name = "ConflictError";
}
/** 413: the body, or a picture in it, is too large. */
export class TooLargeError extends StatusError {
  override name = "TooLargeError";
}
/** 422: the idempotency key was used with another body. */
export class UnprocessableError extends StatusError {
  override name = "UnprocessableError";
}
/** 429: too many requests, connections or waiting tasks; `retryAfterSeconds` says when to come again. */
export class RateLimitError extends StatusError {
  override name = "RateLimitError";
}
/** 500 and above: the gateway, or a provider behind it, failed. */
export class ServerError extends StatusError {
  override name = "ServerError";
}

const CLASSES: Readonly<Record<number, typeof StatusError>> = {
  400: BadRequestError,
  401: AuthenticationError,
  402: BudgetExceededError,
  403: PermissionDeniedError,
  404: NotFoundError,
  409: ConflictError,
  413: TooLargeError,
  422: UnprocessableError,
  429: RateLimitError,
};

/** The error of an answer that is no success; `text` is its body, which need not be ours. */
export function errorOfAnswer(
  { status, headers }: Pick<Response, "status" | "headers">,
  text: string,
): StatusError {
  const said = envelopeOf(text);
  const message =
    said?.message ?? `Expected an answer of Conduit, got HTTP status ${status} with something else`;
  return statusError(message, {
    status,
    code: said?.code ?? null,
    type: said?.type ?? null,
    param: said?.param ?? null,
    requestId: said?.requestId ?? headers.get("x-request-id"),
    retryAfterSeconds: secondsOf(headers.get("retry-after")),
    headers,
  });
}

/** Streams tell an end that is no success without a status: these have one of their own for each type. */
const STATUSES: Readonly<Record<ErrorType, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  insufficient_quota: 402,
  permission_error: 403,
  rate_limit_error: 429,
  server_error: 500,
};

/** The error of an event `error` of a stream: what was asked for was accepted and ended so, which no repeat changes. */
export function errorOfEnvelope(text: string): StatusError {
  const said = envelopeOf(text);
  const status = STATUSES[said?.type ?? "server_error"] ?? 500;
  return errorOfAnswer({ status, headers: new Headers({ "x-should-retry": "false" }) }, text);
}

function statusError(message: string, refusal: Refusal): StatusError {
  const { status } = refusal;
  const Class = CLASSES[status] ?? (status >= 500 ? ServerError : StatusError);
  return new Class(message, refusal);
}

/** Of a `Retry-After`, which is a number of seconds or, from something before the gateway, a date. */
function secondsOf(retryAfter: string | null): number | null {
  if (retryAfter === null || retryAfter.trim() === "") return null;
  const seconds = Number(retryAfter);
  if (Number.isFinite(seconds)) return Math.max(0, seconds);
  const at = Date.parse(retryAfter);
  return Number.isNaN(at) ? null : Math.max(0, Math.ceil((at - Date.now()) / 1_000));
}

type Envelope = {
  message?: string;
  type?: ErrorType;
  code?: ErrorCode;
  param?: string | null;
  requestId?: string;
};

function envelopeOf(text: string): Envelope | null {
  try {
    const { error } = JSON.parse(text) as { error?: unknown };
    return typeof error === "object" && error !== null ? (error as Envelope) : null;
  } catch {
    return null;
  }
}

/** Whether asking again later cannot help: refused for what was asked, or for who asks. */
export function isFinal(error: unknown): boolean {
  return error instanceof StatusError && error.status < 500 && error.status !== 408 && error.status !== 429;
}

/** Whether the same request again may go better: no answer came, or one that says so. */
export function deservesRepeat(error: unknown): boolean {
  if (!(error instanceof StatusError)) return error instanceof ConnectionError;
  const advice = error.headers.get("x-should-retry");
  if (advice !== null) return advice === "true";
  return [408, 409, 429].includes(error.status) || error.status >= 500;
}
