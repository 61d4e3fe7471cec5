/** One transition as one write: the task, its list, its event in three logs, its money and what it leaves behind. */

import type { TaskEventType } from "../../protocol/task.ts";
import type { TaskEvent, TaskUpdate } from "../../tasks/task.ts";
import { reduce, type Transition } from "../../tasks/transition.ts";
import type { Sql } from "../sql.ts";
import { recordCharge } from "./charges.ts";
import { addCleanup } from "./cleanups.ts";
import { type List, listOf, move, rankOf } from "./lanes.ts";
import { type TaskRow, updateTask } from "./task-row.ts";
import { appendToLog, type TenantChange, type TenantLog, tenantLog, WHOLE_KEY } from "./tenants.ts";

/** How the task changes lists; a claim does it together with its charge. */
export type Move = (from: List, to: List, started: -1 | 0 | 1) => void;

const INSERT_EVENT = `INSERT INTO events
  (task_no, seq, type, progress, message, at, key_id, key_seq, subject, subject_seq) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

/** Null when the task's state does not allow the transition; nothing is written then. The caller checked the fence. */
export function applyTransition(
  sql: Sql,
  row: TaskRow,
  transition: Transition,
  now: number,
  moveTask: Move = (from, to, started) => move(sql, row.task.type, row.task.tenant.keyId, from, to, started),
): TaskUpdate | null {
  const before = row.task;
  const reduction = reduce(before, transition, now);
  if (reduction === null) return null;
  const { task, event, whereabouts, cleanup } = reduction;
  const after: TaskRow = {
    ...row,
    task,
    readyRank: whereabouts === "ready" ? rankOf(task) : null,
    progressAt: event === "progress" ? now : row.progressAt,
  };
  updateTask(sql, row.no, row, after);

  const from = listOf(before, row.readyRank);
  const to = listOf(task, after.readyRank);
  const started = (Number(task.status === "running") - Number(before.status === "running")) as -1 | 0 | 1;
  moveTask(from, to, started);

  const settles = task.settled && !before.settled;
  const update = recordEvent(sql, after, event, {
    waiting: Number(task.status === "queued") - Number(before.status === "queued"),
    reservedMicros: settles ? -task.reservedMicros : 0,
    spentMicros: settles ? task.costMicros : 0,
  });
  if (cleanup) addCleanup(sql, row, task, now);
  if (settles) recordCharge(sql, task, now);
  if (whereabouts === "terminal" && row.webhook !== null)
    sql.run(
      "INSERT INTO deliveries (task_no, seq, due_at, tries) VALUES (?, ?, ?, 0)",
      row.no,
      task.seq,
      now,
    );
  return update;
}

/** Appends the event, if there is one, to the logs of the task, its key and its subject. */
export function recordEvent(
  sql: Sql,
  row: TaskRow,
  type: TaskEventType | null,
  change: TenantChange,
): TaskUpdate {
  const { task } = row;
  const { keyId, subject } = task.tenant;
  const logged = type !== null && type !== "progress";
  const log = (of: string): TenantLog =>
    logged ? appendToLog(sql, keyId, of, change) : tenantLog(sql, keyId, of);
  const key = log(WHOLE_KEY);
  const own = subject === WHOLE_KEY ? null : log(subject);
  const events: TaskEvent[] = [];
  if (type !== null) {
    const event: TaskEvent = {
      taskId: task.id,
      seq: task.seq,
      type,
      status: task.status,
      progress: task.progress,
      message: task.message,
      at: task.updatedAt,
      keySeq: logged ? key.seq : null,
      subjectSeq: logged ? (own?.seq ?? null) : null,
    };
    events.push(event);
    if (logged)
      sql.run(
        INSERT_EVENT,
        row.no,
        event.seq,
        type,
        event.progress,
        event.message,
        event.at,
        keyId,
        key.seq,
        subject || null,
        event.subjectSeq,
      );
  }
  return {
    task,
    events,
    keyEpoch: key.epoch,
    subjectEpoch: own?.epoch ?? null,
    keySeq: key.seq,
    subjectSeq: own?.seq ?? null,
    followed: { task: row.followed, key: key.followed, subject: own?.followed ?? false },
  };
}
