/** The SQL driver over `bun:sqlite`: one file (or `:memory:`) with group commit. */

import { Database, SQLiteError, type SQLQueryBindings, type Statement } from "bun:sqlite";
import type { Sql, SqlDatabase, SqlRow, SqlValue } from "../../stores/sql.ts";
import { storageFailure } from "../../stores/sqlite/storage-failure.ts";
import { StoreUnavailableError } from "../../tasks/ports/store-error.ts";
import {
  type SqliteConnection,
  type SqliteFileOptions,
  serveSqliteFile,
} from "../process/data/sqlite-file.ts";

/**
 * Opens or creates the file at `path`; `:memory:` is a private database that ends with the process.
 * Throws `StoreUnavailableError` when it cannot be opened, is no database, or another process holds it.
 */
export function openSqliteFile(path: string, options: SqliteFileOptions = {}): SqlDatabase {
  return serveSqliteFile(openBunSqlite(path), options);
}

/** Opens or creates the file as it is, without any setting. Throws `StoreUnavailableError`. */
export function openBunSqlite(path: string): SqliteConnection {
  try {
    return new BunSqlite(path);
  } catch (error) {
    throw failureOf(error) ?? error;
  }
}

class BunSqlite implements SqliteConnection {
  readonly sql: StatementCache;
  readonly #database: Database;

  constructor(path: string) {
    this.#database = new Database(path, { create: true, readwrite: true });
    this.sql = new StatementCache(this.#database);
  }

  get inTransaction(): boolean {
    return this.#database.inTransaction;
  }

  execute(statement: string): void {
    this.#database.run(statement);
  }

  storageFailure(error: unknown): StoreUnavailableError | null {
    return failureOf(error);
  }

  close(): void {
    this.sql.finalize();
    this.#database.close();
  }
}

/** Prepares each SQL text once. The store's texts are a fixed set, so the cache is bounded by it. */
class StatementCache implements Sql {
  readonly #database: Database;
  readonly #statements = new Map<string, Statement<SqlRow, SQLQueryBindings[]>>();

  constructor(database: Database) {
    this.#database = database;
  }

  all(query: string, ...parameters: SqlValue[]): SqlRow[] {
    return this.#prepare(query).all(...parameters);
  }

  get(query: string, ...parameters: SqlValue[]): SqlRow | null {
    return this.#prepare(query).get(...parameters);
  }

  run(query: string, ...parameters: SqlValue[]): void {
    this.#prepare(query).run(...parameters);
  }

  change(query: string, ...parameters: SqlValue[]): number {
    return this.#prepare(query).run(...parameters).changes;
  }

  finalize(): void {
    for (const statement of this.#statements.values()) statement.finalize();
    this.#statements.clear();
  }

  #prepare(query: string): Statement<SqlRow, SQLQueryBindings[]> {
    let statement = this.#statements.get(query);
    if (statement === undefined) {
      statement = this.#database.prepare<SqlRow, SQLQueryBindings[]>(query);
      this.#statements.set(query, statement);
    }
    return statement;
  }
}

function failureOf(error: unknown): StoreUnavailableError | null {
  if (error instanceof StoreUnavailableError) return error;
  return error instanceof SQLiteError ? storageFailure(error.code ?? "", error) : null;
}
