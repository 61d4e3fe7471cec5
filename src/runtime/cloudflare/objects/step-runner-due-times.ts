/**
 * When a step runner has to look for work, in its own database: what it was rung for and when its own tasks go on. An
 * alarm holds one time only, and memory is gone after ten idle seconds.
 */

import type { SqlStorage } from "@cloudflare/workers-types";
import type { DueTimes } from "../../../tasks/engine/steps/step-runner-session.ts";

export class StepRunnerDueTimes implements DueTimes {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    // The table keeps the name that objects in use have it by.
    sql.exec("CREATE TABLE IF NOT EXISTS moments (at INTEGER PRIMARY KEY)");
  }

  add(at: number): void {
    this.#sql.exec("INSERT OR IGNORE INTO moments VALUES (?)", Math.ceil(at));
  }

  take(now: number): boolean {
    return this.#sql.exec("DELETE FROM moments WHERE at <= ?", now).rowsWritten > 0;
  }

  next(): number | null {
    const { at } = this.#sql.exec<{ at: number | null }>("SELECT min(at) AS at FROM moments").one();
    return at;
  }
}
