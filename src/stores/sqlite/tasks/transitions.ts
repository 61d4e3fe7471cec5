/** One transition as one write: the task, its list, its event in three logs, the money it moves, the work and the deliveries it leaves. */

import type { TaskEventType } from "../../../protocol/task.ts";
import { reduce } from "../../../tasks/reducer.ts";
import { candidateOf, type Task, type TaskEvent, type TaskUpdate } from "../../../tasks/task.ts";
import { settledWork, type Transition } from "../../../tasks/transition.ts";
import type { Sql } from "../../sql.ts";
import { moveInBatch } from "../batches/rows.ts";
import { leaveTaskDeliveries } from "../deliveries/leaving.ts";
import { addWork } from "../due-work/queues.ts";
import { settle, windowsOf } from "../money/settlement.ts";
import { recordUsage } from "../money/usage.ts";
import { postTaskEvents } from "../outbox/post.ts";
import { type List, queueListOf } from "../queue/lists.ts";
import { move, openQueue } from "../queue/queue-counters.ts";
import type { Transaction } from "../transaction.ts";
import type { TaskRow } from "./task-table.ts";
import { appendToLog, type TenantLog, tenantLog, WHOLE_KEY } from "./tenants.ts";

/** How the task changes lists; a claim does it together with its charge. */
export type Move = (from: List, to: List, started: -1 | 0 | 1) => void;

const INSERT_EVENT = `INSERT INTO events
  (task_no, seq, type, progress, message, at, key_id, key_seq, subject, subject_seq) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

/** Null when the task's state does not allow the transition; nothing is written then. The caller checked the fence. */
export function applyTransition(
  tx: Transaction,
  row: TaskRow,
  transition: Transition,
  moveClaimed?: Move,
): TaskUpdate | null {
  const { sql, now } = tx;
  const before = row.task;
  const reduction = reduce(before, transition, now);
  if (reduction === null) return null;
  const { task, changes, event, work, settlement } = reduction;
  const after: TaskRow = { ...row, task, progressAt: event === "progress" ? now : row.progressAt };
  tx.tasks.update(sql, row, after, changes);
  moveInBatch(tx, task.batchId, before.status, task.status);

  const started = (Number(task.status === "running") - Number(before.status === "running")) as -1 | 0 | 1;
  if (moveClaimed === undefined) moveTask(sql, before, task, started);
  else moveClaimed(queueListOf(before), queueListOf(task), started);

  const waiting = Number(task.status === "queued") - Number(before.status === "queued");
  const update = recordEvent(sql, after, event, waiting);
  postTaskEvents(tx, update);
  if (settlement !== null) {
    const { id, tenant, customer, type, model } = task;
    const { provider } = candidateOf(task);
    const paid = { source: "task", sourceId: id, ...tenant, customer, type, model, provider } as const;
    settle(tx, paid, settlement, windowsOf(row.windows));
  }
  const settled = settledWork(before, task);
  if (settled !== null) recordUsage(tx, { ...task, keyId: task.tenant.keyId }, settled);
  for (const draft of work) addWork(tx, draft);
  const left = leaveTaskDeliveries(tx, before, task, event);
  return left ? { ...update, webhooks: true } : update;
}

/** A task whose next candidate is at another provider leaves one queue of its key and joins another. */
function moveTask(sql: Sql, before: Task, task: Task, started: -1 | 0 | 1): void {
  const { keyId } = task.tenant;
  const from = { keyId, lane: task.type, provider: candidateOf(before).provider };
  const to = { keyId, lane: task.type, provider: candidateOf(task).provider };
  if (from.provider === to.provider) {
    move(sql, from, queueListOf(before), queueListOf(task), started);
    return;
  }
  openQueue(sql, to);
  move(sql, from, queueListOf(before), null, started);
  move(sql, to, null, queueListOf(task), 0);
}

/** Appends the event, if there is one, to the logs of the task, its key and its subject; `keyLog` is the key's, if known. */
export function recordEvent(
  sql: Sql,
  row: TaskRow,
  type: TaskEventType | null,
  waiting: number,
  keyLog: TenantLog | null = null,
): TaskUpdate {
  const { task } = row;
  const { keyId, subject } = task.tenant;
  const logged = type !== null && type !== "progress";
  const log = (of: string, before: TenantLog | null): TenantLog =>
    logged ? appendToLog(sql, keyId, of, waiting, before) : tenantLog(sql, keyId, of);
  const key = log(WHOLE_KEY, keyLog);
  const own = subject === WHOLE_KEY ? null : log(subject, null);
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
