/** The ledger: what was charged, once per task, kept longer than the task itself. */

import type { Task } from "../../tasks/task.ts";
import type { Sql } from "../sql.ts";

/** Writes the charge of a settled task; a free one leaves no row. A second charge of one task is refused by the table. */
export function recordCharge(sql: Sql, task: Task, now: number): void {
  if (task.costMicros === 0) return;
  sql.run(
    "INSERT INTO ledger (task_id, key_id, subject, at, type, model, charged_micros) VALUES (?, ?, ?, ?, ?, ?, ?)",
    task.id,
    task.tenant.keyId,
    task.tenant.subject,
    now,
    task.type,
    task.model,
    task.costMicros,
  );
}

/** Drops charges made at `moment` or earlier, at most `limit`: rows are in the order of their time. Answers how many. */
export function dropOldCharges(sql: Sql, moment: number, limit: number): number {
  const query = "DELETE FROM ledger WHERE no < (SELECT min(no) FROM ledger) + ? AND at <= ?";
  return sql.change(query, limit, moment);
}
