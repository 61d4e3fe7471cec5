/** What is held and was charged in a window, of a key or of one of its customers. */

import type { Balance, BudgetWindow } from "../../../accounts/ledger-store.ts";
import type { Sql } from "../../sql.ts";

/** In the column of customers: the balance of the whole key. */
export const NO_CUSTOMER = "";

const BALANCE =
  "SELECT reserved_micros, charged_micros FROM balances WHERE key_id = ? AND customer = ? AND period = ?";

/** Zeros where there was nothing. */
export function balanceOf(sql: Sql, keyId: string, customer: string | null, window: BudgetWindow): Balance {
  const row = sql.get(BALANCE, keyId, customer ?? NO_CUSTOMER, window);
  return {
    reservedMicros: (row?.reserved_micros as number | undefined) ?? 0,
    chargedMicros: (row?.charged_micros as number | undefined) ?? 0,
  };
}
