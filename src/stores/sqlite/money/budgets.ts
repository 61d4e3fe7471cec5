/** Budgets of keys and their customers as columns, and whether an amount fits into them: asked in the step that holds it back. */

import type { VirtualKey } from "../../../accounts/keys/virtual-key.ts";
import {
  type Budget,
  dayNumberOf,
  type Grant,
  grantedMicros,
  periodEnd,
  windowsIn,
} from "../../../accounts/money/budgets.ts";
import type { RequestLimits } from "../../../accounts/money/request-rate.ts";
import type { BudgetExceeded } from "../../../tasks/ports/start-refusal.ts";
import type { SqlValue } from "../../sql.ts";
import type { Transaction } from "../transaction.ts";
import { NO_CUSTOMER } from "./balances.ts";
import type { PendingAccount } from "./pending-balances.ts";

/** Limits of a key besides its budgets, as they stand in a column of their own. */
export type KeyLimits = RequestLimits & {
  readonly grants: readonly Grant[];
  readonly customerBudget: Budget | null;
};

const NO_LIMITS: KeyLimits = {
  grants: [],
  customerBudget: null,
  requestsPerMinute: null,
  requestsPerDay: null,
};

/** Columns that were read lately: every create of a key reads the same ones. */
const known = new Map<string, unknown>();
const MAX_KNOWN = 1_000;

/** The value of a column; it is shared, so nobody changes it. */
function read<T>(column: string): T {
  const before = known.get(column);
  if (before !== undefined) return before as T;
  const value = JSON.parse(column) as T;
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(column, value);
  return value;
}

/** Null where there are none. */
export function budgetsText(budgets: readonly Budget[]): string | null {
  return budgets.length === 0 ? null : JSON.stringify(budgets);
}

export function budgetsOf(column: SqlValue | undefined): readonly Budget[] {
  return typeof column === "string" ? read<readonly Budget[]>(column) : [];
}

/** Null where the key has none of these limits. */
export function limitsText(key: Pick<VirtualKey, keyof KeyLimits>): string | null {
  const { grants, customerBudget, requestsPerMinute, requestsPerDay } = key;
  if (grants.length === 0 && (customerBudget ?? requestsPerMinute ?? requestsPerDay) === null) return null;
  return JSON.stringify({ grants, customerBudget, requestsPerMinute, requestsPerDay } satisfies KeyLimits);
}

export function limitsOf(column: SqlValue | undefined): KeyLimits {
  return typeof column === "string" ? read<KeyLimits>(column) : NO_LIMITS;
}

export function customerBudgetOf(column: SqlValue | undefined): Budget | null {
  return typeof column === "string" ? (JSON.parse(column) as Budget) : null;
}

/** Whose money it is, what limits it, and what is asked of it. */
export type Spending = {
  readonly keyId: string;
  readonly customer: string | null;
  readonly budgets: readonly Budget[];
  readonly grants: readonly Grant[];
  /** The budget that counts for the customer; null: no limit. */
  readonly customerBudget: Budget | null;
  readonly amountMicros: number;
};

/** Which budget, and what is used of it. */
export type FullBudget = Omit<BudgetExceeded, "rate">;

/** The first budget that the amount does not fit into, the key's before the customer's; null when it fits. */
export function exceededBudget(tx: Transaction, spending: Spending): FullBudget | null {
  const { keyId, customer, budgets, grants, customerBudget, amountMicros } = spending;
  const granted = grantedMicros(grants, tx.now);
  if (budgets.length > 0) {
    const ofKey = tx.money.balances.of(keyId, NO_CUSTOMER);
    for (const { limitMicros, period } of budgets) {
      const found = exceeded(tx, ofKey, { limitMicros: limitMicros + granted, period }, amountMicros);
      if (found !== null) return found;
    }
  }
  if (customer === null || customerBudget === null) return null;
  const found = exceeded(tx, tx.money.balances.of(keyId, customer), customerBudget, amountMicros);
  return found === null ? null : { ...found, customer };
}

function exceeded(
  { sql, now }: Transaction,
  account: PendingAccount,
  { limitMicros, period }: Budget,
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
