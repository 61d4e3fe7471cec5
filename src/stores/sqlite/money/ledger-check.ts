/** Reckoning the balances of a key anew from its ledger and its holds. It only reads, and needs nothing but the SQL. */

import type { BalanceCheck } from "../../../accounts/money/ledger-store.ts";
import { LedgerSums, type StoredBalance } from "../../../accounts/money/ledger-sums.ts";
import type { Sql, SqlValue } from "../../sql.ts";
import { NO_CUSTOMER } from "./balances.ts";
import { windowsOf } from "./settlement.ts";

const NEXT_KEY = "SELECT key_id FROM balances WHERE key_id > ? ORDER BY key_id LIMIT 1";
const BALANCES =
  "SELECT customer, period, reserved_micros, charged_micros, opening_micros FROM balances WHERE key_id = ?";
const CHARGES = `SELECT customer, windows, sum(charged_micros) AS micros FROM movements WHERE key_id = ?
  GROUP BY customer, windows`;
/** A task whose fixed fields are damaged holds its money for the whole key alone, as far as anybody can tell. */
const TASK_HOLDS = `SELECT customer, windows, sum(micros) AS micros FROM (
    SELECT iif(json_valid(spec), json_extract(spec, '$.customer'), NULL) AS customer, windows, reserved_micros AS micros
    FROM (SELECT coalesce(spec, (SELECT spec FROM specs WHERE task_no = no)) AS spec, windows, reserved_micros FROM tasks
      WHERE key_id = ? AND settled = 0 AND reserved_micros > 0)
  ) GROUP BY customer, windows`;
const SESSION_HOLDS = `SELECT customer, windows, sum(reserved_micros) AS micros FROM sessions
  WHERE key_id = ? AND settled = 0 AND reserved_micros > 0 GROUP BY customer, windows`;

/** At most `limit` keys that have balances, in the order of their ids. */
export function balanceKeys(
  sql: Sql,
  after: string | null,
  limit: number,
): { keyIds: readonly string[]; next: string | null } {
  const keyIds: string[] = [];
  let last = after ?? "";
  while (keyIds.length < limit) {
    const row = sql.get(NEXT_KEY, last);
    if (row === null) return { keyIds, next: null };
    last = row.key_id as string;
    keyIds.push(last);
  }
  return { keyIds, next: last };
}

export function checkSqliteBalances(sql: Sql, keyId: string): BalanceCheck {
  const sums = new LedgerSums();
  for (const { customer, windows, micros } of sql.all(CHARGES, keyId))
    sums.addCharge(textOrNull(customer), windowsOf(windows), micros as number);
  for (const holds of [TASK_HOLDS, SESSION_HOLDS])
    for (const { customer, windows, micros } of sql.all(holds, keyId))
      sums.addHold(textOrNull(customer), windowsOf(windows), micros as number);
  const balances = sql.all(BALANCES, keyId).map(
    (row): StoredBalance => ({
      customer: row.customer === NO_CUSTOMER ? null : (row.customer as string),
      window: row.period as StoredBalance["window"],
      reservedMicros: row.reserved_micros as number,
      chargedMicros: row.charged_micros as number,
      openingMicros: row.opening_micros as number,
    }),
  );
  return sums.compare(keyId, balances);
}

function textOrNull(value: SqlValue | undefined): string | null {
  return typeof value === "string" ? value : null;
}
