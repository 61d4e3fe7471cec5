/**
 * The SQL driver over `bun:sqlite`: one file (or `:memory:`) with group commit. Steps that are asked for in the same
 * turn of the event loop share a transaction and its one fsync; a step answers when its commit is on the disk.
 */

import { Database, SQLiteError, type SQLQueryBindings, type Statement } from "bun:sqlite";
import type { Sql, SqlDatabase, SqlRow, SqlValue } from "../../stores/sql.ts";
import { StoreUnavailableError } from "../../tasks/store-error.ts";

/** How long a statement waits for another process's lock, in ms. It blocks the event loop, so it is short. */
const BUSY_TIMEOUT_MS = 200;
/** Steps of one commit: bounds how long the event loop stands still (about 20 µs each, plus the fsync). */
const MAX_BODIES_PER_COMMIT = 256;
/** Turns of the event loop that a commit is put off while steps keep coming: a fifth more accepted requests a second. */
const MAX_TURNS = 4;
/** Steps that may wait for a commit; at 20,000 steps a second this is half a second of work. */
const MAX_QUEUED_BODIES = 10_000;
/**
 * Pages (4 kB) of log after which it is folded into the file. Hot pages are rewritten by every commit and copied once
 * a fold: 4,000 take a fifth off the cost of a task's life compared with 1,000, for a log of 16 MB and a fold of some ms.
 */
const CHECKPOINT_PAGES = 4_000;
/** What the log is cut back to after a burst, in bytes. */
const WAL_LIMIT_BYTES = 64 * 1024 * 1024;
/** Page cache in kB. */
const CACHE_KB = 64 * 1024;
const PAGE_BYTES = 4096;

export type SqliteFileOptions = {
  /** Largest size of the file in bytes, whole pages of 4,096; writes beyond it reject as `full`. Default: no bound. */
  maxBytes?: number;
  /** Default 200 ms. */
  busyTimeoutMs?: number;
  /** Default 10,000. */
  maxQueuedBodies?: number;
};

/**
 * Opens or creates the file at `path`; `:memory:` is a private database that dies with the process.
 * Throws `StoreUnavailableError` when it cannot be opened, is no database, or another process holds it.
 */
export function openSqliteFile(path: string, options: SqliteFileOptions = {}): SqlDatabase {
  try {
    return new SqliteFile(path, options);
  } catch (error) {
    throw storageFailure(error) ?? error;
  }
}

type Job = {
  body: (sql: Sql) => unknown;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
};

class SqliteFile implements SqlDatabase {
  readonly #database: Database;
  readonly #sql: StatementCache;
  readonly #maxQueued: number;
  #queue: Job[] = [];
  #scheduled = false;
  /** How many steps waited at the last look, and for how many turns of the event loop the commit was put off. */
  #seen = 0;
  #turns = 0;
  #closed = false;

