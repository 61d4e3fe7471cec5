/** Failures on purpose. They depend on the options and on what is stored, so that a restart changes nothing. */

import type { Failure } from "../../tasks/ports/media-provider.ts";
import type { RehearsalOptions } from "./options.ts";
import type { LocalState } from "./state.ts";

/** The failure that is due once step `step` begins; null when none is, or it has happened often enough. */
export function rehearsedFailure(
  { options, attempt }: { options: RehearsalOptions; attempt: number },
  state: LocalState,
  step: number,
): Failure | null {
  const { failAt, fail, failAttempts, retryAfterMs } = options;
  if (failAt === null || step < failAt) return null;
  const message = `Rehearsed ${fail} failure at step ${failAt}, as provider_options asked`;
  switch (fail) {
    case "permanent":
      return { kind: "permanent", code: "provider_error", message, jobOver: true };
    case "content_policy":
      return { kind: "content_policy", message, jobOver: true };
    case "transient":
      // It is the job that fails: what was painted so far is kept for the next attempt.
      return attempt <= failAttempts
        ? { kind: "transient", code: "provider_unavailable", message, jobFailed: true }
        : null;
    case "rate_limit":
      // Being turned away uses no attempt, so the state counts.
      return state.refusals < failAttempts
        ? { kind: "rate_limited", message, retryAfterMs, jobFailed: true }
        : null;
  }
}
