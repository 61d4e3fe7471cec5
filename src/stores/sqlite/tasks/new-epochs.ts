/**
 * Data that was restored from a backup: what was recorded after the backup is gone, and the positions that subscribers
 * hold would come to mean other events. Every log that goes on gets a new epoch, so that they are told to start anew.
 */

import type { Transaction } from "../transaction.ts";

/** New epochs for the logs of all tenants, at most `limit` behind `after` in their order; where to go on, null at the end. */
export function renewTenantEpochs(
  { sql, epoch }: Transaction,
  after: { keyId: string; subject: string },
  limit: number,
): { keyId: string; subject: string } | null {
  const rows = sql.all(
    "SELECT key_id, subject FROM tenants WHERE (key_id, subject) > (?, ?) ORDER BY key_id, subject LIMIT ?",
    after.keyId,
    after.subject,
    limit,
  );
  for (const row of rows)
    sql.run(
      "UPDATE tenants SET epoch = ? WHERE key_id = ? AND subject = ?",
      epoch(),
      row.key_id as string,
      row.subject as string,
    );
  const last = rows.length < limit ? undefined : rows.at(-1);
  return last === undefined ? null : { keyId: last.key_id as string, subject: last.subject as string };
}

/** New epochs for the logs of unfinished tasks, at most `limit` behind the row `after`; where to go on, null at the end. */
export function renewTaskEpochs({ sql, epoch }: Transaction, after: number, limit: number): number | null {
  const rows = sql.all(
    "SELECT no FROM tasks WHERE finished_at IS NULL AND no > ? ORDER BY no LIMIT ?",
    after,
    limit,
  );
  for (const { no } of rows) sql.run("UPDATE tasks SET epoch = ? WHERE no = ?", epoch(), no as number);
  return rows.length < limit ? null : (rows.at(-1)?.no as number);
}
