/** Reading the logs: one task's, and a tenant's. */

import type { TaskEventType } from "../../../protocol/task.ts";
import type { LogRead, TenantLogRead } from "../../../tasks/ports/task-store.ts";
import type { Position, Task, TaskEvent, TenantScope } from "../../../tasks/task.ts";
import { lastProgress, STATUS_OF_EVENT, TENANT_LOG_EVENTS, TENANT_LOG_MS } from "../../event-log.ts";
import type { SqlRow } from "../../sql.ts";
import type { Transaction } from "../transaction.ts";
import { visibleTask } from "./scopes.ts";

const TASK_EVENTS = `SELECT seq, type, progress, message, at, key_seq, subject_seq FROM events
  WHERE task_no = +? AND seq > ? ORDER BY seq LIMIT ?`;
const KEY_EVENTS = `SELECT task_no, seq, type, progress, message, at, key_seq, subject_seq, key_seq AS place FROM events
  WHERE key_id = +? AND key_seq > ? ORDER BY key_seq LIMIT ?`;
const SUBJECT_EVENTS = `SELECT task_no, seq, type, progress, message, at, key_seq, subject_seq, subject_seq AS place FROM events
  WHERE key_id = +? AND subject = +? AND subject_seq > ? ORDER BY subject_seq LIMIT ?`;

export function readTaskLog(
  tx: Transaction,
  scope: TenantScope,
  taskId: string,
  after: Position,
  limit: number,
): LogRead {
  const row = visibleTask(tx, scope, taskId);
  if (row === null) return { outcome: "not_found" };
  const { task } = row;
  const lost = row.trimmed && after.seq < task.seq;
  if (after.epoch !== task.epoch || after.seq > task.seq || lost) return { outcome: "reset" };
  const events = tx.sql.all(TASK_EVENTS, row.no, after.seq, limit).map((event) => eventOf(task, event));
  const last = events.at(-1)?.seq ?? after.seq;
  if (events.length < limit && last < task.seq && row.progressAt !== null)
    events.push(lastProgress(task, row.progressAt));
  return {
    outcome: "events",
    task,
    events,
    position: { epoch: task.epoch, seq: events.at(-1)?.seq ?? after.seq },
  };
}

/** `position` is where the tenant's log stands now. */
export function readTenantLog(
  tx: Transaction,
  scope: TenantScope,
  position: Position,
  after: Position,
  limit: number,
): TenantLogRead {
  const { epoch, seq } = position;
  const reset: TenantLogRead = { outcome: "reset", position: { epoch, seq } };
  const missing = seq - after.seq;
  if (after.epoch !== epoch || missing < 0 || missing > TENANT_LOG_EVENTS) return reset;
  const rows =
    scope.subject === null
      ? tx.sql.all(KEY_EVENTS, scope.keyId, after.seq, limit)
      : tx.sql.all(SUBJECT_EVENTS, scope.keyId, scope.subject, after.seq, limit);
  // A purge or the retention took events out of the middle or the end.
  if (rows.length < Math.min(limit, missing)) return reset;
  const first = rows[0];
  if (first !== undefined && (first.at as number) < tx.now - TENANT_LOG_MS) return reset;
  const tasks = new Map<number, Task>();
  const entries: { event: TaskEvent; task: Task }[] = [];
  for (const [index, row] of rows.entries()) {
    const no = row.task_no as number;
    const task = tasks.get(no) ?? tx.tasks.byNo(tx.sql, no)?.task;
    if (task === undefined || row.place !== after.seq + 1 + index) return reset;
    tasks.set(no, task);
    entries.push({ event: eventOf(task, row), task });
  }
  return {
    outcome: "events",
    entries,
    position: { epoch, seq: after.seq + entries.length },
    more: entries.length < missing,
  };
}

function eventOf(task: Task, row: SqlRow): TaskEvent {
  const type = row.type as TaskEventType;
  return {
    taskId: task.id,
    seq: row.seq as number,
    type,
    status: STATUS_OF_EVENT[type],
    progress: row.progress as number,
    message: row.message as string | null,
    at: row.at as number,
    keySeq: row.key_seq as number,
    subjectSeq: row.subject_seq as number | null,
  };
}
