/**
 * When a step runner has to look for work: the moments it was told, or promised a task itself, in its own database. An
 * alarm is one moment only, and memory is gone after ten idle seconds.
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

  /** Forgets what is over by `now`; whether there was anything. */
  take(now: number): boolean {
    return this.#sql.exec("DELETE FROM moments WHERE at <= ?", now).rowsWritten > 0;
  }

  /** The first of them, or null. */
  next(): number | null {
    const { at } = this.#sql.exec<{ at: number | null }>("SELECT min(at) AS at FROM moments").one();
    return at;
  }
}
