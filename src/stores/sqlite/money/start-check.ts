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
import { budgetsOf, customerBudgetOf, exceededBudget, limitsOf } from "./budgets.ts";
import { decideRequests, rateNow } from "./request-rates.ts";

/** The columns of a key that the checks read; the parameter is the customer. The table's name is `k`. */
export const CHECKED_COLUMNS = `k.enabled, k.expires_at, k.budgets, k.limits,
    (SELECT budget FROM customer_budgets WHERE key_id = k.id AND customer = ?) AS own_budget`;

/** What is to begin. */
export type Start = {
  readonly keyId: string;
  readonly customer: string | null;
  readonly reservedMicros: number;
};

/** Why the key may not start anything now; null when it may. */
export function keyRefusal(key: SqlRow | null, now: number): KeyRefused | null {
  if (key === null) return { outcome: "key_refused", reason: "unknown" };
  if (key.enabled !== 1) return { outcome: "key_refused", reason: "disabled" };
  const expired = key.expires_at !== null && (key.expires_at as number) <= now;
  return expired ? { outcome: "key_refused", reason: "expired" } : null;
}

/** What is to be kept of a request that is taken; null where the key has no limit of requests. */
export type TakenRate = { readonly state: RateState; readonly rate: RequestRate } | null;

/** Whether one more request may be made; `key` is the row with `CHECKED_COLUMNS`. */
export function checkRate(tx: Transaction, keyId: string, key: SqlRow): { taken: TakenRate } | StartRefusal {
  if (key.limits === null) return { taken: null };
  const decision = decideRequests(tx, keyId, limitsOf(key.limits));
  if (decision === null || decision.taken) return { taken: decision };
  const { rate, retryAfterMs } = decision;
  return { outcome: "rate_limited", rate, retryAfterMs };
}

/** What is left of the limits of requests of a key, for a refusal that counts none; `key` is the row with `CHECKED_COLUMNS`. */
export function rateLeft(tx: Transaction, keyId: string, { limits }: SqlRow): RequestRate | null {
  return limits === null ? null : rateNow(tx, keyId, limitsOf(limits));
}

/** The budget that what is to be held does not fit into; null when it fits. What is free fits also into one that is used up. */
export function checkBudgets(
  tx: Transaction,
  key: SqlRow,
  { keyId, customer, reservedMicros }: Start,
): BudgetExceeded | null {
  const { budgets, limits, own_budget: own } = key;
  if (reservedMicros === 0 || (budgets === null && limits === null && own === null)) return null;
  const { grants, customerBudget } = limitsOf(limits);
  const exceeded = exceededBudget(tx, {
    keyId,
    customer,
    budgets: budgetsOf(budgets),
    grants,
    customerBudget: customerBudgetOf(own) ?? customerBudget,
    amountMicros: reservedMicros,
  });
  return exceeded === null ? null : { ...exceeded, rate: rateLeft(tx, keyId, key) };
}
