/** What a database has, and adding what it lacks. */

import type { Sql } from "../../sql.ts";

const TABLE = /^CREATE TABLE IF NOT EXISTS (\w+) \(/;
/** A column in a table's definition: a line that begins with a name in lower case. */
const COLUMN = /^\s*([a-z_]+) [A-Z].*?(?=,?$)/gm;

export function hasTable(sql: Sql, name: string): boolean {
  return sql.get("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", name) !== null;
}

/**
 * Makes the tables and indexes that the database lacks, and adds the columns that its tables lack; rewrites no row: each
 * column's default stands in its definition. `statements` are those that make a new database, each column of a table on
 * a line of its own.
 */
export function addMissing(sql: Sql, statements: readonly string[]): void {
  for (const statement of statements) {
    const table = TABLE.exec(statement)?.[1];
    if (table !== undefined && hasTable(sql, table)) addColumns(sql, table, statement);
    else sql.run(statement);
  }
}

function addColumns(sql: Sql, table: string, statement: string): void {
  const present = new Set(sql.all("SELECT name FROM pragma_table_xinfo(?)", table).map((row) => row.name));
  for (const [definition, column] of statement.slice(statement.indexOf("(")).matchAll(COLUMN))
    if (!present.has(column)) sql.run(`ALTER TABLE ${table} ADD COLUMN ${definition.trim()}`);
}
