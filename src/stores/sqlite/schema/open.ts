/**
 * Brings a database to the shape of the release that opens it: a new one gets its tables, the first release's data is
 * converted, and the tables, indexes and columns that it lacks are added. Those that this release does not know belong to
 * a later one and are never touched.
 */

import { StoreUnavailableError } from "../../../tasks/ports/store-error.ts";
import { assertReadable, type DataRelease } from "../../release.ts";
import type { Sql } from "../../sql.ts";
import type { FieldTable } from "../../task-fields.ts";
import type { Transaction } from "../transaction.ts";
import { beginConversion, convertNext, isConverting } from "./conversion.ts";
import { addMissing, hasTable } from "./missing-tables.ts";
import { tablesOf } from "./tables.ts";

/**
 * What stands in `schema_migrations` since the release after the first. The first one counted 1 and 2 there and refuses
 * more; later ones look at the table `release`.
 */
export const SCHEMA_VERSION = 3;

/** Resolves when the database has the shape; `transact` runs each step in a transaction of its own. */
export async function openSchema(
  transact: <T>(body: (tx: Transaction) => T) => Promise<T>,
  fields: FieldTable,
  release: DataRelease,
): Promise<void> {
  let converting = await transact((tx) => prepare(tx, fields, release));
  while (converting) converting = await transact(convertNext);
}

/** Throws, having changed nothing, when a newer release wrote what this one may not read. True: a conversion is to be done. */
function prepare(tx: Transaction, fields: FieldTable, release: DataRelease): boolean {
  const { sql } = tx;
  const stored = storedRelease(sql);
  if (stored !== null) assertReadable(stored.minReader, release);
  if (stored === null) {
    const version = schemaVersion(sql);
    if (version >= SCHEMA_VERSION)
      throw new StoreUnavailableError("broken", "The database does not say which release its data is of");
    sql.run(
      "CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL)",
    );
    sql.run("INSERT INTO schema_migrations (version, applied_at) VALUES (?, ?)", SCHEMA_VERSION, tx.now);
    sql.run("CREATE TABLE release (writes INTEGER NOT NULL, min_reader INTEGER NOT NULL)");
    sql.run("INSERT INTO release (writes, min_reader) VALUES (?, ?)", release.writes, release.minReader);
    if (version > 0) beginConversion(sql, version, fields);
  } else {
    sql.run(
      "UPDATE release SET writes = max(writes, ?1), min_reader = max(min_reader, ?2) WHERE writes < ?1 OR min_reader < ?2",
      release.writes,
      release.minReader,
    );
  }
  addMissing(sql, tablesOf(fields));
  return isConverting(sql);
}

/** Which release the data in the database is of; null for that of the first release, which did not say, and for none. */
export function storedRelease(sql: Sql): DataRelease | null {
  if (!hasTable(sql, "release")) return null;
  const row = sql.get("SELECT writes, min_reader FROM release");
  return row === null ? null : { writes: row.writes as number, minReader: row.min_reader as number };
}

function schemaVersion(sql: Sql): number {
  if (!hasTable(sql, "schema_migrations")) return 0;
  return Number(sql.get("SELECT max(version) AS version FROM schema_migrations")?.version ?? 0);
}
