/** The first release's charges: movements, and in the balances what each key was charged in all. */

import { FIRST_WINDOWS } from "../../../accounts/money/budgets.ts";
import type { SqlValue } from "../../sql.ts";
import { raise } from "../money/settlement.ts";
import type { Transaction } from "../transaction.ts";

const INSERT = `INSERT INTO movements (no, id, source, source_id, key_id, subject, customer, type, model, provider,
    charged_micros, upstream_micros, windows, at)
  VALUES (?1, 'task/' || ?2, 'task', ?2, ?3, ?4, NULL, ?5, ?6,
    coalesce((SELECT provider FROM tasks WHERE id = ?2), ''), ?7, NULL, ?8, ?9)`;

/** A charge keeps its place. The provider of a task that is gone stood nowhere else. */
export function convertLedger({ sql }: Transaction, cursor: SqlValue, limit: number): SqlValue {
  const rows = sql.all("SELECT * FROM ledger WHERE no > ? ORDER BY no LIMIT ?", cursor ?? 0, limit);
  for (const row of rows)
    sql.run(
      INSERT,
      row.no as number,
      row.task_id as string,
      row.key_id as string,
      row.subject as string,
      row.type as string,
      row.model as string,
      row.charged_micros as number,
      JSON.stringify(FIRST_WINDOWS),
      row.at as number,
    );
  return rows.length < limit ? null : (rows.at(-1)?.no ?? null);
}

/** What was charged may be more than what the ledger still has; what is reserved came with the holds. */
export function convertSpending(tx: Transaction, cursor: SqlValue, limit: number): SqlValue {
  const rows = tx.sql.all(
    "SELECT key_id, spent_micros FROM tenants WHERE subject = '' AND key_id > ? ORDER BY key_id LIMIT ?",
    cursor ?? "",
    limit,
  );
  for (const row of rows) {
    const spent = row.spent_micros as number;
    const owner = { keyId: row.key_id as string, customer: null };
    if (spent !== 0) raise(tx, owner, FIRST_WINDOWS, 0, spent);
  }
  return rows.length < limit ? null : (rows.at(-1)?.key_id ?? null);
}
