/** Takes a session's place and money in the store. */

import { ApiError } from "../protocol/error.ts";
import { startRefused } from "../tasks/refusals.ts";
import { type VoiceHealth, VoiceRoute, type VoiceWay } from "./routing/voice-route.ts";
import type { VoiceSessionLimits } from "./session/session.ts";
import type { Session, SessionLimits, SessionMove, SessionStore } from "./session-store.ts";
import type { SessionPlan } from "./translator.ts";
import { storedPrice } from "./usage/session-price.ts";
import type { VoiceOpening } from "./voice-admission.ts";
import type { VoiceModels } from "./voice-models.ts";

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

/** What a session is about, wherever it goes. */
export function outlineOf({
  draft,
  model,
  intent,
  session,
}: VoiceOpening): Omit<SessionPlan, "providerModel" | "endpoint"> {
  return { sessionId: `sess_${draft.id}`, model, intent, session, customer: draft.customer };
}

export function planOf(opening: VoiceOpening, { model, endpoint }: VoiceWay): SessionPlan {
  return { ...outlineOf(opening), providerModel: model.providerModel, endpoint };
}

/** The ways of an admitted session, their providers prepared. Rejects with what is wrong with the models, and when one cannot be loaded. */
export async function voiceRouteOf(
  { modelName, fallbacks }: Pick<VoiceOpening, "modelName" | "fallbacks">,
  models: Pick<VoiceModels, "resolve">,
  health: VoiceHealth,
): Promise<VoiceRoute> {
  const candidates = [modelName, ...fallbacks].map((name) => models.resolve(name));
  await Promise.all(candidates.map(({ provider }) => provider.prepare?.()));
  return new VoiceRoute(candidates, health);
}

/** The opening as it is on that way. */
export function openingOn(opening: VoiceOpening, way: VoiceWay): VoiceOpening {
  return { ...opening, modelName: way.model.name, draft: { ...opening.draft, ...moveTo(way) } };
}

/** What a session's record says of the way it goes. */
export function moveTo({ model, account }: VoiceWay): SessionMove {
  return { provider: model.provider.name, account, price: storedPrice(model.price) };
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
