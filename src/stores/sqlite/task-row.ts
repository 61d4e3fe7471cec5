/** A task as rows: reading it whole, writing only the columns that changed. */

import type { Cancellation, Json, Priority, TaskStatus, TaskType } from "../../protocol/task.ts";
import type { TaskDraft } from "../../tasks/ports/task-store.ts";
import type { Task, TaskError, TaskResult } from "../../tasks/task.ts";
import type { Sql, SqlRow, SqlValue } from "../sql.ts";
import { newTask, type Spec } from "../task-spec.ts";

/** A task with what the store knows besides. */
export type TaskRow = {
  /** Its row number; rises with age within the store. */
  readonly no: number;
  readonly task: Task;
  /** Its rank among its key's ready tasks; null when it does not stand there. */
  readonly readyRank: number | null;
  /** When the newest progress was recorded; that progress is the last event when it is newer than every stored one. */
  readonly progressAt: number | null;
  readonly followed: boolean;
  /** Its events are gone; the log begins anew behind its position. */
  readonly trimmed: boolean;
  readonly specBytes: number;
  /** Settings of its webhook; null when it has none. */
  readonly webhook: Json;
};

type Place = Pick<TaskRow, "task" | "readyRank" | "progressAt">;

const COLUMNS =
  "no, id, key_id, subject, type, priority, batch_id, created_at, updated_at, started_at, " +
  "finished_at, deadline_at, status, progress, progress_at, message, attempt, ready_rank, due_at, " +
  "lease_until, fence, unsure, epoch, seq, trimmed, followed, reserved_micros, cost_micros, settled, " +
  "cancellation, provider_ms, store_ms, spec_bytes, state, error, result, coalesce(spec, (SELECT spec FROM specs WHERE task_no = no)) AS spec";
const SELECT = `SELECT ${COLUMNS} FROM tasks`;
const BY_NO = `${SELECT} WHERE no = ?`;
const BY_ID = `${SELECT} WHERE id = ?`;
const OLDEST_READY = `${SELECT} WHERE no = (
  SELECT no FROM tasks WHERE key_id = +? AND type = +? AND ready_rank = +? ORDER BY no LIMIT 1)`;

export function taskByNo(sql: Sql, no: number): TaskRow | null {
  return read(sql.get(BY_NO, no));
}

export function taskById(sql: Sql, id: string): TaskRow | null {
  return read(sql.get(BY_ID, id));
}

/** The task that has waited longest among its key's ready ones of a rank. */
export function oldestReady(sql: Sql, lane: TaskType, keyId: string, rank: number): TaskRow | null {
  return read(sql.get(OLDEST_READY, keyId, lane, rank));
}

const INSERT_TASK = `INSERT INTO tasks (
    id, key_id, subject, type, priority, batch_id, created_at, updated_at, deadline_at, status, progress, attempt,
    ready_rank, wake_at, fence, unsure, epoch, seq, trimmed, reserved_micros, cost_micros, settled,
    provider_ms, store_ms, spec_bytes, spec
  ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'queued', 0, 0, ?, ?, 0, 0, ?, 1, 0, ?, 0, 0, 0, 0, ?, ?)`;
/** A longer spec stands in a row of its own: a transition rewrites the task's row whole, and this much costs nothing. */
const INLINE_SPEC_BYTES = 1_024;
const INSERT_SPEC = "INSERT INTO specs (task_no, spec) VALUES (?, ?)";

/** Writes a new task, `queued` with its first event at seq 1, and answers it. */
export function insertTask(
  sql: Sql,
  draft: TaskDraft,
  spec: { text: string; bytes: number },
  place: { epoch: string; readyRank: number; now: number },
): TaskRow {
  const { now, epoch, readyRank } = place;
  const task = newTask(draft, epoch, now);
  const inline = spec.bytes <= INLINE_SPEC_BYTES;
  sql.run(
    INSERT_TASK,
    draft.id,
    draft.tenant.keyId,
    draft.tenant.subject || null,
    draft.type,
    draft.priority,
    draft.batchId,
    now,
    now,
    task.deadlineAt,
    readyRank,
    task.deadlineAt,
    epoch,
    draft.reservedMicros,
    spec.bytes,
    inline ? spec.text : null,
  );
  const no = sql.get("SELECT last_insert_rowid() AS no")?.no as number;
  if (!inline) sql.run(INSERT_SPEC, no, spec.text);
  return {
    no,
    task,
    readyRank,
    progressAt: null,
    followed: false,
    trimmed: false,
    specBytes: spec.bytes,
    webhook: draft.webhook ?? null,
  };
}

