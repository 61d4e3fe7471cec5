/** What clients are told when a store does not begin what they asked for. */

import { ApiError } from "../protocol/error.ts";
import { dollarText } from "./dollars.ts";
import type { BudgetExceeded, KeyRefused, RateLimited, StartRefusal } from "./ports/start-refusal.ts";
import type { CreateOutcome } from "./ports/task-store.ts";
import { rateHeaders } from "./rate-headers.ts";
import type { Tenant } from "./task.ts";

/** Seconds a client is asked to wait when the queue of its key is full. */
const QUEUE_FULL_RETRY_SECONDS = 10;
const MS_PER_SECOND = 1_000;

/** The outcomes of the create step that make no task and answer none. */
export type CreationRefusal = Exclude<CreateOutcome, { outcome: "created" | "replayed" }>;

/**
 * The error of a refusal; `wantedMicros` is what the request of `tenant` would have held back. What its key has spent on all its
 * subjects together is not told to one of them.
 */
export function creationRefused(refusal: CreationRefusal, wantedMicros: number, tenant: Tenant): ApiError {
  switch (refusal.outcome) {
    case "conflict":
      return keyReused();
    case "queue_full":
      return new ApiError(
        "queue_full",
        `${refusal.queued} tasks of this key are waiting, which is as many as may. Wait for some to start, or cancel some.`,
        { retryAfterSeconds: QUEUE_FULL_RETRY_SECONDS, headers: rateHeaders(refusal.rate) },
      );
    default:
      return startRefused(refusal, wantedMicros, tenant);
  }
}

export function keyReused(): ApiError {
  return new ApiError(
    "idempotency_key_reused",
    "This Idempotency-Key was used with another body. Send a new key for a new request, or the same body to repeat it.",
  );
}

/** The error for what a key's own limits do not allow. */
export function startRefused(
  refusal: StartRefusal,
  wantedMicros: number,
  { subject }: Pick<Tenant, "subject">,
): ApiError {
  switch (refusal.outcome) {
    case "key_refused":
      return keyRefused(refusal.reason);
    case "rate_limited":
      return rateLimited(refusal);
    case "budget_exceeded":
      return subject !== "" && refusal.customer === null
        ? sharedBudgetExceeded(refusal, wantedMicros)
        : budgetExceeded(refusal, wantedMicros);
  }
}

function rateLimited({ rate, retryAfterMs }: RateLimited): ApiError {
  const seconds = Math.max(1, Math.ceil(retryAfterMs / MS_PER_SECOND));
  const limit = rate.per === "day" ? `${rate.limit} a day (UTC)` : `${rate.limit} a minute`;
  return new ApiError(
    "rate_limit_exceeded",
    `This key may make ${limit} of requests that create something, and has made them. Try again in ${seconds} s, or have an administrator raise the limit.`,
    { retryAfterSeconds: seconds, headers: rateHeaders(rate) },
  );
}

function budgetExceeded(budget: BudgetExceeded, wantedMicros: number): ApiError {
  const { limitMicros, chargedMicros, reservedMicros, period, customer, resetsAt } = budget;
  const left = Math.max(0, limitMicros - chargedMicros - reservedMicros);
  const whose = customer === null ? "the key's" : "this customer's";
  const amount = (micros: number) => `$${dollarText(micros)}`;
  const begins =
    resetsAt === null ? "" : ` The budget begins anew at ${new Date(resetsAt).toISOString()} (UTC).`;
  return new ApiError(
    "budget_exceeded",
    `This request may cost ${amount(wantedMicros)}, and ${amount(left)} is left of ${whose} ${period} budget of ${amount(limitMicros)}: ${amount(chargedMicros)} was charged and ${amount(reservedMicros)} is reserved for unfinished tasks.${begins} Ask for less, wait for those to end, or have an administrator raise the budget. POST /v1/estimate tells what a request may cost.`,
    { headers: rateHeaders(budget.rate) },
  );
}

function sharedBudgetExceeded({ rate }: BudgetExceeded, wantedMicros: number): ApiError {
  return new ApiError(
    "budget_exceeded",
    `This request may cost $${dollarText(wantedMicros)}, which is more than is left of the budget it would be paid from. Ask for less, or ask whoever gave you this key.`,
    { headers: rateHeaders(rate) },
  );
}

function keyRefused(reason: KeyRefused["reason"]): ApiError {
  switch (reason) {
    case "disabled":
      return new ApiError("key_disabled", "This API key is disabled. An administrator can enable it again.");
    case "expired":
      return new ApiError("expired_api_key", "This API key has expired. Use a key that is still valid.");
    case "unknown":
      return new ApiError("invalid_api_key", "The API key is not known here any more.");
  }
}
