/** What is left of deleted keys: a table of its own, because earlier releases take every row of `keys` for a living one. */

import type { DeletedKey } from "../../../accounts/keys/account-store.ts";
import type { VirtualKey } from "../../../accounts/keys/virtual-key.ts";
import type { Sql, SqlRow } from "../../sql.ts";
import type { Transaction } from "../transaction.ts";

/** What stands in `details`. */
type Details = Pick<DeletedKey, "name" | "last4" | "createdAt">;

export function noteDeleted({ sql, now }: Transaction, { id, name, last4, createdAt }: VirtualKey): void {
  sql.run(
    "INSERT OR REPLACE INTO deleted_keys (id, deleted_at, details) VALUES (?, ?, ?)",
    id,
    now,
    JSON.stringify({ name, last4, createdAt } satisfies Details),
  );
}

export function findDeletedKey(sql: Sql, id: string): DeletedKey | null {
  const row = sql.get("SELECT * FROM deleted_keys WHERE id = ?", id);
  return row === null ? null : read(row);
}

/** The one deleted last comes first. An `after` that is gone begins anew. */
export function listDeleted(
  sql: Sql,
  limit: number,
  after: string | null,
): { keys: DeletedKey[]; hasMore: boolean } {
  const cursor = after === null ? null : sql.get("SELECT no FROM deleted_keys WHERE id = ?", after);
  const before = (cursor?.no as number | undefined) ?? Number.MAX_SAFE_INTEGER;
  const rows = sql.all("SELECT * FROM deleted_keys WHERE no < ? ORDER BY no DESC LIMIT ?", before, limit + 1);
  return { keys: rows.slice(0, limit).map(read), hasMore: rows.length > limit };
}

/** Drops what was deleted at `moment` or earlier, at most `limit`: rows are in the order of their time. Answers how many. */
export function dropOldDeleted({ sql }: Transaction, moment: number, limit: number): number {
  return sql.change(
    "DELETE FROM deleted_keys WHERE no < (SELECT min(no) FROM deleted_keys) + ? AND deleted_at <= ?",
    limit,
    moment,
  );
}

function read(row: SqlRow): DeletedKey {
  const { name, last4, createdAt } = JSON.parse(row.details as string) as Details;
  return { id: row.id as string, name, last4, createdAt, deletedAt: row.deleted_at as number };
}
