/** Limits of keys, and budgets of customers, as columns. */

import type { VirtualKey } from "../../../accounts/keys/virtual-key.ts";
import type { Budget, Grant } from "../../../accounts/money/budgets.ts";
import type { RequestLimits } from "../../../accounts/money/request-rate.ts";
import type { SqlValue } from "../../sql.ts";

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
