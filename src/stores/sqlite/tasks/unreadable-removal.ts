/** The end of tasks whose row is damaged (unreadable.ts): removed in time, with what they held given back. */

import type { BudgetWindow } from "../../../accounts/money/budgets.ts";
import { isTerminal, TASK_STATUSES } from "../../../protocol/task.ts";
import type { SqlValue } from "../../sql.ts";
import { moveInBatch } from "../batches/rows.ts";
import { removeWorkOf } from "../due-work/queues.ts";
import { raise, windowsOf } from "../money/settlement.ts";
import type { Transaction } from "../transaction.ts";

const NOTED = "SELECT task_no FROM unreadable_tasks WHERE at <= ? ORDER BY at LIMIT ?";
const MONEY = `SELECT key_id, reserved_micros, settled, windows, coalesce(spec, (SELECT spec FROM specs WHERE task_no = no)) AS spec
  FROM tasks WHERE no = ?`;

/** Removes at most `limit` of those noted at `moment` or earlier; answers their ids. One that was mended meanwhile stays. */
export function retireUnreadable(tx: Transaction, moment: number, limit: number): string[] {
  const { sql } = tx;
  return sql.all(NOTED, moment, limit).flatMap(({ task_no: no }) => {
    if (tx.tasks.byNo(sql, no as number) === null) return removeUnreadable(tx, no as number);
    sql.run("DELETE FROM unreadable_tasks WHERE task_no = ?", no as number);
    return [];
  });
}

/** Removes a damaged task whose time is over and gives back what it held; its batch counts it as failed. Answers its id, if it was there. */
export function removeUnreadable(tx: Transaction, no: number): string[] {
  const { sql } = tx;
  giveMoneyBack(tx, no);
  const row = sql.get("SELECT id, batch_id, status FROM tasks WHERE no = ?", no);
  const id = row?.id as string | undefined;
  const status = TASK_STATUSES.find((one) => one === row?.status);
  if (row !== null && status !== undefined && !isTerminal(status))
    moveInBatch(tx, row.batch_id as string | null, status, "failed");
  if (id !== undefined) {
    removeWorkOf(tx, id);
    sql.run("DELETE FROM deliveries WHERE task_id = ?", id);
  }
  for (const table of ["events", "specs", "unreadable_tasks"])
    sql.run(`DELETE FROM ${table} WHERE task_no = ?`, no);
  sql.run("DELETE FROM tasks WHERE no = ?", no);
  return id === undefined ? [] : [id];
}

function giveMoneyBack(tx: Transaction, no: number): void {
  const row = tx.sql.get(MONEY, no);
  if (row === null || row.settled === 1 || typeof row.reserved_micros !== "number") return;
  const payer = { keyId: row.key_id as string, customer: customerIn(row.spec) };
  raise(tx, payer, readableWindows(row.windows), -row.reserved_micros, 0);
}

/** Null also where the spec is what is damaged: then the customer's own balance keeps the amount. */
function customerIn(spec: SqlValue | undefined): string | null {
  try {
    const { customer } = JSON.parse(spec as string) as { customer?: unknown };
    return typeof customer === "string" ? customer : null;
  } catch {
    return null;
  }
}

function readableWindows(column: SqlValue | undefined): readonly BudgetWindow[] {
  try {
    const windows = windowsOf(column);
    if (Array.isArray(windows)) return windows;
  } catch {
    // As one that names none.
  }
  return windowsOf(null);
}
