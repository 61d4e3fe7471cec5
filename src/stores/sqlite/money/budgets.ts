/** Whether an amount fits into the budgets of a key and its customer: asked in the step that holds it back. */

import { dayNumberOf, grantedMicros, periodEnd, windowsIn } from "../../../accounts/money/budgets.ts";
import type { BudgetPeriod } from "../../../protocol/key.ts";
import type { BudgetExceeded } from "../../../tasks/ports/start-refusal.ts";
import type { Transaction } from "../transaction.ts";
import { NO_CUSTOMER } from "./balances.ts";
import type { PendingAccount } from "./pending-balances.ts";

/** Whose money it is, and what is asked of it. */
export type Spending = {
  readonly keyId: string;
  readonly customer: string | null;
  readonly reservedMicros: number;
};

/** Which budget, and what is used of it. */
export type FullBudget = Omit<BudgetExceeded, "rate">;

/** The first budget that the amount does not fit into, the key's before the customer's; null when it fits. */
export function exceededBudget(tx: Transaction, spending: Spending): FullBudget | null {
  const { sql, money, now } = tx;
  const { keyId, customer, reservedMicros } = spending;
  const { budgets, grants } = money.limits.of(sql, keyId);
  if (budgets.length > 0) {
    const granted = grantedMicros(grants, now);
    const ofKey = money.balances.of(keyId, NO_CUSTOMER);
    for (const { limitMicros, period } of budgets) {
      const found = exceeded(tx, ofKey, period, limitMicros + granted, reservedMicros);
      if (found !== null) return found;
    }
  }
  const own = customer === null ? null : money.limits.ofCustomer(sql, keyId, customer);
  if (customer === null || own === null) return null;
  const ofCustomer = money.balances.of(keyId, customer);
  const found = exceeded(tx, ofCustomer, own.period, own.limitMicros, reservedMicros);
  return found === null ? null : { ...found, customer };
}

function exceeded(
  { sql, now }: Transaction,
  account: PendingAccount,
  period: BudgetPeriod,
  limitMicros: number,
  amountMicros: number,
): FullBudget | null {
  const day = dayNumberOf(now);
  const { first, last } = windowsIn(period, day);
  const { chargedMicros, reservedMicros } = account.sum(sql, first, last);
  if (chargedMicros + reservedMicros + amountMicros <= limitMicros) return null;
  return {
    outcome: "budget_exceeded",
    period,
    customer: null,
    limitMicros,
    chargedMicros,
    reservedMicros,
    resetsAt: periodEnd(period, day),
  };
}
