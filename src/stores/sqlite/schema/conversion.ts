/**
 * Converts the first release's data. Each step is a transaction of its own that handles a bounded number of rows and
 * writes down how far it came, so that a process that is killed leaves the next one to go on. From the first step on
 * the data is of this release: the first one refuses it. Nothing else uses the store until the last step.
 */

import type { Sql, SqlValue } from "../../sql.ts";
import type { FieldTable } from "../../task-fields.ts";
import type { Transaction } from "../transaction.ts";
import { addMissing, hasTable } from "./missing-tables.ts";
import { convertLedger, convertSpending } from "./release-1-money.ts";
import { convertTasks } from "./release-1-tasks.ts";
import { convertCleanups, convertDeliveries } from "./release-1-work.ts";
import { tablesOf } from "./tables.ts";

/** Rows of one step. */
const CHUNK = 250;

/** Handles at most `limit` rows after the cursor. The next cursor; null when there are no more. */
export type ConversionStage = (tx: Transaction, cursor: SqlValue, limit: number) => SqlValue;

/** In this order: work and money are made from converted tasks. */
const STAGES: readonly ConversionStage[] = [
  convertTasks,
  convertCleanups,
  convertDeliveries,
  convertLedger,
  convertSpending,
];

export function isConverting(sql: Sql): boolean {
  return hasTable(sql, "conversion");
}

/** Gives the first release's tables their new shape, without rewriting a row of them. */
export function beginConversion(sql: Sql, version: number, fields: FieldTable): void {
  if (version === 1) {
    sql.run("ALTER TABLE lanes ADD COLUMN held INTEGER NOT NULL DEFAULT 0");
    sql.run(
      "UPDATE lanes SET held = (SELECT coalesce(sum(k.held), 0) FROM lane_keys k WHERE k.lane = lanes.lane)",
    );
  }
  for (const statement of [
    "ALTER TABLE tasks RENAME COLUMN unsure TO submit_unknown",
    "DROP INDEX tasks_ready",
    "DROP INDEX lane_keys_eligible",
    "ALTER TABLE lane_keys RENAME TO lane_keys_1",
    "ALTER TABLE deliveries RENAME TO deliveries_1",
  ])
    sql.run(statement);
  addMissing(sql, tablesOf(fields));
  sql.run("CREATE TABLE conversion (stage INTEGER NOT NULL, cursor)");
  sql.run("INSERT INTO conversion (stage, cursor) VALUES (0, NULL)");
}

/** One step. False when it was the last. */
export function convertNext(tx: Transaction): boolean {
  const { sql } = tx;
  const row = sql.get("SELECT stage, cursor FROM conversion");
  const index = row?.stage as number;
  const stage = STAGES[index];
  if (row === null || stage === undefined) {
    for (const table of ["cleanups", "deliveries_1", "ledger", "lane_keys_1", "conversion"])
      sql.run(`DROP TABLE ${table}`);
    return false;
  }
  const cursor = stage(tx, row.cursor ?? null, CHUNK);
  sql.run("UPDATE conversion SET stage = ?, cursor = ?", cursor === null ? index + 1 : index, cursor);
  return true;
}
