/**
 * The port of what a session used, kept close by: where the store is far, it is told once a minute, and what a process counted since
 * then must outlive it.
 */

import type { Session, SessionCounters } from "../session-store.ts";
import type { VoiceOpening } from "../voice-admission.ts";

/** What a call is joined again by. JSON. */
export type JournalledCall = { readonly opening: VoiceOpening; readonly callId: string };

export interface SessionJournal {
  opened(session: Session): void;
  /** It goes on with another provider, and at another price. Absent where the price is looked up in the store. */
  moved?(session: Session): void;
  /** It is a call, and goes on without this process. Absent where nobody could join it again. */
  calling?(sessionId: string, call: JournalledCall): void;
  /** The call is being hung up for this reason. */
  ending?(sessionId: string, reason: string): void;
  /** What was used so far. MUST be durable soon after it returns, and MUST NOT throw. */
  keep(sessionId: string, counters: SessionCounters): void;
  /** The store has it all. */
  ended(sessionId: string): void;
}
