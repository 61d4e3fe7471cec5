/**
 * SQLite in a file of one process, whichever library opens it: how the file is set up, its transactions, and group
 * commit in front of them.
 */

import type { Sql, SqlDatabase } from "../../../stores/sql.ts";
import { type CommitDriver, GroupCommit } from "../../../stores/sqlite/group-commit.ts";
import type { StoreUnavailableError } from "../../../tasks/ports/store-error.ts";

/** One open database of a library; only the libraries' calls differ between hosts. */
export interface SqliteConnection {
  readonly sql: Sql;
  /** Runs a statement without parameters and rows, such as a PRAGMA. */
  execute(statement: string): void;
  readonly inTransaction: boolean;
  /** The storage failure an error of this library reports; null when it is the statement's fault, or no such error. */
  storageFailure(error: unknown): StoreUnavailableError | null;
  close(): void;
}

export type SqliteFileOptions = {
  /** Largest size of the file in bytes, whole pages of 4,096; writes beyond it reject as `full`. Default: no bound. */
  maxBytes?: number;
  /** Default 200 ms. */
  busyTimeoutMs?: number;
  /** Default 10,000. */
  maxQueuedBodies?: number;
};

/** How long a statement waits for another process's lock, in ms. It blocks the event loop, so it is short. */
const BUSY_TIMEOUT_MS = 200;
/**
 * Pages (4 kB) of the write-ahead log after which it is checkpointed. Hot pages are rewritten by every commit and
 * copied once per checkpoint: 4,000 take a fifth off the cost of a whole task compared with 1,000, for a log of 16 MB
 * and checkpoints of some ms (measured: bench/store.ts).
 */
const CHECKPOINT_PAGES = 4_000;
/** What the log is cut back to after a burst, in bytes. */
const WAL_LIMIT_BYTES = 64 * 1024 * 1024;
/**
 * Page cache in kB. A commit that split a page walks the whole cache: the split swaps page numbers by way of the lock-byte
 * page's (balance_nonroot in SQLite's btree.c), the largest number there is, and the commit then drops what is beyond the
 * file's end. With 64 MB that was 0.6 ms a commit; 8 MB take a fifth off draining a queue, 2 MB less (bench lifecycle).
 */
const CACHE_KB = 8 * 1024;
const PAGE_BYTES = 4096;

/** Sets the connection up and puts group commit before it. Closes it and throws when the file is none or is held. */
export function serveSqliteFile(connection: SqliteConnection, options: SqliteFileOptions = {}): SqlDatabase {
  try {
    setUp(connection, options);
  } catch (error) {
    connection.close();
    throw connection.storageFailure(error) ?? error;
  }
  const { maxQueuedBodies } = options;
  return new GroupCommit(
    new FileDriver(connection),
    maxQueuedBodies === undefined ? {} : { maxQueuedBodies },
  );
}

function setUp(
  connection: SqliteConnection,
  { busyTimeoutMs = BUSY_TIMEOUT_MS, maxBytes }: SqliteFileOptions,
) {
  for (const setting of [
    `busy_timeout = ${busyTimeoutMs}`,
    "journal_mode = WAL",
    "synchronous = FULL",
    `wal_autocheckpoint = ${CHECKPOINT_PAGES}`,
    `journal_size_limit = ${WAL_LIMIT_BYTES}`,
    `cache_size = -${CACHE_KB}`,
    "temp_store = MEMORY",
  ])
    connection.execute(`PRAGMA ${setting}`);
  if (maxBytes !== undefined)
    connection.execute(`PRAGMA max_page_count = ${Math.max(1, Math.floor(maxBytes / PAGE_BYTES))}`);
}

class FileDriver implements CommitDriver {
  readonly sql: Sql;
  readonly #connection: SqliteConnection;

  constructor(connection: SqliteConnection) {
    this.#connection = connection;
    this.sql = connection.sql;
  }

  transaction(run: () => void): void {
    this.sql.run("BEGIN IMMEDIATE");
    try {
      run();
      this.sql.run("COMMIT");
    } catch (error) {
      // Some failures (a full disk) have undone the transaction by themselves.
      if (this.#connection.inTransaction) this.#connection.execute("ROLLBACK");
      throw error;
    }
  }

  savepoint(run: () => void): void {
    this.sql.run("SAVEPOINT body");
    try {
      run();
    } catch (error) {
      if (this.#connection.inTransaction) {
        this.sql.run("ROLLBACK TO body");
        this.sql.run("RELEASE body");
      }
      throw error;
    }
    this.sql.run("RELEASE body");
  }

  storageFailure(error: unknown): StoreUnavailableError | null {
    return this.#connection.storageFailure(error);
  }

  schedule(turn: () => void): void {
    setImmediate(turn);
  }

  close(): void {
    this.#connection.close();
  }
}
