/**
 * Group commit: steps that are asked for in the same turn of the event loop share a transaction, and with it the one
 * wait for the disk. A step answers when its commit is durable. The `CommitDriver` runs the transactions and
 * schedules the turns: one for a file under Bun, Deno or Node, one for a Durable Object's SQL.
 */

import { StoreUnavailableError } from "../../tasks/ports/store-error.ts";
import type { CommitEnd, Sql, SqlDatabase } from "../sql.ts";

/** What a host brings. All of it is synchronous but `schedule`. */
export interface CommitDriver {
  /** Handed to every body. */
  readonly sql: Sql;
  /** Runs `run` in one transaction and commits it; when anything throws, undoes everything and throws that. */
  transaction(run: () => void): void;
  /** Runs `run` inside of a transaction; when it throws, undoes no more than what it did and throws that. */
  savepoint(run: () => void): void;
  /** What an error says about the storage (disk full, lock held, …); null when the statement itself is at fault. */
  storageFailure(error: unknown): StoreUnavailableError | null;
  /** Calls `turn` once, in a later turn of the event loop, after what is ready to run now has run. */
  schedule(turn: () => void): void;
  /** Called once, after everything that waited is committed. */
  close(): void;
}

export type GroupCommitOptions = {
  /** Bodies that may wait for a commit; more are refused as `overloaded`. Default 10,000. */
  maxQueuedBodies?: number;
  /** Turns that a commit is put off while steps keep coming; 0 commits at the first. Default 4. */
  maxTurns?: number;
};

/** Bodies of one commit: bounds how long the event loop stands still (about 20 µs each, plus the fsync). */
const MAX_BODIES_PER_COMMIT = 256;
/** With `setImmediate`, waiting this long gives a fifth more accepted requests a second. */
const MAX_TURNS = 4;
/** At 20,000 steps a second this is half a second of work. */
const MAX_QUEUED_BODIES = 10_000;

type Job = {
  body: (sql: Sql) => unknown;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
};

/**
 * A database of the driver's transactions. Bodies run in call order. Where one of a commit throws, all of it is undone
 * and every body runs again under a savepoint of its own, so that one that throws takes back only itself; where the
 * storage fails, every body of the commit rejects with that.
 */
export class GroupCommit implements SqlDatabase {
  readonly #driver: CommitDriver;
  readonly #sql: Sql;
  readonly #maxQueued: number;
  readonly #maxTurns: number;
  #queue: Job[] = [];
  #scheduled = false;
  /** How many steps waited at the last look, and for how many turns of the event loop the commit was put off. */
  #seen = 0;
  #turns = 0;
  #closed = false;
  #end: CommitEnd = { write() {}, forget() {} };

  constructor(driver: CommitDriver, options: GroupCommitOptions = {}) {
    this.#driver = driver;
    this.#sql = driver.sql;
    this.#maxQueued = options.maxQueuedBodies ?? MAX_QUEUED_BODIES;
    this.#maxTurns = options.maxTurns ?? MAX_TURNS;
  }

  endWith(end: CommitEnd): void {
    this.#end = end;
  }

  transact<T>(body: (sql: Sql) => T): Promise<T> {
    if (this.#closed) return Promise.reject(closedError());
    if (this.#queue.length >= this.#maxQueued)
      return Promise.reject(
        new StoreUnavailableError(
          "overloaded",
          `${this.#maxQueued} transactions wait for the store already; try again`,
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
      // Transactions run to their commit without yielding and nobody else writes, so nothing uncommitted is in sight.
      return body(this.#sql);
    } catch (error) {
      throw this.#driver.storageFailure(error) ?? error;
    }
  }

  /** Commits what waits, then closes the driver. */
  close(): void {
    if (this.#closed) return;
    while (this.#queue.length > 0) this.#commitBatch();
    this.#closed = true;
    this.#driver.close();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#seen = this.#queue.length;
    this.#turns = 0;
    this.#driver.schedule(this.#turn);
  }

  /** Commits, unless more came in the last turn: steps that arrive together should share one commit. */
  readonly #turn = (): void => {
    const waiting = this.#queue.length;
    if (waiting > this.#seen && waiting < MAX_BODIES_PER_COMMIT && this.#turns < this.#maxTurns) {
      this.#seen = waiting;
      this.#turns += 1;
      this.#driver.schedule(this.#turn);
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
      const failure = this.#driver.storageFailure(error) ?? error;
      for (const job of jobs) job.reject(failure);
    }
  }

  /** The usual way: no savepoints. False when a body threw; nothing is written then. */
  #runTogether(jobs: readonly Job[]): boolean {
    const values: unknown[] = [];
    let bodyThrew = false;
    try {
      this.#driver.transaction(() => {
        try {
          for (const job of jobs) values.push(job.body(this.#sql));
          this.#end.write(this.#sql);
        } catch (error) {
          this.#end.forget();
          bodyThrew = this.#driver.storageFailure(error) === null;
          throw error;
        }
      });
    } catch (error) {
      if (bodyThrew) return false;
      throw error;
    }
    for (const [index, job] of jobs.entries()) job.resolve(values[index]);
    return true;
  }

  #runApart(jobs: readonly Job[]): void {
    const settle: (() => void)[] = [];
    this.#driver.transaction(() => {
      for (const job of jobs) settle.push(this.#runAlone(job));
    });
    for (const answer of settle) answer();
  }

  /** How the job is to be answered once everything is committed. Throws when the storage fails. */
  #runAlone(job: Job): () => void {
    try {
      let value: unknown;
      this.#driver.savepoint(() => {
        value = job.body(this.#sql);
        this.#end.write(this.#sql);
      });
      return () => job.resolve(value);
    } catch (error) {
      this.#end.forget();
      if (this.#driver.storageFailure(error) !== null) throw error;
      return () => job.reject(error);
    }
  }
}

function closedError(): StoreUnavailableError {
  return new StoreUnavailableError("closed", "The store is closed");
}
