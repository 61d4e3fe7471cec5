/** Idempotency keys: which task or batch a repeated request already made. Scoped by tenant. */

import type { IdempotencyClaim } from "../../../tasks/ports/task-store.ts";
import type { Tenant } from "../../../tasks/task.ts";
import type { Transaction } from "../transaction.ts";
import type { TaskRow } from "./task-table.ts";

/** The task that holds the key, "conflict" when its request was another one, null when the key is free to take. */
export function holderOf(
  tx: Transaction,
  tenant: Tenant,
  claim: IdempotencyClaim,
): TaskRow | "conflict" | null {
  return heldBy(tx, tenant, claim, {
    load: (id) => tx.tasks.byId(tx.sql, id),
    finishedAt: ({ task }) => task.finishedAt,
  });
}

/** What the claims of a kind of request name. */
type Holders<T> = { load(id: string): T | null; finishedAt(holder: T): number | null };

/** What holds the key of a request that makes a `T`; routes scope their keys, so that no key is of two kinds. */
export function heldBy<T>(
  { sql, now }: Transaction,
  tenant: Tenant,
  claim: IdempotencyClaim,
  { load, finishedAt }: Holders<T>,
): T | "conflict" | null {
  if (claim.takeOver) return null;
  const row = sql.get(
    `SELECT fingerprint, task_id FROM idempotency
     WHERE key_id = ? AND subject = ? AND idempotency_key = ? AND expires_at > ?`,
    tenant.keyId,
    tenant.subject,
    claim.key,
    now,
  );
  const holder = row === null ? null : load(row.task_id as string);
  if (row === null || holder === null) return null;
  const endedAt = finishedAt(holder);
  const tooOld =
    claim.onlyIfEndedWithinMs !== undefined && endedAt !== null && now - endedAt > claim.onlyIfEndedWithinMs;
  if (tooOld) return null;
  return row.fingerprint === claim.fingerprint ? holder : "conflict";
}

/** Takes the key for what has the id, from whatever held it before. Its removal frees it: ids are never used again. */
export function takeKey(
  { sql, now }: Transaction,
  tenant: Tenant,
  claim: IdempotencyClaim,
  id: string,
): void {
  sql.run(
    `INSERT OR REPLACE INTO idempotency (key_id, subject, idempotency_key, fingerprint, task_id, expires_at)
     VALUES (?, ?, ?, ?, ?, ?)`,
    tenant.keyId,
    tenant.subject,
    claim.key,
    claim.fingerprint,
    id,
    now + claim.ttlMs,
  );
}
