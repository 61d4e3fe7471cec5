/**
 * What the store keeps per tenant: the position of its log, and how many of its tasks wait. The row with subject `""` is
 * the key itself and counts everything of the key; a subject has a row of its own beside it.
 */

import type { Position, TenantScope } from "../../../tasks/task.ts";
import { assertScope } from "../../scopes.ts";
import type { Sql, SqlRow } from "../../sql.ts";
import type { Transaction } from "../transaction.ts";

export type TenantLog = Position & { readonly followed: boolean };

/** The row of a key as a whole. */
export const WHOLE_KEY = "";

const APPEND = "UPDATE tenants SET seq = seq + 1, waiting = waiting + ? WHERE key_id = ? AND subject = ?";
const LOG = "SELECT epoch, seq, followed FROM tenants WHERE key_id = ? AND subject = ?";

/**
 * The next position of the tenant's log; the row has to be there. `waiting` is what its tasks that wait change by,
 * `before` the log as the step has read it already.
 */
export function appendToLog(
  sql: Sql,
  keyId: string,
  subject: string,
  waiting: number,
  before: TenantLog | null,
): TenantLog {
  // Cheaper than RETURNING, which collects its rows in a table of its own first.
  sql.run(APPEND, waiting, keyId, subject);
  return before === null ? tenantLog(sql, keyId, subject) : { ...before, seq: before.seq + 1 };
}

/** Where the tenant's log stands; the row has to be there. */
export function tenantLog(sql: Sql, keyId: string, subject: string): TenantLog {
  const row = sql.get(LOG, keyId, subject);
  if (row === null) throw new Error(`The tenant row of ${keyId} is missing`);
  return logOf(row);
}

/** Where the log of a scope stands; null when the tenant never had a task or a follower. */
export function scopePosition({ sql }: Transaction, scope: TenantScope): Position | null {
  assertScope(scope);
  const row = sql.get(LOG, scope.keyId, scopeSubject(scope));
  return row === null ? null : { epoch: row.epoch as string, seq: row.seq as number };
}

/** Where the log of a scope stands, which begins here if it never did. */
export function openScope(tx: Transaction, scope: TenantScope): Position {
  assertScope(scope);
  openTenant(tx, scope.keyId, scopeSubject(scope));
  return scopePosition(tx, scope) as Position;
}

/** The row of the tenant that a scope's streams read. */
export function scopeSubject(scope: TenantScope): string {
  return scope.subject ?? WHOLE_KEY;
}

export function openTenant({ sql, epoch }: Transaction, keyId: string, subject: string): void {
  if (sql.get("SELECT 1 FROM tenants WHERE key_id = ? AND subject = ?", keyId, subject) !== null) return;
  sql.run("INSERT INTO tenants (key_id, subject, epoch) VALUES (?, ?, ?)", keyId, subject, epoch());
}

export function setTenantFollowed({ sql }: Transaction, scope: TenantScope, followed: boolean): void {
  assertScope(scope);
  sql.run(
    "UPDATE tenants SET followed = ?1 WHERE key_id = ?2 AND subject = ?3 AND followed <> ?1",
    followed ? 1 : 0,
    scope.keyId,
    scopeSubject(scope),
  );
}

/** The log of a row that has its columns. */
export function logOf(row: SqlRow): TenantLog {
  return { epoch: row.epoch as string, seq: row.seq as number, followed: row.followed === 1 };
}
