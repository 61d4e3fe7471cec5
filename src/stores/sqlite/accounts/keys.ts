/** Virtual keys as rows: what is searched or checked in a column, the rest as JSON, where fields of later releases stay. */

import {
  type AccountStore,
  DuplicateKeyError,
  type KeyOutcome,
  type KeyStep,
} from "../../../accounts/keys/account-store.ts";
import type { KeyPatch, PreviousForm, VirtualKey } from "../../../accounts/keys/virtual-key.ts";
import type { Sql, SqlRow } from "../../sql.ts";
import { budgetsOf, budgetsText, limitsOf, limitsText } from "../money/key-limits.ts";
import { setCap } from "../queue/queue-counters.ts";
import type { Transaction } from "../transaction.ts";
import type { Transactions } from "../transactions.ts";
import { keepAnswer, recallAnswer } from "./answers.ts";
import { writeAudit } from "./audit.ts";
import { findDeletedKey, listDeleted, noteDeleted } from "./deleted-keys.ts";

/** What stands in `details`. */
type Details = Pick<
  VirtualKey,
  "name" | "last4" | "allowedModels" | "permissions" | "maxPriority" | "metadata"
>;

export function accountMethods(transactions: Transactions): AccountStore {
  return {
    findKeyByHash: (hash) => transactions.read((tx) => keyByHash(tx, hash)),
    getKey: (id) => transactions.read(({ sql }) => keyById(sql, id)),
    listKeys: (limit, after) => transactions.read(({ sql }) => listKeys(sql, limit, after)),
    createKey: (key, step = {}) => transactions.write((tx) => createKey(tx, key, step)),
    updateKey: (id, patch, updatedAt, step = {}) =>
      transactions.write((tx) => updateKey(tx, id, { ...patch, updatedAt }, step)),
    deleteKey: (id, step = {}) => transactions.write((tx) => deleteKey(tx, id, step)),
    getDeletedKey: (id) => transactions.read(({ sql }) => findDeletedKey(sql, id)),
    listDeletedKeys: (limit, after) => transactions.read(({ sql }) => listDeleted(sql, limit, after)),
    recallAnswer: (id) => transactions.read((tx) => recallAnswer(tx, id)),
  };
}

function keyById(sql: Sql, id: string): VirtualKey | null {
  return read(sql.get("SELECT * FROM keys WHERE id = ?", id));
}

/** By the hash of its plain form, else of the one before it while that works. */
function keyByHash({ sql, now }: Transaction, hash: string): VirtualKey | null {
  const key = read(sql.get("SELECT * FROM keys WHERE hash = ?", hash));
  if (key !== null) return key;
  const rotated = read(sql.get("SELECT * FROM keys WHERE previous_hash = ?", hash));
  const previous = rotated?.previous;
  return previous && previous.validUntil > now && previous.successor === rotated.hash ? rotated : null;
}

/** Newest first. An `after` that has been deleted meanwhile begins anew. */
function listKeys(sql: Sql, limit: number, after: string | null): { keys: VirtualKey[]; hasMore: boolean } {
  const cursor = after === null ? null : sql.get("SELECT no FROM keys WHERE id = ?", after);
  const before = (cursor?.no as number | undefined) ?? Number.MAX_SAFE_INTEGER;
  const rows = sql.all("SELECT * FROM keys WHERE no < ? ORDER BY no DESC LIMIT ?", before, limit + 1);
  const keys = rows.slice(0, limit).map((row) => read(row) as VirtualKey);
  return { keys, hasMore: rows.length > limit };
}

/** The kept answer of the same request, if there is one: then nothing is to be done. */
function answered(tx: Transaction, { once }: KeyStep): KeyOutcome | null {
  const answer = once === undefined ? null : recallAnswer(tx, once.id);
  return answer === null ? null : { outcome: "answered", answer };
}

/** What is written beside a change. */
function finishStep(tx: Transaction, { audit, once }: KeyStep): void {
  writeAudit(tx, audit ?? null);
  if (once !== undefined) keepAnswer(tx, once);
}

function isStale(key: VirtualKey, { version }: KeyStep): boolean {
  return version !== undefined && (version.revision !== key.revision || version.updatedAt !== key.updatedAt);
}

function createKey(tx: Transaction, key: VirtualKey, step: KeyStep): KeyOutcome {
  const before = answered(tx, step);
  if (before !== null) return before;
  insertKey(tx.sql, key);
  tx.money.limits.forget();
  finishStep(tx, step);
  return { outcome: "done", key };
}

