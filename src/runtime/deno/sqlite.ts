/** The SQL driver over `node:sqlite`. */

import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Sql, SqlRow, SqlValue } from "../../stores/sql.ts";
import { storageFailure } from "../../stores/sqlite/storage-failure.ts";
import { StoreUnavailableError } from "../../tasks/store-error.ts";
import type { SqliteConnection } from "../process/sqlite-file.ts";

/** Primary result codes that speak of the storage. The library reports numbers where others report names. */
const RESULT_NAMES: ReadonlyMap<number, string> = new Map([
  [3, "SQLITE_PERM"],
  [5, "SQLITE_BUSY"],
  [6, "SQLITE_LOCKED"],
  [7, "SQLITE_NOMEM"],
  [8, "SQLITE_READONLY"],
  [10, "SQLITE_IOERR"],
  [11, "SQLITE_CORRUPT"],
  [13, "SQLITE_FULL"],
  [14, "SQLITE_CANTOPEN"],
  [15, "SQLITE_PROTOCOL"],
  [23, "SQLITE_AUTH"],
  [26, "SQLITE_NOTADB"],
]);
/** The primary code is the lowest byte of an extended one. */
const PRIMARY_CODE = 0xff;

/** Opens or creates the file as it is, without any setting. Throws `StoreUnavailableError`. */
export function openNodeSqlite(path: string): SqliteConnection {
  let database: DatabaseSync;
  try {
    database = new DatabaseSync(path);
  } catch (error) {
    // Deno gives no result code here.
    throw error instanceof Error ? (storageFailure("SQLITE_CANTOPEN", error) ?? error) : error;
  }
  return new NodeSqlite(database);
}

class NodeSqlite implements SqliteConnection {
  readonly sql: StatementCache;
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.sql = new StatementCache(database);
  }

  get inTransaction(): boolean {
    return this.#database.isTransaction;
  }

  execute(statement: string): void {
    // Not `exec`: its errors come without a result code under Deno.
    this.#database.prepare(statement).all();
  }

  storageFailure(error: unknown): StoreUnavailableError | null {
    if (error instanceof StoreUnavailableError) return error;
    if (!(error instanceof Error) || !("errcode" in error) || typeof error.errcode !== "number") return null;
    const name = RESULT_NAMES.get(error.errcode & PRIMARY_CODE);
    return name === undefined ? null : storageFailure(name, error);
  }

  close(): void {
    this.sql.forget();
    this.#database.close();
  }
}

/** Prepares each SQL text once. The store's texts are a fixed set, so the cache is bounded by it. */
class StatementCache implements Sql {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  all(query: string, ...parameters: SqlValue[]): SqlRow[] {
    return this.#prepare(query).all(...parameters) as SqlRow[];
  }

  get(query: string, ...parameters: SqlValue[]): SqlRow | null {
    return (this.#prepare(query).get(...parameters) as SqlRow | undefined) ?? null;
  }

  run(query: string, ...parameters: SqlValue[]): number {
    return Number(this.#prepare(query).run(...parameters).changes);
  }

  forget(): void {
    this.#statements.clear();
  }

  #prepare(query: string): StatementSync {
    let statement = this.#statements.get(query);
    if (statement === undefined) {
      statement = this.#database.prepare(query);
      this.#statements.set(query, statement);
    }
    return statement;
  }
}
