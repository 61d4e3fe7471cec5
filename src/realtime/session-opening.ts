/** Takes a session's place and money in the store. */

import { ApiError } from "../protocol/error.ts";
import { startRefused } from "../tasks/refusals.ts";
import type { VoiceSessionLimits } from "./session/session.ts";
import type { Session, SessionLimits, SessionStore } from "./session-store.ts";
import type { SessionPlan } from "./translator.ts";
import type { VoiceOpening } from "./voice-admission.ts";
import type { VoiceModel } from "./voice-models.ts";

/** Limits of sessions, and how their records are kept. */
export type VoiceServiceOptions = VoiceSessionLimits &
  SessionLimits & {
    readonly leaseMs: number;
    readonly keepMs: number;
    readonly renewMs: number;
  };

/** `Retry-After` of a refused session, seconds. */
const RETRY_SECONDS = 5;

/** Rejects with `too_many_connections`, `budget_exceeded`, `rate_limit_exceeded` or what is wrong with the key. */
export async function openInStore(
  store: Pick<SessionStore, "openSession">,
  { draft }: Pick<VoiceOpening, "draft">,
  limits: SessionLimits,
  leaseMs: number,
): Promise<Session> {
  const outcome = await store.openSession(draft, limits, leaseMs);
  if (outcome.outcome === "opened") return outcome.session;
  if (outcome.outcome === "too_many") throw tooMany(outcome.limit, outcome.open);
  throw startRefused(outcome, draft.reservedMicros, draft);
}

export function planOf(opening: VoiceOpening, model: VoiceModel): SessionPlan {
  return {
    sessionId: `sess_${opening.draft.id}`,
    model: opening.model,
    providerModel: model.providerModel,
    intent: opening.intent,
    session: opening.session,
    endpoint: model.endpoint,
    customer: opening.draft.customer,
  };
}

/** What is answered while the process stops. */
export function stopping(): ApiError {
  return new ApiError("overloaded", "The server is shutting down. Connect again.", { retryAfterSeconds: 1 });
}

function tooMany(limit: "key" | "all", open: number): ApiError {
  const message =
    limit === "key"
      ? `This key has ${open} voice sessions open, as many as it may. End one: GET /v1/realtime/connections lists them.`
      : "As many voice sessions are open as this gateway takes. Try again later.";
  return new ApiError("too_many_connections", message, { retryAfterSeconds: RETRY_SECONDS });
}
