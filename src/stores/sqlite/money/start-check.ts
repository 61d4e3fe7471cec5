/** What is looked at before a key begins a task or a session, whatever a cache said. Nothing is written here. */

import type { RateState } from "../../../accounts/money/request-rate.ts";
import type {
  BudgetExceeded,
  KeyRefused,
  RequestRate,
  StartRefusal,
} from "../../../tasks/ports/start-refusal.ts";
import type { SqlRow } from "../../sql.ts";
import type { Transaction } from "../transaction.ts";
import { exceededBudget, type Spending } from "./budgets.ts";
import { decideRequests, rateNow } from "./request-rates.ts";

/** Why the key may not start anything now; null when it may. `key` is its row. */
export function keyRefusal(key: SqlRow | null, now: number): KeyRefused | null {
  if (key === null) return { outcome: "key_refused", reason: "unknown" };
  if (key.enabled !== 1) return { outcome: "key_refused", reason: "disabled" };
  const expired = key.expires_at !== null && (key.expires_at as number) <= now;
  return expired ? { outcome: "key_refused", reason: "expired" } : null;
}

/** What is to be kept of a request that is taken; null where the key has no limit of requests. */
export type TakenRate = { readonly state: RateState; readonly rate: RequestRate } | null;

/** Whether one more request of the key may be made. */
export function checkRate(tx: Transaction, keyId: string): { taken: TakenRate } | StartRefusal {
  const decision = decideRequests(tx, keyId, tx.money.limits.of(tx.sql, keyId));
  if (decision === null || decision.taken) return { taken: decision };
  const { rate, retryAfterMs } = decision;
  return { outcome: "rate_limited", rate, retryAfterMs };
}

/** What is left of the limits of requests of a key, for a refusal that counts none. */
export function rateLeft(tx: Transaction, keyId: string): RequestRate | null {
  return rateNow(tx, keyId, tx.money.limits.of(tx.sql, keyId));
}

/** The budget that what is to be held does not fit into; null when it fits. What is free fits also into one that is used up. */
export function checkBudgets(tx: Transaction, spending: Spending): BudgetExceeded | null {
  if (spending.reservedMicros === 0) return null;
  const exceeded = exceededBudget(tx, spending);
  return exceeded === null ? null : { ...exceeded, rate: rateLeft(tx, spending.keyId) };
}
