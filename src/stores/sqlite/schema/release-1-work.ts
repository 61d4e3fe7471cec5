/** The first release's cleanup items and deliveries: due work, as rows of one shape. */

import type { Json } from "../../../protocol/task.ts";
import { cleanupDraft, deliveryDraft } from "../../../tasks/due-work.ts";
import { candidateOf } from "../../../tasks/task.ts";
import type { SqlRow, SqlValue } from "../../sql.ts";
import { addWork, joinQueue } from "../due-work/queues.ts";
import type { Transaction } from "../transaction.ts";

/** Each stage takes the first rows and deletes them, so that its table is its own cursor. */
const MORE = 0;

export function convertCleanups(tx: Transaction, _: SqlValue, limit: number): SqlValue {
  const { sql } = tx;
  const rows = sql.all("SELECT * FROM cleanups ORDER BY task_no LIMIT ?", limit);
  for (const row of rows) {
    convertCleanup(tx, row);
    sql.run("DELETE FROM cleanups WHERE task_no = ?", row.task_no as number);
  }
  return rows.length < limit ? null : MORE;
}

/** A held item stays so until its lease ends, and is due again then. */
function convertCleanup({ sql, tasks }: Transaction, row: SqlRow): void {
  const task = tasks.byNo(sql, row.task_no as number)?.task;
  if (task === undefined) return;
  const { provider, model } = candidateOf(task);
  const draft = cleanupDraft(task.id, {
    provider,
    model,
    credential: null,
    attempt: task.attempt,
    fence: row.holder_fence as number,
    state: row.state === null ? null : (JSON.parse(row.state as string) as Json),
    reported: row.late === 1,
    costMicros: row.cost_micros as number | null,
  });
  sql.run(
    `INSERT INTO work (kind, id, destination, task_id, created_at, give_up_at, due_at, held, tries, fence, payload)
     VALUES ('cleanup', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    draft.id,
    draft.destination,
    draft.taskId,
    row.created_at as number,
    row.give_up_at as number,
    row.due_at as number,
    row.held as number,
    row.tries as number,
    row.fence as number,
    JSON.stringify(draft.payload),
  );
  joinQueue(sql, "cleanup", draft.destination, row.due_at as number);
}

/** Those of webhooks that say a URL are due now: the first release never sent one. */
export function convertDeliveries(tx: Transaction, _: SqlValue, limit: number): SqlValue {
  const { sql } = tx;
  const rows = sql.all("SELECT no, task_no FROM deliveries_1 ORDER BY no LIMIT ?", limit);
  for (const row of rows) {
    const task = tx.tasks.byNo(sql, row.task_no as number)?.task;
    const draft = task === undefined ? null : deliveryDraft(task, `task.${task.status}`);
    if (draft !== null) addWork(tx, draft);
    sql.run("DELETE FROM deliveries_1 WHERE no = ?", row.no as number);
  }
  return rows.length < limit ? null : MORE;
}
