/**
 * What the store keeps per tenant: the position of its log, its money and its counters. The row with subject `""` is
 * the key itself and counts everything of the key; a subject has a row of its own beside it.
 */

import type { Position, TenantScope } from "../../tasks/task.ts";
import type { Sql, SqlRow } from "../sql.ts";

export type TenantLog = Position & { readonly followed: boolean };

/** What a transition adds to the tenant's counters. */
export type TenantChange = {
  /** Tasks that wait for their first or next start. */
  waiting: number;
  reservedMicros: number;
  spentMicros: number;
};

/** The row of a key as a whole. */
export const WHOLE_KEY = "";

const APPEND = `UPDATE tenants SET seq = seq + 1, waiting = waiting + ?, reserved_micros = reserved_micros + ?,
    spent_micros = spent_micros + ? WHERE key_id = ? AND subject = ?`;
const SETTLE = `UPDATE tenants SET reserved_micros = reserved_micros - ?, spent_micros = spent_micros + ?
  WHERE key_id = ? AND subject = ?`;
const LOG = "SELECT epoch, seq, followed FROM tenants WHERE key_id = ? AND subject = ?";

/** The next position of the tenant's log; the row has to be there. */
export function appendToLog(sql: Sql, keyId: string, subject: string, change: TenantChange): TenantLog {
  // Cheaper than RETURNING, which collects its rows in a table of its own first.
  sql.run(APPEND, change.waiting, change.reservedMicros, change.spentMicros, keyId, subject);
  return tenantLog(sql, keyId, subject);
}

/** Where the tenant's log stands; the row has to be there. */
export function tenantLog(sql: Sql, keyId: string, subject: string): TenantLog {
  return logOf(sql.get(LOG, keyId, subject), keyId);
}

/** Where the log of a scope stands; null when the tenant never had a task or a follower. */
export function scopePosition(sql: Sql, scope: TenantScope): Position | null {
  const row = sql.get(LOG, scope.keyId, scopeSubject(scope));
  return row === null ? null : { epoch: row.epoch as string, seq: row.seq as number };
}

/** The row of the tenant that a scope's streams read. */
export function scopeSubject(scope: TenantScope): string {
  return scope.subject ?? WHOLE_KEY;
}

export function openTenant(sql: Sql, keyId: string, subject: string, epoch: () => string): void {
  if (sql.get("SELECT 1 FROM tenants WHERE key_id = ? AND subject = ?", keyId, subject) !== null) return;
  sql.run("INSERT INTO tenants (key_id, subject, epoch) VALUES (?, ?, ?)", keyId, subject, epoch());
}

/** Gives a reservation back and charges what was used of it, for the key and for the subject. */
export function settleReservation(
  sql: Sql,
  tenant: { keyId: string; subject: string },
  reservedMicros: number,
  chargedMicros: number,
): void {
  if (reservedMicros === 0 && chargedMicros === 0) return;
  sql.run(SETTLE, reservedMicros, chargedMicros, tenant.keyId, WHOLE_KEY);
  if (tenant.subject !== WHOLE_KEY)
    sql.run(SETTLE, reservedMicros, chargedMicros, tenant.keyId, tenant.subject);
}

export function setTenantFollowed(sql: Sql, keyId: string, subject: string, followed: boolean): void {
  const flag = followed ? 1 : 0;
  sql.run(
    "UPDATE tenants SET followed = ?1 WHERE key_id = ?2 AND subject = ?3 AND followed <> ?1",
    flag,
    keyId,
    subject,
  );
}

function logOf(row: SqlRow | null, keyId: string): TenantLog {
  if (row === null) throw new Error(`The tenant row of ${keyId} is missing`);
  return { epoch: row.epoch as string, seq: row.seq as number, followed: row.followed === 1 };
}
