/** The columns of `tasks` as the table of fields has them. */

import type { SqlValue } from "../../sql.ts";
import { type Field, type FieldTable, type FieldValue, namesIn } from "../../task-fields.ts";

/** `keyId` is stored as `key_id`. */
export function columnOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** How a value of the field is bound. */
export function storedValue(field: Field, value: FieldValue | undefined): SqlValue {
  if (value === null || value === undefined) return null;
  if (field.kind === "json") return JSON.stringify(value);
  if (field.kind === "flag") return value === true ? 1 : 0;
  return value as string | number;
}

/** Enough for the prices that are in use at a time. */
const MOST_SHARED = 64;

/** The JSON of objects that many tasks have in common, such as the price they are held by: each is printed once. */
export class SharedTexts {
  readonly #texts = new Map<object, string>();

  of(value: object): string {
    let text = this.#texts.get(value);
    if (text === undefined) {
      text = JSON.stringify(value);
      if (this.#texts.size === MOST_SHARED) this.#texts.clear();
      this.#texts.set(value, text);
    }
    return text;
  }
}

/** What a record has that was written without the field: null where that depends on the record. */
export function defaultValue(field: Field): SqlValue {
  return typeof field.missing === "function" ? null : storedValue(field, field.missing);
}

/** The value as it stands in a statement's text. */
export function literal(value: SqlValue): string {
  if (value === null) return "NULL";
  return typeof value === "string" ? `'${value.replaceAll("'", "''")}'` : String(value);
}

/** The definition of each column, for `CREATE TABLE` and `ALTER TABLE … ADD COLUMN` alike. */
export function columnDefinitions(fields: FieldTable): Map<string, string> {
  const definitions = new Map<string, string>();
  for (const name of namesIn(fields, "own")) {
    const field = fields[name] as Field;
    const type = field.kind === "text" || field.kind === "json" ? "TEXT" : "INTEGER";
    // The whole key's subject is stored as NULL, which the index of subjects leaves out.
    const value = name === "subject" ? null : defaultValue(field);
    definitions.set(
      columnOf(name),
      `${columnOf(name)} ${type}${value === null ? "" : ` DEFAULT ${literal(value)}`}`,
    );
  }
  return definitions;
}
