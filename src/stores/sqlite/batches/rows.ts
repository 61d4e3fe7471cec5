/** Batches as rows: the counters in one table, what never changes and is long in another. */

import { isTerminal, TASK_STATUSES, type TaskStatus } from "../../../protocol/task.ts";
import type { Batch } from "../../../tasks/batches/batch.ts";
import { toWireBatch } from "../../../tasks/batches/wire.ts";
import type { BatchDraft } from "../../../tasks/ports/batch-store.ts";
import type { TenantScope } from "../../../tasks/task.ts";
import { assertScope } from "../../scopes.ts";
import type { Sql, SqlRow } from "../../sql.ts";
import { leaveDeliveries } from "../deliveries/leaving.ts";
import type { Transaction } from "../transaction.ts";

type Details = Pick<Batch, "taskIds" | "metadata" | "webhook">;

const SELECT = `SELECT id, key_id, subject, created_at, cancelled_at, finished_at, ${TASK_STATUSES.join(", ")},
  (SELECT details FROM batch_details WHERE batch_id = id) AS details FROM batches`;
/** Nothing when tasks are left, or when it had ended before. */
const END = `UPDATE batches SET finished_at = ? WHERE id = ? AND queued + running <= 0 AND finished_at IS NULL`;

/** Writes a batch whose tasks are all queued. */
export function insertBatch({ sql, now }: Transaction, draft: BatchDraft): Batch {
  const { id, tenant, metadata, webhook, tasks } = draft;
  const details: Details = { taskIds: tasks.map((task) => task.id), metadata, webhook };
  sql.run(
    "INSERT INTO batches (id, key_id, subject, created_at, queued) VALUES (?, ?, ?, ?, ?)",
    id,
    tenant.keyId,
    tenant.subject,
    now,
    tasks.length,
  );
  sql.run("INSERT INTO batch_details (batch_id, details) VALUES (?, ?)", id, JSON.stringify(details));
  const counts = { queued: tasks.length, running: 0, completed: 0, failed: 0, cancelled: 0 };
  return { id, tenant, ...details, createdAt: now, cancelledAt: null, finishedAt: null, counts };
}

/**
 * Counts a task that changed its status; `batchId` is null for a task of no batch. Ends the batch with its last task, and
 * leaves word of that for webhooks. A
 * task may name a batch that is not there: one that was removed before it.
 */
export function moveInBatch(tx: Transaction, batchId: string | null, from: TaskStatus, to: TaskStatus): void {
  if (batchId === null || from === to) return;
  const { sql, now } = tx;
  sql.run(`UPDATE batches SET ${from} = ${from} - 1, ${to} = ${to} + 1 WHERE id = ?`, batchId);
  if (!isTerminal(to) || sql.change(END, now, batchId) === 0) return;
  const batch = batchById(sql, batchId);
  if (batch === null) return;
  const body = { data: toWireBatch(batch) };
  leaveDeliveries(
    tx,
    { id: batchId, keyId: batch.tenant.keyId, type: "batch.completed", body },
    batch.webhook,
  );
}

export function batchById(sql: Sql, id: string): Batch | null {
  const row = sql.get(`${SELECT} WHERE id = ?`, id);
  return row === null ? null : batchOf(row);
}

/** Null also for one of another tenant. */
export function visibleBatch({ sql }: Transaction, scope: TenantScope, id: string): Batch | null {
  assertScope(scope);
  const batch = batchById(sql, id);
  if (batch === null || batch.tenant.keyId !== scope.keyId) return null;
  return scope.subject === null || scope.subject === batch.tenant.subject ? batch : null;
}

const NEWEST = "g";
const OF_KEY = `${SELECT} WHERE key_id = +? AND id < ? ORDER BY id DESC LIMIT ?`;
const OF_SUBJECT = `${SELECT} WHERE key_id = +? AND subject = +? AND id < ? ORDER BY id DESC LIMIT ?`;

export function listBatches(
  { sql }: Transaction,
  scope: TenantScope,
  { limit, after }: { limit: number; after: string | null },
): { batches: Batch[]; hasMore: boolean } {
  assertScope(scope);
  const from = after ?? NEWEST;
  const rows =
    scope.subject === null
      ? sql.all(OF_KEY, scope.keyId, from, limit + 1)
      : sql.all(OF_SUBJECT, scope.keyId, scope.subject, from, limit + 1);
  return { batches: rows.slice(0, limit).map(batchOf), hasMore: rows.length > limit };
}

/** Marks an unfinished batch as cancelled, once. */
export function markCancelled(tx: Transaction, scope: TenantScope, id: string): Batch | null {
  const batch = visibleBatch(tx, scope, id);
  if (batch === null || batch.finishedAt !== null || batch.cancelledAt !== null) return batch;
  tx.sql.run("UPDATE batches SET cancelled_at = ? WHERE id = ?", tx.now, id);
  return { ...batch, cancelledAt: tx.now };
}

/** Removes at most `limit` batches that ended at `moment` or earlier; answers how many. */
export function dropOldBatches({ sql }: Transaction, moment: number, limit: number): number {
  const old = sql.all(
    "SELECT id FROM batches WHERE finished_at <= ? ORDER BY finished_at LIMIT ?",
    moment,
    limit,
  );
  for (const { id } of old) {
    sql.run("DELETE FROM batch_details WHERE batch_id = ?", id as string);
    sql.run("DELETE FROM batches WHERE id = ?", id as string);
  }
  return old.length;
}

/** Details that are damaged leave a batch without them: its counts are still right. */
function batchOf(row: SqlRow): Batch {
  return {
    id: row.id as string,
    tenant: { keyId: row.key_id as string, subject: row.subject as string },
    ...detailsIn(row.details as string | null),
    createdAt: row.created_at as number,
    cancelledAt: row.cancelled_at as number | null,
    finishedAt: row.finished_at as number | null,
    counts: Object.fromEntries(TASK_STATUSES.map((name) => [name, row[name] as number])) as Batch["counts"],
  };
}

function detailsIn(text: string | null): Details {
  const none: Details = { taskIds: [], metadata: {}, webhook: null };
  try {
    return { ...none, ...(JSON.parse(text ?? "{}") as Partial<Details>) };
  } catch {
    return none;
  }
}
