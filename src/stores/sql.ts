/**
 * The small synchronous SQL driver the SQLite store runs on: a file under Bun, a Durable Object's SQL on Workers.
 * It offers no control statements: BEGIN, COMMIT and PRAGMA are the adapter's business.
 */

/** What SQLite binds here. No booleans (a Durable Object stores them as text) and no bigint (it cannot bind them). */
export type SqlValue = string | number | null | Uint8Array;
export type SqlRow = Record<string, SqlValue>;

export interface Sql {
  /** All rows. At most 100 parameters. */
  all(query: string, ...parameters: SqlValue[]): SqlRow[];
  /** The first row, or null. */
  get(query: string, ...parameters: SqlValue[]): SqlRow | null;
  run(query: string, ...parameters: SqlValue[]): void;
  /** Runs it and answers how many rows it changed, which not every driver gets for nothing. */
  change(query: string, ...parameters: SqlValue[]): number;
}

/** What the bodies of a commit leave for its end, so that they write once together what each would write alone. */
export interface CommitEnd {
  /** Writes it, in the transaction of the bodies that left it, and forgets it. Throws as a body may. */
  write(sql: Sql): void;
  /** Forgets it: those bodies are undone. */
  forget(): void;
}

export interface SqlDatabase {
  /** Sets what is called at the end of every commit, before it is durable. Called once, before the first body. */
  endWith(end: CommitEnd): void;
  /**
   * Runs `body` atomically and resolves with its value once it is durable; a throw undoes it and rejects.
   * An adapter MAY run several bodies in one commit (group commit) and MAY run a body again after undoing it,
   * so a body MUST have no effect but its statements. Bodies run one after the other, in call order.
   */
  transact<T>(body: (sql: Sql) => T): Promise<T>;
  /** Reads what is committed, consistently within `body`. */
  read<T>(body: (sql: Sql) => T): T;
  close(): void;
}