function insertKey(sql: Sql, key: VirtualKey): void {
  if (sql.get("SELECT 1 FROM keys WHERE id = ? OR hash = ?", key.id, key.hash) !== null) throw duplicate(key);
  sql.run(
    `INSERT INTO keys (id, hash, enabled, expires_at, max_concurrent_tasks, budgets, limits, created_at, updated_at,
       details, revision) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    key.id,
    key.hash,
    key.enabled ? 1 : 0,
    key.expiresAt,
    key.maxConcurrentTasks,
    budgetsText(key.budgets),
    limitsText(key),
    key.createdAt,
    key.updatedAt,
    JSON.stringify(detailsOf(key)),
    key.revision,
  );
  // Tasks of a deleted key of that name may still be there.
  setCap(sql, key.id, capOf(key));
  closeAt(sql, key.id, key.expiresAt);
}

/** None of the waiting tasks of a key that is off is started. */
function capOf({ enabled, maxConcurrentTasks }: VirtualKey): number | null {
  return enabled ? maxConcurrentTasks : 0;
}

/** When the sweep cancels what waits under the key (queue/leases.ts); null: never. */
function closeAt(sql: Sql, id: string, at: number | null): void {
  if (at === null) sql.run("DELETE FROM closing_keys WHERE key_id = ?", id);
  else sql.run("INSERT OR REPLACE INTO closing_keys (key_id, at) VALUES (?, ?)", id, at);
}

function updateKey(
  tx: Transaction,
  id: string,
  patch: KeyPatch & Pick<VirtualKey, "updatedAt">,
  step: KeyStep,
): KeyOutcome {
  const { sql } = tx;
  const repeated = answered(tx, step);
  if (repeated !== null) return repeated;
  const row = sql.get("SELECT * FROM keys WHERE id = ?", id);
  const before = read(row);
  if (row === null || before === null) return { outcome: "missing" };
  if (isStale(before, step)) return { outcome: "stale" };
  const key: VirtualKey = { ...before, ...patch, revision: before.revision + 1 };
  if (sql.get("SELECT 1 FROM keys WHERE hash = ? AND id <> ?", key.hash, id) !== null) throw duplicate(key);
  sql.run(
    `UPDATE keys SET hash = ?, enabled = ?, expires_at = ?, max_concurrent_tasks = ?, budgets = ?, limits = ?, updated_at = ?,
       details = ?, revision = ?, previous_hash = ?, previous = ?
     WHERE id = ?`,
    key.hash,
    key.enabled ? 1 : 0,
    key.expiresAt,
    key.maxConcurrentTasks,
    budgetsText(key.budgets),
    limitsText(key),
    key.updatedAt,
    JSON.stringify({ ...(JSON.parse(row.details as string) as Details), ...detailsOf(key) }),
    key.revision,
    key.previous?.hash ?? null,
    key.previous === null ? null : JSON.stringify(key.previous),
    id,
  );
  const endMoved = key.expiresAt !== before.expiresAt;
  if (endMoved || capOf(key) !== capOf(before)) setCap(sql, id, capOf(key));
  if (endMoved) closeAt(sql, id, key.expiresAt);
  tx.money.limits.forget();
  finishStep(tx, step);
  return { outcome: "done", key };
}

function deleteKey(tx: Transaction, id: string, step: KeyStep): "deleted" | "missing" | "stale" {
  const { sql, now } = tx;
  const key = keyById(sql, id);
  if (key === null) return "missing";
  if (isStale(key, step)) return "stale";
  noteDeleted(tx, key);
  sql.run("DELETE FROM endpoints WHERE key_id = ?", id);
  sql.run("DELETE FROM webhook_secrets WHERE key_id = ?", id);
  sql.run("DELETE FROM keys WHERE id = ?", id);
  tx.money.write(sql);
  for (const table of ["customer_budgets", "request_rates"])
    sql.run(`DELETE FROM ${table} WHERE key_id = ?`, id);
  setCap(sql, id, 0);
  closeAt(sql, id, now);
  finishStep(tx, step);
  return "deleted";
}

function duplicate(key: VirtualKey): DuplicateKeyError {
  return new DuplicateKeyError(`A key with the id ${key.id}, or with the same secret, exists already`);
}

function detailsOf(key: VirtualKey): Details {
  return {
    name: key.name,
    last4: key.last4,
    allowedModels: key.allowedModels,
    permissions: key.permissions,
    maxPriority: key.maxPriority,
    metadata: key.metadata,
  };
}

function read(row: SqlRow | null): VirtualKey | null {
  if (row === null) return null;
  const details = JSON.parse(row.details as string) as Details;
  return {
    id: row.id as string,
    name: details.name,
    hash: row.hash as string,
    last4: details.last4,
    enabled: row.enabled === 1,
    expiresAt: row.expires_at as number | null,
    allowedModels: details.allowedModels,
    permissions: details.permissions,
    maxPriority: details.maxPriority,
    maxConcurrentTasks: row.max_concurrent_tasks as number | null,
    budgets: budgetsOf(row.budgets),
    ...limitsOf(row.limits),
    metadata: details.metadata,
    previous: typeof row.previous === "string" ? (JSON.parse(row.previous) as PreviousForm) : null,
    revision: row.revision as number,
    createdAt: row.created_at as number,
    updatedAt: row.updated_at as number,
  };
}
