/** The error table of the wire contract: every code with its status and type. */

/** Status and type of each code. */
export const ERROR_TABLE = {
  invalid_json: [400, "invalid_request_error"],
  missing_parameter: [400, "invalid_request_error"],
  invalid_parameter: [400, "invalid_request_error"],
  content_policy_violation: [400, "invalid_request_error"],
  not_supported: [400, "invalid_request_error"],
  missing_api_key: [401, "authentication_error"],
  invalid_api_key: [401, "authentication_error"],
  expired_api_key: [401, "authentication_error"],
  invalid_signature: [401, "authentication_error"],
  budget_exceeded: [402, "insufficient_quota"],
  permission_denied: [403, "permission_error"],
  model_not_allowed: [403, "permission_error"],
  key_disabled: [403, "permission_error"],
  not_found: [404, "invalid_request_error"],
  task_not_found: [404, "invalid_request_error"],
  model_not_found: [404, "invalid_request_error"],
  model_retired: [404, "invalid_request_error"],
  method_not_allowed: [405, "invalid_request_error"],
  precondition_failed: [412, "invalid_request_error"],
  payload_too_large: [413, "invalid_request_error"],
  unsupported_media_type: [415, "invalid_request_error"],
  range_not_satisfiable: [416, "invalid_request_error"],
  task_already_finished: [409, "invalid_request_error"],
  idempotency_key_reused: [422, "invalid_request_error"],
  rate_limit_exceeded: [429, "rate_limit_error"],
  too_many_connections: [429, "rate_limit_error"],
  queue_full: [429, "rate_limit_error"],
  internal_error: [500, "server_error"],
  provider_error: [502, "server_error"],
  provider_unavailable: [503, "server_error"],
  overloaded: [503, "server_error"],
  timeout: [504, "server_error"],
} as const satisfies Record<string, readonly [number, string]>;

export type ErrorCode = keyof typeof ERROR_TABLE;
export type ErrorType = (typeof ERROR_TABLE)[ErrorCode][1];
export type ErrorStatus = (typeof ERROR_TABLE)[ErrorCode][0];

/** The envelope of every HTTP error. */
export type WireError = {
  error: { message: string; type: ErrorType; code: ErrorCode; param: string | null; requestId: string };
};

export type ApiErrorOptions = {
  /** The field of the request the message is about. */
  param?: string;
  /** Seconds for `Retry-After`. */
  retryAfterSeconds?: number;
  /** False sets `x-should-retry: false`: OpenAI's SDK repeats POST on 408, 409, 429 and 5xx unless told not to. */
  shouldRetry?: boolean;
  /** Further headers of the answer, by their lower-case names. */
  headers?: Readonly<Record<string, string>>;
  cause?: unknown;
};

/**
 * An error a client may see. `message` says what was expected, what came and how to put it right;
 * it never holds a secret, a stack or an upstream address.
 */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: ErrorCode;
  readonly status: ErrorStatus;
  readonly type: ErrorType;
  readonly param: string | null;
  readonly retryAfterSeconds: number | null;
  readonly shouldRetry: boolean | null;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: ErrorCode, message: string, options: ApiErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    [this.status, this.type] = ERROR_TABLE[code];
    this.param = options.param ?? null;
    this.retryAfterSeconds = options.retryAfterSeconds ?? null;
    this.headers = options.headers ?? {};
    this.shouldRetry = options.shouldRetry ?? (this.status === 409 || this.status === 422 ? false : null);
  }
}
