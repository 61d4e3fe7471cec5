/** What a client is told when the provider does not take its offer. */

import { ApiError } from "../../protocol/error.ts";
import type { OfferOutcome } from "./call-http.ts";

/** Statuses that are about the offer or the session's configuration. */
const OF_THE_OFFER: ReadonlySet<number | null> = new Set([400, 413, 415, 422]);
/** `Retry-After` where the provider names none, seconds. */
const RETRY_SECONDS = 5;

export function offerRefused({
  status,
  retryAfterSeconds,
}: Extract<OfferOutcome, { outcome: "refused" }>): ApiError {
  if (status === null)
    return new ApiError("timeout", "The provider did not answer the offer in time. Try again.", {
      retryAfterSeconds: RETRY_SECONDS,
    });
  if (OF_THE_OFFER.has(status))
    return new ApiError(
      "invalid_parameter",
      `The provider refused the offer or the session's configuration (status ${status}). Send the SDP offer of an RTCPeerConnection as it is, and a session of fields that the model takes.`,
      { param: "sdp" },
    );
  if (status === 429)
    return new ApiError(
      "rate_limit_exceeded",
      "The provider takes no more calls at the moment. Try again later.",
      {
        retryAfterSeconds: retryAfterSeconds ?? RETRY_SECONDS,
      },
    );
  if (status === 401 || status === 403)
    return new ApiError(
      "provider_error",
      "The provider refused the gateway's account. Whoever runs the gateway has to look at its key.",
      { shouldRetry: false },
    );
  if (status >= 200 && status < 300)
    return new ApiError(
      "provider_error",
      "The provider's answer has no SDP, or does not name the call, so that the call could not be metered.",
      { shouldRetry: false },
    );
  return new ApiError("provider_error", `The provider did not take the call (status ${status}). Try again.`, {
    retryAfterSeconds: retryAfterSeconds ?? RETRY_SECONDS,
  });
}
