/** What a database has, and adding the columns it lacks. */

import type { FieldTable } from "../../record.ts";
import type { Sql } from "../../sql.ts";
import { columnDefinitions } from "../tasks/columns.ts";

export function hasTable(sql: Sql, name: string): boolean {
  return sql.get("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", name) !== null;
}

/** Adds the columns of fields that `tasks` lacks, rewriting no row: each column's default stands in its definition. */
export function addColumns(sql: Sql, fields: FieldTable): void {
  const present = new Set(sql.all("SELECT name FROM pragma_table_info('tasks')").map((row) => row.name));
  for (const [column, definition] of columnDefinitions(fields))
    if (!present.has(column)) sql.run(`ALTER TABLE tasks ADD COLUMN ${definition}`);
}
