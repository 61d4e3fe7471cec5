/**
 * When a step runner has to look for work: the times of rings and of delayed steps, in its own database. A Durable
 * Object has one alarm only, and its memory is dropped after 10 idle seconds (Cloudflare docs, "Lifecycle of a Durable
 * Object").
 */

import type { SqlStorage } from "@cloudflare/workers-types";

export class StepMoments {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec("CREATE TABLE IF NOT EXISTS moments (at INTEGER PRIMARY KEY)");
  }

  /** Wall clock, ms. */
  add(at: number): void {
    this.#sql.exec("INSERT OR IGNORE INTO moments VALUES (?)", Math.ceil(at));
  }

  /** Deletes the times up to `now`; returns whether there were any. */
  take(now: number): boolean {
    return this.#sql.exec("DELETE FROM moments WHERE at <= ?", now).rowsWritten > 0;
  }

  /** The earliest, or null. */
  next(): number | null {
    const { at } = this.#sql.exec<{ at: number | null }>("SELECT min(at) AS at FROM moments").one();
    return at;
  }
}
