/** How many requests keys made, for those with limits of them. */

import {
  isLimited,
  nearestRate,
  type RateDecision,
  type RateState,
  type RequestLimits,
  takeRequest,
} from "../../../accounts/money/request-rate.ts";
import type { RequestRate } from "../../../tasks/ports/start-refusal.ts";
import type { Transaction } from "../transaction.ts";

/** Whether the key may make one more request now; null when it has no limit. Changes nothing. */
export function decideRequests(tx: Transaction, keyId: string, limits: RequestLimits): RateDecision | null {
  return isLimited(limits) ? takeRequest(limits, rateStateOf(tx, keyId), tx.now) : null;
}

/** Of the key's limits the one that is nearer to its end now; null where it has none. */
export function rateNow(tx: Transaction, keyId: string, limits: RequestLimits): RequestRate | null {
  return isLimited(limits) ? nearestRate(limits, rateStateOf(tx, keyId), tx.now) : null;
}

export function rateStateOf({ sql, money }: Transaction, keyId: string): RateState {
  return money.rates.state(sql, keyId);
}
