/**
 * Tasks whose row is damaged, finished or not. They are read as if they were not there; whoever comes to one takes it out of
 * all lists, so that the tasks beside it go on, and notes it for the operator. It is kept as long from then on as a task is
 * from its end; then it goes, and what it held of its key's money is given back.
 */

import type { BudgetWindow } from "../../../accounts/ledger-store.ts";
import { isTerminal, TASK_STATUSES, type TaskType } from "../../../protocol/task.ts";
import type { SqlValue } from "../../sql.ts";
import { moveInBatch } from "../batches/rows.ts";
import { removeWorkOf } from "../due-work/queues.ts";
import { raise, windowsOf } from "../money/settlement.ts";
import { DELAYED, HELD, type List } from "../queue/lists.ts";
import { move } from "../queue/queue-counters.ts";
import type { Transaction } from "../transaction.ts";

const ROW = `SELECT key_id, coalesce(subject, '') AS subject, type, provider, status, ready_rank, due_at, lease_until
  FROM tasks WHERE no = ?`;
const OUT_OF_LISTS =
  "UPDATE tasks SET ready_rank = NULL, due_at = NULL, lease_until = NULL, wake_at = NULL WHERE no = ?";
const NO_LONGER_WAITS = "UPDATE tenants SET waiting = waiting - 1 WHERE key_id = ? AND subject IN ('', ?)";

/** Sets aside what could not be read in this step, or in a read before it. */
export function setDamagedAside(tx: Transaction): void {
  for (const no of tx.tasks.takeDamaged()) {
    // Its number may have been given to another task meanwhile.
    if (tx.tasks.byNo(tx.sql, no) === null) setAside(tx, no);
  }
  tx.tasks.takeDamaged();
}

/** Takes the task out of every list, as far as its columns say where it stands. */
export function setAside({ sql, now }: Transaction, no: number): void {
  const row = sql.get(ROW, no);
  if (row === null) return;
  const keyId = row.key_id as string;
  const list: List =
    row.ready_rank !== null
      ? (row.ready_rank as number)
      : row.due_at !== null
        ? DELAYED
        : row.lease_until !== null
          ? HELD
          : null;
  if (list === null && sql.get("SELECT 1 FROM unreadable_tasks WHERE task_no = ?", no) !== null) return;
  if (list !== null) {
    const queue = { keyId, lane: row.type as TaskType, provider: row.provider as string };
    move(sql, queue, list, null, row.status === "running" ? -1 : 0);
  }
  if (row.status === "queued") sql.run(NO_LONGER_WAITS, keyId, row.subject as string);
  sql.run(OUT_OF_LISTS, no);
  sql.run("INSERT OR IGNORE INTO unreadable_tasks (task_no, at) VALUES (?, ?)", no, now);
}

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

function giveMoneyBack({ sql }: Transaction, no: number): void {
  const row = sql.get(MONEY, no);
  if (row === null || row.settled === 1 || typeof row.reserved_micros !== "number") return;
  const payer = { keyId: row.key_id as string, customer: customerIn(row.spec) };
  raise(sql, payer, readableWindows(row.windows), -row.reserved_micros, 0);
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

/** How many there are. */
export function countUnreadable({ sql }: Transaction): number {
  return sql.get("SELECT count(*) AS n FROM unreadable_tasks")?.n as number;
}
