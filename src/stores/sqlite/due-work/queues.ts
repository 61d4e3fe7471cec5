/**
 * Rows of due work, and the queue of each destination: when something may next be claimed of it (`next_at`), and until
 * when it is paused. A claim visits the queues that are due and no rows of others. A queue whose places are all taken
 * is due when the first of their leases ends; finishing one makes it due again.
 */

import type { Json } from "../../../protocol/task.ts";
import { WORK_KINDS, type WorkDraft, type WorkItem, type WorkKind } from "../../../tasks/due-work.ts";
import type { Sql, SqlRow } from "../../sql.ts";
import type { Transaction } from "../transaction.ts";

const INSERT_WORK = `INSERT OR IGNORE INTO work (kind, id, destination, task_id, created_at, give_up_at, due_at, payload)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?)`;
const JOIN_QUEUE = `INSERT INTO work_queues (kind, destination, next_at) VALUES (?1, ?2, ?3)
  ON CONFLICT (kind, destination) DO UPDATE SET next_at = min(coalesce(next_at, max(?3, paused_until)), max(?3, paused_until))`;

/** Writes work that is due at once. The same id again is the same work. */
export function addWork({ sql, now }: Transaction, draft: WorkDraft): void {
  const { kind, id, destination } = draft;
  const added = sql.change(
    INSERT_WORK,
    kind,
    id,
    destination,
    draft.taskId,
    now,
    now + WORK_KINDS[kind].giveUpMs,
    now,
    JSON.stringify(draft.payload),
  );
  if (added > 0) joinQueue(sql, kind, destination, now);
}

/** A row that is due at `dueAt` has come to the destination's queue. */
export function joinQueue(sql: Sql, kind: WorkKind, destination: string, dueAt: number): void {
  sql.run(JOIN_QUEUE, kind, destination, dueAt);
}

export function workItem(row: SqlRow): WorkItem {
  return {
    id: row.id as string,
    kind: row.kind as WorkKind,
    destination: row.destination as string,
    taskId: row.task_id as string,
    payload: JSON.parse(row.payload as string) as Json,
    createdAt: row.created_at as number,
    giveUpAt: row.give_up_at as number,
    tries: row.tries as number,
    fence: row.fence as number,
  };
}

const UNHELD_DUE = "SELECT min(due_at) AS at FROM work WHERE kind = ? AND destination = ? AND held = 0";
const HELD_UNTIL = "SELECT min(due_at) AS at FROM work WHERE kind = ? AND destination = ? AND held = 1";
const PAUSED = "SELECT paused_until FROM work_queues WHERE kind = ? AND destination = ?";

/**
 * Puts down when the destination's queue is next due, after its rows have changed. `full`: no place is free; `served`:
 * it was given places just now, so that the queues that wait since earlier go first.
 */
export function refreshQueue(
  { sql, now }: Transaction,
  kind: string,
  destination: string,
  { full = false, served = 0 }: { full?: boolean; served?: number } = {},
): void {
  const at = (query: string) =>
    (sql.get(query, kind, destination)?.at as number | null | undefined) ?? Number.POSITIVE_INFINITY;
  const heldUntil = at(HELD_UNTIL);
  const due = full && heldUntil > now ? heldUntil : Math.min(at(UNHELD_DUE), heldUntil);
  const pausedUntil = (sql.get(PAUSED, kind, destination)?.paused_until as number | undefined) ?? 0;
  if (!Number.isFinite(due) && pausedUntil <= now) {
    sql.run("DELETE FROM work_queues WHERE kind = ? AND destination = ?", kind, destination);
    return;
  }
  const earliest = served > 0 ? now : 0;
  sql.run(
    "UPDATE work_queues SET next_at = ?, turns = turns + ? WHERE kind = ? AND destination = ?",
    Number.isFinite(due) ? Math.max(due, pausedUntil, earliest) : null,
    served,
    kind,
    destination,
  );
}

/** Nothing else of the destination is claimed until then; an earlier end changes nothing. */
export function pauseQueue({ sql }: Transaction, kind: string, destination: string, until: number): void {
  sql.run(
    "UPDATE work_queues SET paused_until = max(paused_until, ?) WHERE kind = ? AND destination = ?",
    until,
    kind,
    destination,
  );
}

const OF_ID = "SELECT destination, held, due_at FROM work WHERE kind = ? AND id = ?";

/** Whether somebody works on the item, under a lease that runs. */
export function isWorkHeld({ sql, now }: Transaction, kind: WorkKind, id: string): boolean {
  const row = sql.get(OF_ID, kind, id);
  return row !== null && row.held === 1 && (row.due_at as number) > now;
}

/** Removes the item, if there is one; whoever works on it finishes nothing. */
export function removeWork(tx: Transaction, kind: WorkKind, id: string): void {
  const row = tx.sql.get(OF_ID, kind, id);
  if (row === null) return;
  tx.sql.run("DELETE FROM work WHERE kind = ? AND id = ?", kind, id);
  refreshQueue(tx, kind, row.destination as string);
}

/** A removed task takes its work along. */
export function removeWorkOf(tx: Transaction, taskId: string): void {
  const queues = tx.sql.all("SELECT DISTINCT kind, destination FROM work WHERE task_id = ?", taskId);
  if (queues.length === 0) return;
  tx.sql.run("DELETE FROM work WHERE task_id = ?", taskId);
  for (const { kind, destination } of queues) refreshQueue(tx, kind as string, destination as string);
}

/** Queues that stood empty until their pause was over. */
export function dropIdleQueues({ sql, now }: Transaction): void {
  for (const kind of Object.keys(WORK_KINDS))
    sql.run("DELETE FROM work_queues WHERE kind = ? AND next_at IS NULL AND paused_until <= ?", kind, now);
}

/** Voids every lease on work at a new boot. */
export function releaseWork({ sql, now }: Transaction): void {
  sql.run(
    `UPDATE work_queues SET next_at = max(?, paused_until)
     WHERE (kind, destination) IN (SELECT kind, destination FROM work WHERE held = 1)`,
    now,
  );
  sql.run("UPDATE work SET held = 0, fence = fence + 1, due_at = ? WHERE held = 1", now);
}
