/** Idempotency keys: which task a repeated request already made. Scoped by tenant. */

import type { IdempotencyClaim } from "../../../tasks/ports/task-store.ts";
import type { Tenant } from "../../../tasks/task.ts";
import type { Transaction } from "../transaction.ts";
import type { TaskRow } from "./task-table.ts";

/** The task that holds the key, "conflict" when its request was another one, null when the key is free to take. */
export function holderOf(
  { sql, tasks, now }: Transaction,
  tenant: Tenant,
  claim: IdempotencyClaim,
): TaskRow | "conflict" | null {
  if (claim.takeOver) return null;
  const row = sql.get(
    `SELECT fingerprint, task_id FROM idempotency
     WHERE key_id = ? AND subject = ? AND idempotency_key = ? AND expires_at > ?`,
    tenant.keyId,
    tenant.subject,
    claim.key,
    now,
  );
  const holder = row === null ? null : tasks.byId(sql, row.task_id as string);
  if (row === null || holder === null) return null;
  const endedAt = holder.task.finishedAt;
  const tooOld =
    claim.onlyIfEndedWithinMs !== undefined && endedAt !== null && now - endedAt > claim.onlyIfEndedWithinMs;
  if (tooOld) return null;
  return row.fingerprint === claim.fingerprint ? holder : "conflict";
}

/** Takes the key for a task, from whoever held it before. The task's removal frees it: ids are never used again. */
export function takeKey(
  { sql, now }: Transaction,
  tenant: Tenant,
  claim: IdempotencyClaim,
  taskId: string,
): void {
  sql.run(
    `INSERT OR REPLACE INTO idempotency (key_id, subject, idempotency_key, fingerprint, task_id, expires_at)
     VALUES (?, ?, ?, ?, ?, ?)`,
    tenant.keyId,
    tenant.subject,
    claim.key,
    claim.fingerprint,
    taskId,
    now + claim.ttlMs,
  );
}
