/**
 * The SQL driver over a Durable Object's own database. Steps that are asked for in the same turn share one transaction
 * and so one write to the disk; the platform holds the object's answers back until that write is durable.
 */

import type { DurableObjectStorage, SqlStorageValue } from "@cloudflare/workers-types";
import type { Sql, SqlDatabase, SqlRow, SqlValue } from "../../../stores/sql.ts";
import { type CommitDriver, GroupCommit } from "../../../stores/sqlite/group-commit.ts";
import { storageFailure } from "../../../stores/sqlite/storage-failure.ts";
import { StoreUnavailableError } from "../../../tasks/ports/store-error.ts";

/** Bytes of a row at most (Cloudflare docs, "Limits"); workerd takes four times as much locally. */
export const MAX_ROW_BYTES = 2 * 1024 * 1024;
/** UTF-8 bytes that one unit of a text takes at most. */
const MAX_BYTES_PER_UNIT = 3;
/** Steps that may wait for a commit: a second of work, or two on a slow day. */
const MAX_QUEUED_BODIES = 5_000;
/** Turns that a commit is put off while steps keep coming. A turn waits for a timer here, so one is enough. */
const MAX_TURNS = 0;

/** Opens the database of the Durable Object whose storage this is. Closing it closes nothing but this view of it. */
export function openDurableSql(storage: DurableObjectStorage): SqlDatabase {
  return new GroupCommit(new DurableCommits(storage), {
    maxQueuedBodies: MAX_QUEUED_BODIES,
    maxTurns: MAX_TURNS,
  });
}

class DurableCommits implements CommitDriver {
  readonly sql: Sql;
  readonly #storage: DurableObjectStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.sql = new DurableSql(storage.sql);
  }

  transaction(run: () => void): void {
    this.#storage.transactionSync(run);
  }

  savepoint(run: () => void): void {
    this.#storage.transactionSync(run);
  }

  storageFailure(error: unknown): StoreUnavailableError | null {
    if (error instanceof StoreUnavailableError) return error;
    if (!(error instanceof Error)) return null;
    // The result code is only in the error's message, which holds no values (seen with workerd of wrangler 4.156).
    const code = /\bSQLITE_[A-Z_]+/.exec(error.message)?.[0];
    return code === undefined ? null : storageFailure(code, error);
  }

  schedule(turn: () => void): void {
    setTimeout(turn, 0);
  }

  close(): void {}
}

/** The platform keeps the statements of recent texts prepared by itself. */
class DurableSql implements Sql {
  readonly #sql: DurableObjectStorage["sql"];

  constructor(sql: DurableObjectStorage["sql"]) {
    this.#sql = sql;
  }

  all(query: string, ...parameters: SqlValue[]): SqlRow[] {
    return this.#exec(query, parameters).toArray().map(rowOf);
  }

  get(query: string, ...parameters: SqlValue[]): SqlRow | null {
    const [row] = this.#exec(query, parameters).toArray();
    return row === undefined ? null : rowOf(row);
  }

  run(query: string, ...parameters: SqlValue[]): void {
    this.#exec(query, parameters);
  }

  change(query: string, ...parameters: SqlValue[]): number {
    // What the platform counts as written are the entries of indexes too.
    this.#exec(query, parameters);
    return this.#sql.exec<{ n: number }>("SELECT changes() AS n").one().n;
  }

  #exec(query: string, parameters: readonly SqlValue[]) {
    requireRowFits(parameters);
    return this.#sql.exec<Record<string, SqlStorageValue>>(query, ...parameters);
  }
}

/** Throws `RangeError` for what production would refuse to store, wherever this runs. */
function requireRowFits(parameters: readonly SqlValue[]): void {
  let most = 0;
  for (const value of parameters) most += sizeOf(value, (text) => text.length * MAX_BYTES_PER_UNIT);
  if (most <= MAX_ROW_BYTES) return;
  const encoder = new TextEncoder();
  let bytes = 0;
  for (const value of parameters) bytes += sizeOf(value, (text) => encoder.encode(text).byteLength);
  if (bytes > MAX_ROW_BYTES)
    throw new RangeError(`A stored row may have ${MAX_ROW_BYTES} bytes; this one has ${bytes}`);
}

function sizeOf(value: SqlValue, textBytes: (text: string) => number): number {
  if (typeof value === "string") return textBytes(value);
  return value instanceof Uint8Array ? value.byteLength : 0;
}

/** Blobs come as buffers. */
function rowOf(row: Record<string, SqlStorageValue>): SqlRow {
  for (const name in row) {
    const value = row[name];
    if (value instanceof ArrayBuffer)
      (row as Record<string, SqlStorageValue | Uint8Array>)[name] = new Uint8Array(value);
  }
  return row as SqlRow;
}