  constructor(path: string, options: SqliteFileOptions) {
    this.#maxQueued = options.maxQueuedBodies ?? MAX_QUEUED_BODIES;
    this.#database = new Database(path, { create: true, readwrite: true });
    try {
      this.#database.run(`PRAGMA busy_timeout = ${options.busyTimeoutMs ?? BUSY_TIMEOUT_MS}`);
      this.#database.run("PRAGMA journal_mode = WAL");
      this.#database.run("PRAGMA synchronous = FULL");
      this.#database.run(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
      this.#database.run(`PRAGMA journal_size_limit = ${WAL_LIMIT_BYTES}`);
      this.#database.run(`PRAGMA cache_size = -${CACHE_KB}`);
      this.#database.run("PRAGMA temp_store = MEMORY");
      if (options.maxBytes !== undefined)
        this.#database.run(
          `PRAGMA max_page_count = ${Math.max(1, Math.floor(options.maxBytes / PAGE_BYTES))}`,
        );
    } catch (error) {
      this.#database.close();
      throw error;
    }
    this.#sql = new StatementCache(this.#database);
  }

  transact<T>(body: (sql: Sql) => T): Promise<T> {
    if (this.#closed) return Promise.reject(closedError());
    if (this.#queue.length >= this.#maxQueued)
      return Promise.reject(
        new StoreUnavailableError(
          "overloaded",
          `${this.#maxQueued} steps wait for the store already; try again`,
        ),
      );
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ body, resolve: resolve as (value: unknown) => void, reject });
      this.#schedule();
    });
  }

  read<T>(body: (sql: Sql) => T): T {
    if (this.#closed) throw closedError();
    try {
      // Steps run to their commit without yielding and no other process writes, so nothing uncommitted is in sight.
      return body(this.#sql);
    } catch (error) {
      throw storageFailure(error) ?? error;
    }
  }

  /** Commits what waits, then closes the file. */
  close(): void {
    if (this.#closed) return;
    while (this.#queue.length > 0) this.#commitBatch();
    this.#closed = true;
    this.#sql.finalize();
    this.#database.close();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#seen = this.#queue.length;
    this.#turns = 0;
    setImmediate(this.#turn);
  }

  /** Commits, unless more came in the last turn: steps that arrive together should share one fsync. */
  readonly #turn = (): void => {
    const waiting = this.#queue.length;
    if (waiting > this.#seen && waiting < MAX_BODIES_PER_COMMIT && this.#turns < MAX_TURNS) {
      this.#seen = waiting;
      this.#turns += 1;
      setImmediate(this.#turn);
      return;
    }
    this.#scheduled = false;
    this.#commitBatch();
    if (this.#queue.length > 0) this.#schedule();
  };

  #commitBatch(): void {
    if (this.#queue.length === 0) return;
    const jobs = this.#queue.splice(0, MAX_BODIES_PER_COMMIT);
    try {
      if (!this.#runTogether(jobs)) this.#runApart(jobs);
    } catch (error) {
      this.#rollback();
      const failure = storageFailure(error) ?? error;
      for (const job of jobs) job.reject(failure);
    }
  }

  /** The usual way: no savepoints. False when a body threw; nothing is written then. */
  #runTogether(jobs: readonly Job[]): boolean {
    const values: unknown[] = [];
    this.#sql.run("BEGIN IMMEDIATE");
    try {
      for (const job of jobs) values.push(job.body(this.#sql));
    } catch (error) {
      if (storageFailure(error) !== null) throw error;
      this.#rollback();
      return false;
    }
    this.#sql.run("COMMIT");
    for (const [index, job] of jobs.entries()) job.resolve(values[index]);
    return true;
  }

  /** Again, each body under a savepoint of its own, so that one that throws takes only itself back. */
  #runApart(jobs: readonly Job[]): void {
    const settle: (() => void)[] = [];
    this.#sql.run("BEGIN IMMEDIATE");
    for (const job of jobs) {
      this.#sql.run("SAVEPOINT body");
      try {
        const value = job.body(this.#sql);
        settle.push(() => job.resolve(value));
      } catch (error) {
        if (storageFailure(error) !== null) throw error;
        this.#sql.run("ROLLBACK TO body");
        settle.push(() => job.reject(error));
      }
      this.#sql.run("RELEASE body");
    }
    this.#sql.run("COMMIT");
    for (const answer of settle) answer();
  }

  #rollback(): void {
    // Some failures (a full disk) have undone the transaction by themselves.
    if (this.#database.inTransaction) this.#database.run("ROLLBACK");
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

  run(query: string, ...parameters: SqlValue[]): number {
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

function closedError(): StoreUnavailableError {
  return new StoreUnavailableError("closed", "The store is closed");
}

/** What an SQLite error says about the storage; null when it is the statement's fault. */
function storageFailure(error: unknown): StoreUnavailableError | null {
  if (error instanceof StoreUnavailableError) return error;
  if (!(error instanceof SQLiteError)) return null;
  const code = error.code ?? "";
  if (/^SQLITE_(BUSY|LOCKED|PROTOCOL)/.test(code))
    return new StoreUnavailableError("locked", "Another process holds the database; try again", error);
  if (code.startsWith("SQLITE_FULL"))
    return new StoreUnavailableError(
      "full",
      "The disk or the database's size limit is full; nothing was written",
      error,
    );
  if (/^SQLITE_(IOERR|CANTOPEN|READONLY|CORRUPT|NOTADB|NOMEM|AUTH|PERM)/.test(code))
    return new StoreUnavailableError(
      "broken",
      `The database cannot be used (${code}): ${error.message}`,
      error,
    );
  return null;
}
