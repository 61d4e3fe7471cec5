/**
 * The port of what a session used, kept close by: where the store is far, it is told once a minute, and what a process counted since
 * then must outlive it.
 */

import type { Session, SessionCounters } from "../session-store.ts";

export interface SessionJournal {
  /** `modelName`: the full name of its model, by which it is priced. */
  opened(session: Session, modelName: string): void;
  /** What was used so far. MUST be durable soon after it returns, and MUST NOT throw. */
  keep(sessionId: string, counters: SessionCounters): void;
  /** The store has it all. */
  ended(sessionId: string): void;
}
