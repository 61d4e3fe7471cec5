/**
 * Removes what is old: tasks, their events, idempotency keys, ephemeral keys, ledger movements, balances of days, sums of usage,
 * sessions, deliveries, batches, and tenants that nobody uses. Each step is bounded.
 */

import type { Retention, RetentionOutcome } from "../../tasks/ports/task-store.ts";
import { holdsFile } from "../held-media.ts";
import { dropOldAnswers } from "./accounts/answers.ts";
import { dropOldAudit } from "./accounts/audit.ts";
import { dropOldDeleted } from "./accounts/deleted-keys.ts";
import { dropExpiredKeys } from "./accounts/ephemeral-keys.ts";
import { dropOldBatches } from "./batches/rows.ts";
import { dropOldDeliveries } from "./deliveries/records.ts";
import { dropIdleQueues, removeWorkOf } from "./due-work/queues.ts";
import { dropOldDays } from "./money/balances.ts";
import { dropOldMovements } from "./money/ledger.ts";
import { dropOldMarks } from "./money/thresholds.ts";
import { dropOldUsage } from "./money/usage.ts";
import { dropOldSessions } from "./sessions/retention.ts";
import type { TaskRow } from "./tasks/task-table.ts";
import { removeUnreadable, retireUnreadable } from "./tasks/unreadable-removal.ts";
import type { Transaction } from "./transaction.ts";

/** Removes a settled task with everything that belongs to it. The movement of its charge stays in the ledger. */
export function removeTask(tx: Transaction, { no, task }: TaskRow): void {
  const { sql } = tx;
  sql.run("DELETE FROM events WHERE task_no = ?", no);
  removeWorkOf(tx, task.id);
  sql.run("DELETE FROM deliveries WHERE task_id = ?", task.id);
  sql.run("DELETE FROM specs WHERE task_no = ?", no);
  sql.run("DELETE FROM tasks WHERE no = ?", no);
}

/** One step, at most `limit` of each kind. */
export function retire(tx: Transaction, retention: Retention, limit: number): RetentionOutcome {
  const { sql, now } = tx;
  const removedTaskIds = [
    ...retireUnreadable(tx, now - retention.tasksMs, limit),
    ...retireFinished(tx, now - retention.tasksMs, limit),
  ];

  const logs = sql.all(
    "SELECT no FROM tasks WHERE trimmed = 0 AND finished_at <= ? ORDER BY finished_at LIMIT ?",
    now - retention.eventsMs,
    limit,
  );
  for (const { no } of logs) {
    sql.run("DELETE FROM events WHERE task_no = ?", no as number);
    sql.run("UPDATE tasks SET trimmed = 1, epoch = ? WHERE no = ?", tx.epoch(), no as number);
  }

  const keys = sql.change(
    `DELETE FROM idempotency WHERE (key_id, subject, idempotency_key) IN (
       SELECT key_id, subject, idempotency_key FROM idempotency WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`,
    now,
    limit,
  );
  const ephemeralKeys = dropExpiredKeys(tx, limit);
  const movements = dropOldMovements(tx, now - retention.ledgerMs, limit);
  const usage = dropOldUsage(tx, now - retention.ledgerMs, limit);
  const audit = dropOldAudit(tx, now - retention.ledgerMs, limit);
  const deleted = dropOldDeleted(tx, now - retention.ledgerMs, limit);
  const answers = dropOldAnswers(tx, limit);
  const sessions = dropOldSessions(tx, now - retention.tasksMs, limit);
  const deliveries = dropOldDeliveries(tx, now - retention.tasksMs, limit);
  const batches = dropOldBatches(tx, now - retention.tasksMs, limit);
  const marks = dropOldMarks(tx, limit);
  const days = dropOldDays(tx, limit);
  dropIdleQueues(tx);
  const more =
    days ||
    removedTaskIds.length >= limit ||
    [
      logs.length,
      keys,
      ephemeralKeys,
      movements,
      usage,
      audit,
      deleted,
      answers,
      sessions,
      deliveries,
      batches,
      marks,
    ].includes(limit);
  return { removedTaskIds, trimmedLogs: logs.length, more };
}

/** Where the sweep over tenants stands. */
export type TenantCursor = { keyId: string; subject: string };
export const FIRST_TENANT: TenantCursor = { keyId: "", subject: "" };

/**
 * Looks at the next `limit` tenants after the cursor and drops those that nobody follows and that have neither tasks
 * nor, for the key itself, a key, unsettled sessions or movements. Answers the next cursor, null at the end.
 */
export function dropIdleTenants(
  { sql, money }: Transaction,
  after: TenantCursor,
  limit: number,
): TenantCursor | null {
  const rows = sql.all(
    `SELECT key_id, subject, followed FROM tenants WHERE (key_id, subject) > (?, ?) ORDER BY key_id, subject LIMIT ?`,
    after.keyId,
    after.subject,
    limit,
  );
  const isUsed = (keyId: string, subject: string): boolean => {
    if (subject !== "")
      return sql.get("SELECT 1 FROM tasks WHERE key_id = ? AND subject = ? LIMIT 1", keyId, subject) !== null;
    if (sql.get("SELECT 1 FROM keys WHERE id = ?", keyId) !== null) return true;
    return ["tasks WHERE", "sessions WHERE settled = 0 AND", "movements WHERE"].some(
      (of) => sql.get(`SELECT 1 FROM ${of} key_id = ? LIMIT 1`, keyId) !== null,
    );
  };
  for (const row of rows) {
    const keyId = row.key_id as string;
    const subject = row.subject as string;
    if (row.followed === 1 || isUsed(keyId, subject)) continue;
    sql.run("DELETE FROM tenants WHERE key_id = ? AND subject = ?", keyId, subject);
    if (subject !== "") continue;
    sql.run("DELETE FROM lane_keys WHERE key_id = ?", keyId);
    money.write(sql);
    sql.run("DELETE FROM balances WHERE key_id = ?", keyId);
    sql.run("DELETE FROM spend_marks WHERE key_id = ?", keyId);
  }
  const last = rows.length < limit ? undefined : rows.at(-1);
  return last === undefined ? null : { keyId: last.key_id as string, subject: last.subject as string };
}

/** Of these files, the paths no task holds. A task that cannot be read keeps its files. */
export function unreferencedMedia(
  { sql, tasks }: Transaction,
  files: readonly { path: string; taskId: string }[],
): string[] {
  const seen = new Map<string, TaskRow | null>();
  return files
    .filter(({ path, taskId }) => {
      const row = seen.has(taskId) ? (seen.get(taskId) ?? null) : tasks.byId(sql, taskId);
      seen.set(taskId, row);
      if (row !== null) return !holdsFile(row.task, path);
      return sql.get("SELECT 1 FROM tasks WHERE id = ?", taskId) === null;
    })
    .map(({ path }) => path);
}

/** Removes settled tasks that ended at `moment` or earlier; answers their ids. Two queries, because the index begins with `trimmed`. */
function retireFinished(tx: Transaction, moment: number, limit: number): string[] {
  const { sql, tasks } = tx;
  const ids: string[] = [];
  for (const trimmed of [1, 0]) {
    const found = sql.all(
      "SELECT no FROM tasks WHERE trimmed = ? AND finished_at <= ? AND settled = 1 ORDER BY finished_at LIMIT ?",
      trimmed,
      moment,
      limit - ids.length,
    );
    for (const { no } of found) {
      const row = tasks.byNo(sql, no as number);
      if (row === null) {
        ids.push(...removeUnreadable(tx, no as number));
      } else {
        removeTask(tx, row);
        ids.push(row.task.id);
      }
    }
  }
  return ids;
}
