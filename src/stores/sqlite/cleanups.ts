/** Upstream jobs that a terminal state left behind: claimed like a step, settled once, given up after ten minutes. */

import type { Cancellation, Json } from "../../protocol/task.ts";
import { CLEANUP_LIMIT_MS } from "../../tasks/cleanup-limit.ts";
import type { CleanupItem, CleanupOutcome, LateReport } from "../../tasks/ports/task-store.ts";
import type { Task } from "../../tasks/task.ts";
import type { Sql, SqlRow } from "../sql.ts";
import { recordCharge } from "./charges.ts";
import { type TaskRow, taskById, taskByNo, updateTask } from "./task-row.ts";
import { settleReservation } from "./tenants.ts";

/** Written in the step that ends the task; `before` is the task as its last holder knew it. */
export function addCleanup(sql: Sql, before: TaskRow, task: Task, now: number): void {
  sql.run(
    `INSERT INTO cleanups (task_no, created_at, give_up_at, due_at, held, tries, fence, holder_fence, late, state)
     VALUES (?, ?, ?, ?, 0, 0, 0, ?, 0, ?)`,
    before.no,
    now,
    now + CLEANUP_LIMIT_MS,
    now,
    before.task.fence,
    task.state === null ? null : JSON.stringify(task.state),
  );
}

/** Items that are due, or whose holder was lost, each held until `now + leaseMs` under a new fence. */
export function claimCleanups(sql: Sql, now: number, leaseMs: number, max: number): CleanupItem[] {
  const rows = sql.all("SELECT * FROM cleanups WHERE due_at <= ? ORDER BY due_at LIMIT ?", now, max);
  return rows.map((row) => {
    const owner = taskByNo(sql, row.task_no as number);
    if (owner === null) throw new Error("A cleanup item has lost its task");
    const fence = (row.fence as number) + 1;
    sql.run(
      "UPDATE cleanups SET fence = ?, held = 1, tries = tries + 1, due_at = ? WHERE task_no = ?",
      fence,
      now + leaseMs,
      owner.no,
    );
    return {
      taskId: owner.task.id,
      type: owner.task.type,
      provider: owner.task.provider,
      providerModel: owner.task.providerModel,
      request: owner.task.request,
      attempt: owner.task.attempt,
      state: row.state === null ? null : (JSON.parse(row.state as string) as Json),
      late: row.late === 1 ? { costMicros: row.cost_micros as number | null } : null,
      tries: row.tries as number,
      createdAt: row.created_at as number,
      giveUpAt: row.give_up_at as number,
      fence,
    };
  });
}

/** False when the item was taken over, changed by a late report, or settled; nothing is written then. */
export function finishCleanup(sql: Sql, item: CleanupItem, outcome: CleanupOutcome, now: number): boolean {
  const owner = taskById(sql, item.taskId);
  if (owner === null) return false;
  const row = sql.get(
    "SELECT * FROM cleanups WHERE task_no = ? AND fence = ? AND held = 1",
    owner.no,
    item.fence,
  );
  if (row === null) return false;
  if (outcome.kind === "settled") settle(sql, owner, outcome.cancellation, outcome.billedMicros ?? 0, now);
  else
    sql.run(
      "UPDATE cleanups SET held = 0, due_at = ? WHERE task_no = ?",
      now + Math.max(0, outcome.delayMs),
      owner.no,
    );
  return true;
}

/** When the next item may be claimed. */
export function nextCleanupAt(sql: Sql): number | null {
  return (sql.get("SELECT min(due_at) AS at FROM cleanups")?.at as number | null | undefined) ?? null;
}

/**
 * Takes what the holder knew that the task's end overtook. Whoever works on the item without knowing it is overtaken in
 * turn: the item is due again at once, under a new fence.
 */
export function reportLate(sql: Sql, report: LateReport, now: number): void {
  const owner = taskById(sql, report.taskId);
  if (owner === null) return;
  sql.run(
    `UPDATE cleanups SET state = coalesce(?, state), cost_micros = coalesce(?, cost_micros), late = 1, fence = fence + 1, held = 0,
       due_at = ? WHERE task_no = ? AND holder_fence = ?`,
    report.state === null ? null : JSON.stringify(report.state),
    report.costMicros,
    now,
    owner.no,
    report.fence,
  );
}

/** Settles items whose time is over and that nobody works on, at the reported cost or free. Answers how many. */
export function giveUpCleanups(sql: Sql, now: number, limit: number): number {
  const rows = sql.all(
    "SELECT task_no, cost_micros FROM cleanups WHERE give_up_at <= ?1 AND (held = 0 OR due_at <= ?1) ORDER BY give_up_at LIMIT ?2",
    now,
    limit,
  );
  for (const row of rows) giveUp(sql, row, now);
  return rows.length;
}

function giveUp(sql: Sql, row: SqlRow, now: number): void {
  const owner = taskByNo(sql, row.task_no as number);
  if (owner === null) sql.run("DELETE FROM cleanups WHERE task_no = ?", row.task_no as number);
  else
    settle(sql, owner, owner.task.cancellation ?? "requested", (row.cost_micros as number | null) ?? 0, now);
}

/** A failed task is never charged; a cancelled one pays at most its reservation. */
function settle(
  sql: Sql,
  owner: TaskRow,
  cancellation: Cancellation,
  billedMicros: number,
  now: number,
): void {
  const { task } = owner;
  const cancelled = task.status === "cancelled";
  const costMicros = cancelled ? Math.max(0, Math.min(billedMicros, task.reservedMicros)) : 0;
  const settled: Task = {
    ...task,
    settled: true,
    costMicros,
    cancellation: cancelled ? cancellation : task.cancellation,
    updatedAt: now,
  };
  updateTask(sql, owner.no, owner, { ...owner, task: settled });
  settleReservation(sql, task.tenant, task.reservedMicros, costMicros);
  recordCharge(sql, settled, now);
  sql.run("DELETE FROM cleanups WHERE task_no = ?", owner.no);
}
