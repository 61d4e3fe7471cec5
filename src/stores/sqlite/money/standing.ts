/** How keys and their customers stand with their limits, and the budgets that customers have of their own. */

import {
  type Budget,
  dayNumberOf,
  grantedMicros,
  periodEnd,
  periodName,
  sameBudget,
} from "../../../accounts/money/budgets.ts";
import type {
  BudgetState,
  CustomerBudgetStep,
  CustomerStanding,
  KeyStanding,
} from "../../../accounts/money/ledger-store.ts";
import { ratesOf } from "../../../accounts/money/request-rate.ts";
import { writeAudit } from "../accounts/audit.ts";
import type { Transaction } from "../transaction.ts";
import { balanceOfPeriod } from "./balances.ts";
import { budgetsOf, customerBudgetOf, limitsOf } from "./key-limits.ts";
import { rateStateOf } from "./request-rates.ts";
import { reachedBefore } from "./thresholds.ts";

const KEY = "SELECT budgets, limits FROM keys WHERE id = ?";
const OWN = "SELECT budget FROM customer_budgets WHERE key_id = ? AND customer = ?";

export function keyStanding(tx: Transaction, keyId: string): KeyStanding | null {
  const { sql, now } = tx;
  const row = sql.get(KEY, keyId);
  if (row === null) return null;
  const limits = limitsOf(row.limits);
  const granted = grantedMicros(limits.grants, now);
  return {
    at: now,
    budgets: budgetsOf(row.budgets).map((budget) => stateOf(tx, keyId, null, budget, granted)),
    rates: ratesOf(limits, rateStateOf(tx, keyId), now),
  };
}

export function customerStanding(tx: Transaction, keyId: string, customer: string): CustomerStanding | null {
  const row = tx.sql.get(KEY, keyId);
  if (row === null) return null;
  const own = customerBudgetOf(tx.sql.get(OWN, keyId, customer)?.budget);
  const budget = own ?? limitsOf(row.limits).customerBudget;
  return { own, budget: budget === null ? null : stateOf(tx, keyId, customer, budget, 0) };
}

export function setCustomerBudget(
  tx: Transaction,
  keyId: string,
  customer: string,
  budget: Budget | null,
  { before, audit }: CustomerBudgetStep = {},
): "set" | "missing" | "stale" {
  const { sql, money } = tx;
  if (sql.get(KEY, keyId) === null) return "missing";
  const own = customerBudgetOf(sql.get(OWN, keyId, customer)?.budget);
  if (before !== undefined && !sameBudget(own, before)) return "stale";
  writeAudit(tx, audit ?? null);
  money.limits.forget();
  if (budget === null) {
    sql.run("DELETE FROM customer_budgets WHERE key_id = ? AND customer = ?", keyId, customer);
    return "set";
  }
  sql.run(
    "INSERT OR REPLACE INTO customer_budgets (key_id, customer, budget) VALUES (?, ?, ?)",
    keyId,
    customer,
    JSON.stringify(budget),
  );
  return "set";
}

function stateOf(
  tx: Transaction,
  keyId: string,
  customer: string | null,
  { limitMicros, period }: Budget,
  granted: number,
): BudgetState {
  const day = dayNumberOf(tx.now);
  const { reservedMicros, chargedMicros } = balanceOfPeriod(tx, keyId, customer, period, day);
  return {
    limitMicros,
    period,
    grantedMicros: granted,
    reservedMicros,
    chargedMicros,
    resetsAt: periodEnd(period, day),
    reached: reachedBefore(tx.sql, { keyId, customer, period, window: periodName(period, day) }),
  };
}