/** The columns a transition may change. At most 31: a set of them is a bit mask. */
const MUTABLE: readonly { name: string; json?: true; of: (place: Place) => Json | TaskResult | TaskError }[] =
  [
    { name: "status", of: ({ task }) => task.status },
    { name: "progress", of: ({ task }) => task.progress },
    { name: "progress_at", of: ({ progressAt }) => progressAt },
    { name: "message", of: ({ task }) => task.message },
    { name: "attempt", of: ({ task }) => task.attempt },
    { name: "updated_at", of: ({ task }) => task.updatedAt },
    { name: "started_at", of: ({ task }) => task.startedAt },
    { name: "finished_at", of: ({ task }) => task.finishedAt },
    { name: "deadline_at", of: ({ task }) => task.deadlineAt },
    { name: "ready_rank", of: ({ readyRank }) => readyRank },
    { name: "due_at", of: ({ task }) => task.dueAt },
    { name: "lease_until", of: ({ task }) => task.leaseUntil },
    { name: "wake_at", of: ({ task }) => wakeAt(task) },
    { name: "fence", of: ({ task }) => task.fence },
    { name: "unsure", of: ({ task }) => (task.unsure ? 1 : 0) },
    { name: "seq", of: ({ task }) => task.seq },
    { name: "cost_micros", of: ({ task }) => task.costMicros },
    { name: "settled", of: ({ task }) => (task.settled ? 1 : 0) },
    { name: "cancellation", of: ({ task }) => task.cancellation },
    { name: "provider_ms", of: ({ task }) => task.providerMs },
    { name: "store_ms", of: ({ task }) => task.storeMs },
    { name: "state", json: true, of: ({ task }) => task.state },
    { name: "error", json: true, of: ({ task }) => task.error },
    { name: "result", json: true, of: ({ task }) => task.result },
  ];
const updates = new Map<number, string>();

/** Writes what differs between the two; an index whose columns did not change is not touched. */
export function updateTask(sql: Sql, no: number, before: Place, after: Place): void {
  const values: SqlValue[] = [];
  let mask = 0;
  for (let index = 0; index < MUTABLE.length; index++) {
    const column = MUTABLE[index] as (typeof MUTABLE)[number];
    const value = column.of(after);
    if (value === column.of(before)) continue;
    mask |= 1 << index;
    values.push(column.json && value !== null ? JSON.stringify(value) : (value as SqlValue));
  }
  if (mask === 0) return;
  let query = updates.get(mask);
  if (query === undefined) {
    const names = MUTABLE.filter((_, index) => mask & (1 << index)).map((column) => `${column.name} = ?`);
    query = `UPDATE tasks SET ${names.join(", ")} WHERE no = ?`;
    updates.set(mask, query);
  }
  values.push(no);
  sql.run(query, ...values);
}

/** When somebody must look at the task even if nobody rings. */
function wakeAt(task: Task): number | null {
  if (task.finishedAt !== null) return null;
  return task.leaseUntil === null ? task.deadlineAt : Math.min(task.leaseUntil, task.deadlineAt);
}

function read(row: SqlRow | null): TaskRow | null {
  if (row === null) return null;
  const spec = JSON.parse(row.spec as string) as Spec;
  const task: Task = {
    id: row.id as string,
    tenant: { keyId: row.key_id as string, subject: (row.subject as string | null) ?? "" },
    type: row.type as TaskType,
    model: spec.model,
    provider: spec.provider,
    providerModel: spec.providerModel,
    request: spec.request,
    priority: row.priority as Priority,
    metadata: spec.metadata,
    retryOf: spec.retryOf,
    batchId: row.batch_id as string | null,
    baseUrl: spec.baseUrl,
    createdAt: row.created_at as number,
    updatedAt: row.updated_at as number,
    startedAt: row.started_at as number | null,
    finishedAt: row.finished_at as number | null,
    timeoutMs: spec.timeoutMs,
    deadlineAt: row.deadline_at as number,
    status: row.status as TaskStatus,
    progress: row.progress as number,
    message: row.message as string | null,
    attempt: row.attempt as number,
    maxAttempts: spec.maxAttempts,
    dueAt: row.due_at as number | null,
    state: parse<Json>(row.state),
    unsure: row.unsure === 1,
    epoch: row.epoch as string,
    seq: row.seq as number,
    fence: row.fence as number,
    leaseUntil: row.lease_until as number | null,
    result: parse<TaskResult>(row.result),
    error: parse<TaskError>(row.error),
    cancellation: row.cancellation as Cancellation | null,
    reservedMicros: row.reserved_micros as number,
    costMicros: row.cost_micros as number,
    settled: row.settled === 1,
    providerMs: row.provider_ms as number,
    storeMs: row.store_ms as number,
  };
  return {
    no: row.no as number,
    task,
    readyRank: row.ready_rank as number | null,
    progressAt: row.progress_at as number | null,
    followed: row.followed === 1,
    trimmed: row.trimmed === 1,
    specBytes: row.spec_bytes as number,
    webhook: spec.webhook ?? null,
  };
}

function parse<T>(text: SqlValue | undefined): T | null {
  return typeof text === "string" ? (JSON.parse(text) as T) : null;
}
