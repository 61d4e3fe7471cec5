/**
 * Tasks whose row is damaged, finished or not. They are read as if they were not there; whoever comes to one takes it out of
 * all lists, so that the tasks beside it go on, and notes it for the operator. It is kept as long from then on as a task is
 * from its end; then it goes (unreadable-removal.ts).
 */

import type { TaskType } from "../../../protocol/task.ts";
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

/** How many there are. */
export function countUnreadable({ sql }: Transaction): number {
  return sql.get("SELECT count(*) AS n FROM unreadable_tasks")?.n as number;
}
