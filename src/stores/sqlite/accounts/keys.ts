/** Virtual keys as rows: what is searched or checked in a column, the rest as JSON, where fields of later releases stay. */

import { type AccountStore, DuplicateKeyError } from "../../../accounts/account-store.ts";
import type { KeyPatch, VirtualKey } from "../../../accounts/virtual-key.ts";
import type { Sql, SqlRow } from "../../sql.ts";
import { budgetsOf, budgetsText, limitsOf, limitsText } from "../money/budgets.ts";
import { setCap } from "../queue/queue-counters.ts";
import type { Transactions } from "../transactions.ts";

/** What stands in `details`. */
type Details = Pick<
  VirtualKey,
  "name" | "last4" | "allowedModels" | "permissions" | "maxPriority" | "metadata"
>;

export function accountMethods(transactions: Transactions): AccountStore {
  return {
    findKeyByHash: (hash) => transactions.read(({ sql }) => keyByHash(sql, hash)),
    getKey: (id) => transactions.read(({ sql }) => keyById(sql, id)),
    listKeys: (limit, after) => transactions.read(({ sql }) => listKeys(sql, limit, after)),
    createKey: (key) => transactions.write(({ sql }) => insertKey(sql, key)),
    updateKey: (id, patch, updatedAt) =>
      transactions.write(({ sql }) => updateKey(sql, id, patch, updatedAt)),
    deleteKey: (id) => transactions.write(({ sql, now }) => deleteKey(sql, id, now)),
  };
}

function keyById(sql: Sql, id: string): VirtualKey | null {
  return read(sql.get("SELECT * FROM keys WHERE id = ?", id));
}

function keyByHash(sql: Sql, hash: string): VirtualKey | null {
  return read(sql.get("SELECT * FROM keys WHERE hash = ?", hash));
}

/** Newest first. An `after` that has been deleted meanwhile begins anew. */
function listKeys(sql: Sql, limit: number, after: string | null): { keys: VirtualKey[]; hasMore: boolean } {
  const cursor = after === null ? null : sql.get("SELECT no FROM keys WHERE id = ?", after);
  const before = (cursor?.no as number | undefined) ?? Number.MAX_SAFE_INTEGER;
  const rows = sql.all("SELECT * FROM keys WHERE no < ? ORDER BY no DESC LIMIT ?", before, limit + 1);
  const keys = rows.slice(0, limit).map((row) => read(row) as VirtualKey);
  return { keys, hasMore: rows.length > limit };
}

function insertKey(sql: Sql, key: VirtualKey): void {
  if (sql.get("SELECT 1 FROM keys WHERE id = ? OR hash = ?", key.id, key.hash) !== null) throw duplicate(key);
  sql.run(
    `INSERT INTO keys (id, hash, enabled, expires_at, max_concurrent_tasks, budgets, limits, created_at, updated_at,
       details) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
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

function updateKey(sql: Sql, id: string, patch: KeyPatch, updatedAt: number): VirtualKey | null {
  const row = sql.get("SELECT * FROM keys WHERE id = ?", id);
  const before = read(row);
  if (row === null || before === null) return null;
  const key: VirtualKey = { ...before, ...patch, updatedAt };
  if (sql.get("SELECT 1 FROM keys WHERE hash = ? AND id <> ?", key.hash, id) !== null) throw duplicate(key);
  sql.run(
    `UPDATE keys SET hash = ?, enabled = ?, expires_at = ?, max_concurrent_tasks = ?, budgets = ?, limits = ?, updated_at = ?,
       details = ?
     WHERE id = ?`,
    key.hash,
    key.enabled ? 1 : 0,
    key.expiresAt,
    key.maxConcurrentTasks,
    budgetsText(key.budgets),
    limitsText(key),
    updatedAt,
    JSON.stringify({ ...(JSON.parse(row.details as string) as Details), ...detailsOf(key) }),
    id,
  );
  const endMoved = key.expiresAt !== before.expiresAt;
  if (endMoved || capOf(key) !== capOf(before)) setCap(sql, id, capOf(key));
  if (endMoved) closeAt(sql, id, key.expiresAt);
  return key;
}

function deleteKey(sql: Sql, id: string, now: number): boolean {
  sql.run("DELETE FROM endpoints WHERE key_id = ?", id);
  sql.run("DELETE FROM webhook_secrets WHERE key_id = ?", id);
  if (sql.change("DELETE FROM keys WHERE id = ?", id) === 0) return false;
  for (const table of ["customer_budgets", "request_rates"])
    sql.run(`DELETE FROM ${table} WHERE key_id = ?`, id);
  setCap(sql, id, 0);
  closeAt(sql, id, now);
  return true;
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
    createdAt: row.created_at as number,
    updatedAt: row.updated_at as number,
  };
}
