/** The SQL driver over `node:sqlite`. */

import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Sql, SqlRow, SqlValue } from "../../stores/sql.ts";
import { storageFailure } from "../../stores/sqlite/storage-failure.ts";
import { StoreUnavailableError } from "../../tasks/ports/store-error.ts";
import type { SqliteConnection } from "../process/data/sqlite-file.ts";

/** Primary result codes about the storage. `node:sqlite` reports numbers where `bun:sqlite` reports names. */
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

/**
 * Deno cuts a text at its first NUL when it reads one, so texts with a NUL are stored under another spelling: a
 * noncharacter, which Unicode keeps for such inner use, and a letter behind it. Files without such texts are the same
 * under every runtime.
 */
const ESCAPE = "\ufdd0";
const STORED: Readonly<Record<string, string>> = { "\0": `${ESCAPE}0`, [ESCAPE]: `${ESCAPE}1` };
const READ: Readonly<Record<string, string>> = { [`${ESCAPE}0`]: "\0", [`${ESCAPE}1`]: ESCAPE };
const ANY_STORED = new RegExp(`${ESCAPE}[01]`, "g");

function stored(values: SqlValue[]): SqlValue[] {
  return values.map((value) =>
    typeof value === "string" && (value.includes("\0") || value.includes(ESCAPE))
      ? value.replaceAll(/[\0\ufdd0]/g, (character) => STORED[character] ?? character)
      : value,
  );
}

/** Changes the row in place: it has no other owner yet. */
function read(row: SqlRow): SqlRow {
  for (const name in row) {
    const value = row[name];
    if (typeof value === "string" && value.includes(ESCAPE))
      row[name] = value.replaceAll(ANY_STORED, (spelling) => READ[spelling] ?? spelling);
  }
  return row;
}

/** Prepares each SQL text once. The store's texts are a fixed set, so the cache is bounded by it. */
class StatementCache implements Sql {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  all(query: string, ...parameters: SqlValue[]): SqlRow[] {
    return (this.#prepare(query).all(...stored(parameters)) as SqlRow[]).map(read);
  }

  get(query: string, ...parameters: SqlValue[]): SqlRow | null {
    const row = this.#prepare(query).get(...stored(parameters)) as SqlRow | undefined;
    return row === undefined ? null : read(row);
  }

  run(query: string, ...parameters: SqlValue[]): void {
    this.#prepare(query).run(...stored(parameters));
  }

  change(query: string, ...parameters: SqlValue[]): number {
    return Number(this.#prepare(query).run(...stored(parameters)).changes);
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
