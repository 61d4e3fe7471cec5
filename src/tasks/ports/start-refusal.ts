/** Why a store does not let a key begin something: a task, or a session. Looked at in the step that would begin it. */

import type { BudgetPeriod } from "../../protocol/key.ts";

/** A limit of requests and what is left of it. */
export type RequestRate = {
  readonly per: "minute" | "day";
  readonly limit: number;
  readonly remaining: number;
  /** Until all of it is free again, ms. */
  readonly resetMs: number;
};

/** The key was disabled, expired or deleted meanwhile. */
export type KeyRefused = { outcome: "key_refused"; reason: "disabled" | "expired" | "unknown" };

/** The key has made as many requests as it may for now. */
export type RateLimited = { outcome: "rate_limited"; rate: RequestRate; retryAfterMs: number };

/** What is to be held back does not fit into a budget, of which this much is used. */
export type BudgetExceeded = {
  outcome: "budget_exceeded";
  period: BudgetPeriod;
  /** Whose budget; null: the key's own. */
  customer: string | null;
  /** With the grants that hold now. */
  limitMicros: number;
  chargedMicros: number;
  reservedMicros: number;
  /** When the period is over, ms since the epoch; null: never. */
  resetsAt: number | null;
  /** Of the key's limits of requests the one that is nearer to its end; null where it has none. What is refused counts nothing. */
  rate: RequestRate | null;
};

export type StartRefusal = KeyRefused | RateLimited | BudgetExceeded;
