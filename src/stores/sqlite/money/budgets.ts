/** Budgets of keys as a column, and whether an amount fits into them: asked in the step that holds it back. */

import type { Balance, Budget } from "../../../accounts/ledger-store.ts";
import type { Sql, SqlValue } from "../../sql.ts";
import { balanceOf } from "./balances.ts";

/** Null where there are none. */
export function budgetsText(budgets: readonly Budget[]): string | null {
  return budgets.length === 0 ? null : JSON.stringify(budgets);
}

export function budgetsOf(column: SqlValue | undefined): readonly Budget[] {
  return typeof column === "string" ? (JSON.parse(column) as Budget[]) : [];
}

/** The first budget of the key that the amount does not fit into, and what is used of it; null when it fits. */
export function exceededBudget(
  sql: Sql,
  keyId: string,
  budgets: readonly Budget[],
  amountMicros: number,
): (Pick<Budget, "limitMicros"> & Balance) | null {
  for (const { limitMicros, period } of budgets) {
    const balance = balanceOf(sql, keyId, null, period);
    if (balance.chargedMicros + balance.reservedMicros + amountMicros > limitMicros)
      return { limitMicros, ...balance };
  }
  return null;
}
