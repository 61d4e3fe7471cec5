/**
 * The port of realtime sessions: a lease for each open one, so that limits hold over all processes and a crash frees
 * its places, and the counters from which its cost is reckoned. Lives in the same store as keys and money.
 */

import type { Json } from "../protocol/task.ts";
import type { BudgetExceeded, StartRefusal } from "../tasks/ports/start-refusal.ts";
import type { TenantScope } from "../tasks/task.ts";

/** Running totals of a session; each only rises. Names are the translators' own (`audioInMs`, `tokensOut`, …). */
export type SessionCounters = Readonly<Record<string, number>>;

export type SessionDraft = {
  /** UUIDv7, lower case. */
  id: string;
  keyId: string;
  /** The subject of the ephemeral key; `""` for the key itself. */
  subject: string;
  customer: string | null;
  provider: string;
  model: string;
  /** The name of the account under which the provider is reached; null or absent where it has only one. */
  account?: string | null;
  /** Held back for it until it is settled; `raiseHold` adds to it. */
  reservedMicros: number;
  /** The price by which it is settled, whatever the model costs by then; null for what is free. */
  price: Json;
};

export type Session = Omit<SessionDraft, "reservedMicros" | "account"> & {
  readonly account: string | null;
  readonly reservedMicros: number;
  readonly startedAt: number;
  /** Until when it is open without a renewal; null once it has ended. */
  readonly leaseUntil: number | null;
  /** Whoever opened it writes under this; a sweep that ends it raises it. */
  readonly fence: number;
  readonly counters: SessionCounters;
  readonly endedAt: number | null;
  readonly closeReason: string | null;
  readonly chargedMicros: number;
  /** The provider's id of the call whose sound goes past the gateway; null for a session of sockets. */
  readonly callId: string | null;
  /** False while its hold is not released. */
  readonly settled: boolean;
};

/** Why a session ended whose lease ran out. */
export const LOST_SESSION = "lost";
/**
 * A lost session that was not settled this long after it was handed out, because the process that was to do it ended too,
 * is handed out again, ms.
 */
export const SETTLE_LOST_SESSION_MS = 60_000;

/** Where a session goes that could not be had where it was to go first. */
export type SessionMove = Pick<Session, "provider" | "account" | "price">;

export type SessionLimits = { maxPerKey: number; max: number };

export type OpenSessionOutcome =
  | { outcome: "opened"; session: Session }
  /** As many are open as may: of the key, or in all. */
  | { outcome: "too_many"; limit: "key" | "all"; open: number }
  | StartRefusal;

export type RaiseHoldOutcome =
  /** As much is held now. */
  | { outcome: "raised"; reservedMicros: number }
  /** It has ended, or is another's. */
  | { outcome: "ended" }
  | BudgetExceeded;

export type SessionEnd = {
  closeReason: string;
  counters: SessionCounters;
  /**
   * What it came to. The key is charged for it within the hold; what is beyond is recorded as overrun. Null: that is not known yet;
   * it is settled by `settleSession`, or handed out by `endLostSessions` when nobody does so.
   */
  costMicros: number | null;
};

export interface SessionStore {
  /**
   * Checks the key, its requests, the limits of sessions and the budgets, in this order, and opens it under a lease, in one
   * step. The same id again answers the session as it is.
   */
  openSession(draft: SessionDraft, limits: SessionLimits, leaseMs: number): Promise<OpenSessionOutcome>;
  /** Prolongs the lease and keeps the counters given; others stay. False when it has ended meanwhile; nothing is written then. */
  renewSession(id: string, fence: number, leaseMs: number, counters: SessionCounters): Promise<boolean>;
  /** Keeps the provider's id of its call, by which anybody can hang up. False when it has ended; nothing is written then. */
  keepCall(id: string, fence: number, callId: string): Promise<boolean>;
  /** It goes on with another provider, account or price. False when it has ended; nothing is written then. */
  moveSession(id: string, fence: number, to: SessionMove): Promise<boolean>;
  /**
   * Holds back `reservedMicros` in all for an open session, where the budgets allow it; never less than before. Sent again it
   * does the same.
   */
  raiseHold(id: string, fence: number, reservedMicros: number): Promise<RaiseHoldOutcome>;
  /**
   * Ends it, and settles it where its cost is known: the hold is released, and the cost charged within it. False when it had ended already; nothing is
   * written then.
   */
  endSession(id: string, fence: number, end: SessionEnd): Promise<boolean>;
  /**
   * Ends those whose lease ran out, at most `limit`, unsettled: their hold stays until `settleSession`. Answers them with
   * the fence under which to settle them.
   */
  endLostSessions(limit: number): Promise<Session[]>;
  /**
   * Settles a session that has ended unsettled: releases its hold, charges the cost, and keeps the counters given. False when it was
   * settled, or is another's by now.
   */
  settleSession(id: string, fence: number, costMicros: number, counters?: SessionCounters): Promise<boolean>;
  /** Null when there is none in the scope. */
  getSession(scope: TenantScope, id: string): Promise<Session | null>;
  /** Newest first; `before` is the last id of the page before. */
  listSessions(
    scope: TenantScope,
    query: { open: boolean; limit: number; before: string | null },
  ): Promise<{ sessions: Session[]; hasMore: boolean }>;
  /** Open sessions of all keys, at most `limit`, those whose lease ends first before the others. */
  listOpenSessions(limit: number): Promise<Session[]>;
  /** A session whoever has it; null when there is none. */
  findSession(id: string): Promise<Session | null>;
}
