/** From what a provider answered, or did not, to the failure the engine acts on. The one table for all adapters. */

import type { TaskErrorCode } from "../../../protocol/task.ts";
import type { Failure } from "../../../tasks/ports/media-provider.ts";
import { type ErrorReport, quotable } from "./error-text.ts";
import { retryAfterMs } from "./retry-after.ts";

/** Who was called, and what a lost answer means. */
export type CallContext = {
  /** As people call the provider; begins sentences. */
  readonly provider: string;
  /** The call starts paid work: when its answer is lost the work may be under way. */
  readonly startsWork: boolean;
  /** Texts that no message may quote, such as the account's key. */
  readonly secrets: readonly string[];
};

/** A provider's refusal, as far as it could be read. */
export type ProviderRefusal = {
  readonly status: number;
  readonly headers: Headers;
  readonly report: ErrorReport;
  /** The wall clock, for dates in headers. */
  readonly now: number;
};

/** Codes by which providers say that an account has no money left; waiting does not help. */
const QUOTA_CODES = new Set(["insufficient_quota", "billing_hard_limit_reached", "insufficient_credits"]);
/** Nothing was begun behind these: the provider turned the call away at the door. */
const TURNED_AWAY = new Set([408, 425, 503, 529]);

/** The failure of an answer whose status is no success. */
export function refused(refusal: ProviderRefusal, context: CallContext): Failure {
  const { status, report } = refusal;
  const { provider } = context;
  if (status === 402 || QUOTA_CODES.has(report.code) || QUOTA_CODES.has(report.type))
    return outOfQuota(context);
  if (status === 401 || status === 403) return accountRefused(context);
  if (status === 429) return rateLimited(refusal, context);
  if (status >= 300 && status < 400) {
    return permanent(
      "provider_error",
      `${provider} answered with a redirect. Its base URL is wrong; the operator has to set it right.`,
    );
  }
  if (status === 404) {
    return permanent(
      "provider_error",
      `${provider} does not know what was asked for${reason(report, context)}. The model may be retired, or not open to the gateway's account: use another model.`,
    );
  }
  if (status === 413) {
    return permanent(
      "invalid_request",
      `The request is too large for ${provider}. Send smaller or fewer input pictures.`,
    );
  }
  if (status === 400 || status === 422) {
    return permanent(
      "invalid_request",
      `${provider} refused the request${reason(report, context)}. Change the request; sending it again gives the same.`,
    );
  }
  if (status >= 500 || status === 408 || status === 409 || status === 425) {
    const away = TURNED_AWAY.has(status);
    return {
      kind: "transient",
      code: away ? "provider_unavailable" : "provider_error",
      message: `${provider} failed with status ${status}. Nothing is wrong with the request; it can be sent again later.`,
      mayHaveStarted: context.startsWork && !away,
    };
  }
  return permanent(
    "provider_error",
    `${provider} answered with the unexpected status ${status}${reason(report, context)}.`,
  );
}

/** The account's key was refused. The provider's own words are not quoted: some repeat the key. */
export function accountRefused({ provider }: CallContext): Failure {
  return permanent(
    "provider_auth",
    `${provider} refused the gateway's account. The operator has to check its key and what the key may do.`,
  );
}

/** The account has no money left. */
export function outOfQuota({ provider }: CallContext): Failure {
  return permanent(
    "provider_quota",
    `The gateway's account with ${provider} has no quota left. The operator has to top it up; another model may work meanwhile.`,
  );
}

/** Too many calls; waits as long as the headers say, else as long as the engine thinks right. */
export function rateLimited(
  { headers, now }: Pick<ProviderRefusal, "headers" | "now">,
  { provider }: CallContext,
): Failure {
  const waitMs = retryAfterMs(headers, now);
  return {
    kind: "rate_limited",
    message: `${provider} limits how often the gateway's account may call; the task waits.`,
    ...(waitMs !== null && { retryAfterMs: waitMs }),
  };
}

/** The provider's safety system refused the prompt, an input or the result. */
export function contentRefused(context: CallContext, report?: ErrorReport): Failure {
  const said = report === undefined ? "" : quotable(report.message, context.secrets).replace(/[.\s]+$/, "");
  const told = said === "" ? "" : `: ${said}`;
  return {
    kind: "content_policy",
    message: `${context.provider} refused this by its content policy${told}. Change the prompt or the input pictures.`,
  };
}

/** An answer that is none: a web page, half a document, an empty body, a shape that cannot be understood. */
export function unusableAnswer(what: string, { provider, startsWork }: CallContext): Failure {
  return {
    kind: "transient",
    code: "provider_error",
    message: `${provider} answered with ${what}. Nothing is wrong with the request; it can be sent again later.`,
    mayHaveStarted: startsWork,
  };
}

/** An answer beyond the byte bound; the next one would be as large. */
export function answerTooLarge(maxBytes: number, { provider }: CallContext): Failure {
  return permanent(
    "provider_error",
    `${provider} answered with more than the ${maxBytes} bytes that are read of such an answer.`,
  );
}

/** A phase of the call took too long. */
export function phaseTimeout(
  phase: "headers" | "chunk",
  ms: number,
  { provider, startsWork }: CallContext,
): Failure {
  const silence = phase === "headers" ? "did not begin to answer" : "fell silent in the middle of its answer";
  return {
    kind: "transient",
    code: "provider_unavailable",
    message: `${provider} ${silence} within ${Math.round(ms / 1000)} seconds. The request can be sent again later.`,
    mayHaveStarted: startsWork,
  };
}

/** The step was told to stop; the engine knows why. */
export function interrupted({ provider, startsWork }: CallContext): Failure {
  return {
    kind: "transient",
    code: "provider_unavailable",
    message: `The call to ${provider} was interrupted.`,
    mayHaveStarted: startsWork,
  };
}

/** Codes of runtimes for a connection that was never made: name, route, port or certificate. */
const NEVER_CONNECTED =
  /ConnectionRefused|FailedToOpenSocket|ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|\bdns\b|CERT_|certificate|UNABLE_TO_VERIFY|ERR_TLS|\(Connect\)|connection refused/i;

/** The connection failed. Whatever the error says may hold the address, so none of it is quoted. */
export function connectionFailed(error: unknown, { provider, startsWork }: CallContext): Failure {
  const never = NEVER_CONNECTED.test(describe(error));
  return {
    kind: "transient",
    code: "provider_unavailable",
    message: never
      ? `${provider} cannot be reached. The request can be sent again later.`
      : `The connection to ${provider} broke. The request can be sent again later.`,
    mayHaveStarted: startsWork && !never,
  };
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error ? String(error.code) : "";
  const cause = error.cause instanceof Error ? describe(error.cause) : "";
  return `${code} ${error.message} ${cause}`;
}

export function permanent(code: TaskErrorCode, message: string): Failure {
  return { kind: "permanent", code, message };
}

/** The same of a job that has ended, as its provider says: nothing of it is left to be cancelled. */
export function ofEndedJob(failure: Failure): Failure {
  return failure.kind === "permanent" || failure.kind === "content_policy"
    ? { ...failure, jobOver: true }
    : failure;
}

/** The provider's reason as the tail of a sentence, empty where it gives none. */
export function reason(report: ErrorReport, { secrets }: CallContext): string {
  const said = quotable(report.message, secrets).replace(/[.\s]+$/, "");
  return said === "" ? "" : `: ${said}`;
}
