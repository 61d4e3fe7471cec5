/** The domain events of voice sessions. */

import type { SessionDomainEvent } from "../protocol/domain-event.ts";
import type { Session, SessionDraft } from "../realtime/session-store.ts";

type Identity = Pick<Session, "id" | "keyId" | "subject" | "customer" | "model" | "provider">;

/** The session was opened. */
export function sessionStarted(session: SessionDraft, at: number): SessionDomainEvent {
  const { id, reservedMicros } = session;
  const data = { ...named(session), reservedMicros };
  return { id: `${id}/started`, type: "RealtimeSessionStarted", at, ...owner(session), data };
}

/** It ended, or was found to be lost. What it is charged is told when that is settled. */
export function sessionEnded(session: Session, at: number): SessionDomainEvent {
  const { id, startedAt, closeReason, counters } = session;
  const data = { ...named(session), startedAt, reason: closeReason ?? "", counters };
  return { id: `${id}/ended`, type: "RealtimeSessionEnded", at, ...owner(session), data };
}

function owner({ keyId, customer }: Identity) {
  return { keyId, customer };
}

function named({ id, subject, model, provider }: Identity) {
  return { sessionId: id, subject, model, provider };
}
