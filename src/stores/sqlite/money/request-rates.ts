/** How many requests keys made, for those with limits of them. */

import {
  isLimited,
  NO_REQUESTS,
  nearestRate,
  type RateDecision,
  type RateState,
  type RequestLimits,
  takeRequest,
} from "../../../accounts/money/request-rate.ts";
import type { RequestRate } from "../../../tasks/ports/start-refusal.ts";
import type { Sql } from "../../sql.ts";
import type { Transaction } from "../transaction.ts";

const STATE = "SELECT full_at, day, requests FROM request_rates WHERE key_id = ?";
const KEEP = `INSERT INTO request_rates (key_id, full_at, day, requests) VALUES (?1, ?2, ?3, ?4)
  ON CONFLICT (key_id) DO UPDATE SET full_at = ?2, day = ?3, requests = ?4`;

/** Whether the key may make one more request now; null when it has no limit. Writes nothing. */
export function decideRequests(
  { sql, now }: Transaction,
  keyId: string,
  limits: RequestLimits,
): RateDecision | null {
  return isLimited(limits) ? takeRequest(limits, rateStateOf(sql, keyId), now) : null;
}

/** Of the key's limits the one that is nearer to its end now; null where it has none. */
export function rateNow({ sql, now }: Transaction, keyId: string, limits: RequestLimits): RequestRate | null {
  return isLimited(limits) ? nearestRate(limits, rateStateOf(sql, keyId), now) : null;
}

export function rateStateOf(sql: Sql, keyId: string): RateState {
  const row = sql.get(STATE, keyId);
  if (row === null) return NO_REQUESTS;
  return { fullAt: row.full_at as number, day: row.day as number, requests: row.requests as number };
}

/** Keeps the state that was decided. */
export function keepRate(sql: Sql, keyId: string, { fullAt, day, requests }: RateState): void {
  sql.run(KEEP, keyId, fullAt, day, requests);
}
