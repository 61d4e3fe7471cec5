/** Why a provider could not be had for a session, and where it may be looked for next. */

import type { CallOutcome } from "../../tasks/engine/provider-health.ts";

export type WayFailure =
  /** `status` as the dialer told it: null when there was no answer. */
  | { readonly kind: "refused"; readonly status: number | null; readonly retryAfterMs: number | null }
  /** It took the session and closed it before anything was said. */
  | { readonly kind: "closed"; readonly code: number }
  /** It took the session and said nothing in time. */
  | { readonly kind: "silent" };

/**
 * What the failure is about: `account`, all that is done under it; `rate`, this model under this account; `address`, all that is
 * reached there; `service`, this model at this address; `model`, this model. `session`: what was asked for, which is no better
 * elsewhere.
 */
export type FailureScope = "account" | "rate" | "address" | "service" | "model" | "session";

const REFUSED_ACCOUNT: ReadonlySet<number> = new Set([401, 402, 403]);
const NO_SUCH_MODEL: ReadonlySet<number> = new Set([404, 410]);
/** A normal end, and closes that say that what was sent is wrong. */
const OF_THE_SESSION: ReadonlySet<number> = new Set([1000, 1002, 1003, 1005, 1007, 1009]);
const POLICY = 1008;
/** Codes from here on are the provider's own; OpenAI's say what is wrong with the key. */
const OWN_CODES = 3000;

export function scopeOf(failure: WayFailure): FailureScope {
  if (failure.kind === "silent") return "service";
  if (failure.kind === "closed") {
    if (OF_THE_SESSION.has(failure.code)) return "session";
    return failure.code === POLICY || failure.code >= OWN_CODES ? "account" : "service";
  }
  const { status } = failure;
  if (status === 429) return "rate";
  if (status === null) return "address";
  if (status === 408 || status >= 500) return "service";
  if (REFUSED_ACCOUNT.has(status)) return "account";
  return NO_SUCH_MODEL.has(status) ? "model" : "session";
}

/** The same as what is known of the account afterwards. A close says too little to let it rest. */
export function outcomeOf(failure: WayFailure): CallOutcome {
  const scope = scopeOf(failure);
  if (scope === "address" || scope === "service")
    return {
      kind: "failed",
      failure: { kind: "transient", code: "provider_unavailable", message: "no session was had" },
    };
  if (failure.kind !== "refused") return { kind: "answered" };
  const { status, retryAfterMs } = failure;
  if (scope === "rate")
    return {
      kind: "failed",
      failure: {
        kind: "rate_limited",
        message: "the provider takes no more sessions",
        ...(retryAfterMs !== null && { retryAfterMs }),
      },
    };
  if (scope !== "account") return { kind: "answered" };
  const code = status === 402 ? "provider_quota" : "provider_auth";
  return { kind: "failed", failure: { kind: "permanent", code, message: "the account was refused" } };
}
