/** How it is said that the store's create step refused. */

import { ApiError } from "../protocol/error.ts";
import { dollarText } from "./dollars.ts";
import type { CreateOutcome } from "./ports/task-store.ts";

/** The outcomes of the create step that make no task and answer none. */
export type CreationRefusal = Exclude<CreateOutcome, { outcome: "created" | "replayed" }>;

/** Seconds a client is asked to wait when the queue of its key is full. */
const QUEUE_FULL_RETRY_SECONDS = 10;

/** The error of a refusal; `wantedMicros` is what the request would have held back. */
export function creationRefused(refusal: CreationRefusal, wantedMicros: number): ApiError {
  switch (refusal.outcome) {
    case "conflict":
      return keyReused();
    case "queue_full":
      return new ApiError(
        "queue_full",
        `${refusal.queued} tasks of this key are waiting, which is as many as may. Wait for some to start, or cancel some.`,
        { retryAfterSeconds: QUEUE_FULL_RETRY_SECONDS },
      );
    case "budget_exceeded":
      return budgetExceeded(wantedMicros, refusal);
    case "key_refused":
      return keyRefused(refusal.reason);
  }
}

export function keyReused(): ApiError {
  return new ApiError(
    "idempotency_key_reused",
    "This Idempotency-Key was used with another body. Send a new key for a new request, or the same body to repeat it.",
  );
}

function budgetExceeded(
  wantedMicros: number,
  budget: Extract<CreateOutcome, { outcome: "budget_exceeded" }>,
): ApiError {
  const { limitMicros, chargedMicros, reservedMicros } = budget;
  const left = Math.max(0, limitMicros - chargedMicros - reservedMicros);
  return new ApiError(
    "budget_exceeded",
    `This request may cost $${dollarText(wantedMicros)}, and $${dollarText(left)} is left of the key's budget of $${dollarText(limitMicros)}: $${dollarText(chargedMicros)} was charged and $${dollarText(reservedMicros)} is reserved for unfinished tasks. Ask for less, wait for those to end, or have an administrator raise the budget. POST /v1/estimate tells what a request may cost.`,
  );
}

function keyRefused(reason: "disabled" | "expired" | "unknown"): ApiError {
  switch (reason) {
    case "disabled":
      return new ApiError("key_disabled", "This API key is disabled. An administrator can enable it again.");
    case "expired":
      return new ApiError("expired_api_key", "This API key has expired. Use a key that is still valid.");
    case "unknown":
      return new ApiError("invalid_api_key", "The API key is not known here any more.");
  }
}
