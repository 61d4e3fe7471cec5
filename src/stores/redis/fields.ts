/**
 * A task's record in Redis, made from the table of fields: which fields a script reads and in which order (so that Lua finds
 * them by number), what stands in for a missing one, and how a record is read from and written to a hash. Each `own` field is a
 * field of the hash, absent for null; `spec` is one JSON text of the others. Beside them stand `no`, the task's number among its
 * key's, `rev`, which names the last call that changed it, `by`, who follows it, and `hold` and `windows`, its money's.
 */

import type { Json } from "../../protocol/task.ts";
import {
  changingNames,
  type Field,
  type FieldTable,
  type FieldValue,
  missingValue,
  namesIn,
  specText,
  type TaskRecord,
} from "../record.ts";
import { listOf, textOf } from "./replies.ts";
import type { Reply } from "./script-runner.ts";

/** Fields of the hash that are the store's own, behind those of the table in what scripts read. */
const BESIDES = ["spec", "no", "rev", "by"] as const;

/** A stored task. */
export type StoredTask = {
  readonly record: TaskRecord;
  /** Another one after every change; a change is made of the record it was decided about, or not at all. */
  readonly rev: string;
  readonly no: string;
};

/** What is to be written: texts, moments as distances to now, and what becomes null. */
export type FieldChanges = { texts: string[]; moments: string[]; gone: string[] };

export class TaskFields {
  readonly table: FieldTable;
  /** In the order in which scripts read them. */
  readonly names: readonly string[];
  readonly #own: readonly (readonly [name: string, field: Field])[];
  readonly #spec: readonly (readonly [name: string, field: Field])[];
  readonly #changing: readonly (readonly [name: string, field: Field])[];

  constructor(table: FieldTable) {
    const pick = (names: string[]) => names.map((name) => [name, table[name] as Field] as const);
    this.table = table;
    this.#own = pick(namesIn(table, "own"));
    this.#spec = pick(namesIn(table, "spec"));
    this.#changing = pick(changingNames(table));
    this.names = [...this.#own.map(([name]) => name), ...BESIDES];
    const taken = this.names.find((name, index) => this.names.indexOf(name) !== index);
    if (taken !== undefined) throw new Error(`The store has a use of its own for a field ${taken}`);
  }

  /** Where a field stands in what Lua reads, from 1. */
  index(name: string): number {
    return this.names.indexOf(name) + 1;
  }

  /** The Lua function that reads a task. */
  luaReader(): string {
    const names = this.names.map((name) => `'${name}'`).join(", ");
    const defaults = this.#own.flatMap(([name, field]) => {
      const { missing, kind } = field;
      if (typeof missing === "function" || missing === null || kind === "json") return [];
      return [`  f[T_${name}] = f[T_${name}] or '${fieldText(field, missing)}'`];
    });
    return [
      "local function load_task(id)",
      `  local f = redis.pcall('HMGET', P .. 'task:' .. id, ${names})`,
      "  if f.err or not f[T_id] then return nil end",
      ...defaults,
      "  return f",
      "end",
      "",
    ].join("\n");
  }

  /** Reads what `load_task` answered. Throws when it cannot be read. */
  read(reply: Reply | undefined): StoredTask {
    const values = listOf(reply);
    const at = (name: (typeof BESIDES)[number]) => values[this.#own.length + BESIDES.indexOf(name)] ?? "";
    const spec = JSON.parse(textOf(at("spec")) || "{}") as Record<string, Json>;
    const record: Record<string, FieldValue> = {};
    for (const [index, [name, field]] of this.#own.entries()) {
      const value = values[index] ?? null;
      record[name] = value === null ? missingValue(field, spec) : fieldValue(field, value as string);
    }
    for (const [name, field] of this.#spec) record[name] = spec[name] ?? missingValue(field, spec);
    return { record: record as unknown as TaskRecord, rev: textOf(at("rev")), no: textOf(at("no")) };
  }

  /** Reads many; those that cannot be read are left out. */
  readAll(replies: readonly Reply[]): StoredTask[] {
    return replies.flatMap((reply) => {
      const task = this.tryRead(reply);
      return task === null ? [] : [task];
    });
  }

  /** Null when there is none, or it cannot be read. */
  tryRead(reply: Reply | undefined): StoredTask | null {
    if (!Array.isArray(reply)) return null;
    try {
      return this.read(reply);
    } catch {
      return null;
    }
  }

  /** All of a new record; what is as if it were missing is not written. Its moments count from 0. */
  written(record: TaskRecord): FieldChanges {
    const changes: FieldChanges = { texts: ["spec", this.spec(record)], moments: [], gone: [] };
    const values = record as unknown as Record<string, FieldValue | undefined>;
    for (const [name, field] of this.#own) {
      const value = values[name] ?? null;
      if (value === null) continue;
      if (field.kind === "moment") changes.moments.push(name, String(value));
      else if (value !== field.missing && !(Array.isArray(value) && value.length === 0))
        changes.texts.push(name, fieldText(field, value));
    }
    return changes;
  }

  spec(record: TaskRecord): string {
    return specText(record as unknown as Record<string, FieldValue>, this.table);
  }

  /** What a transition at `now` changed. */
  changes(before: TaskRecord, after: TaskRecord, now: number): FieldChanges {
    const changes: FieldChanges = { texts: [], moments: [], gone: [] };
    const [old, made] = [before, after] as unknown as Record<string, FieldValue | undefined>[];
    for (const [name, field] of this.#changing) {
      const value = made?.[name];
      if (value === old?.[name] || value === undefined) continue;
      if (value === null) changes.gone.push(name);
      else if (field.kind === "moment") changes.moments.push(name, String((value as number) - now));
      else changes.texts.push(name, fieldText(field, value));
    }
    return changes;
  }

  /** The record after a change that the server made at `at` and that was decided at `now`. */
  settled(before: TaskRecord, after: TaskRecord, now: number, at: number): TaskRecord {
    if (now === at) return after;
    const moved: Record<string, FieldValue> = { ...(after as unknown as Record<string, FieldValue>) };
    const old = before as unknown as Record<string, FieldValue>;
    for (const [name, { kind }] of this.#changing) {
      const value = moved[name];
      if (kind === "moment" && typeof value === "number" && value !== old[name])
        moved[name] = value - now + at;
    }
    return moved as unknown as TaskRecord;
  }
}

function fieldValue({ kind }: Field, text: string): FieldValue {
  switch (kind) {
    case "text":
      return text;
    case "flag":
      return text === "1";
    case "json":
      return JSON.parse(text) as FieldValue;
    default:
      return numberIn(text);
  }
}

function numberIn(text: string): number {
  const value = Number(text);
  if (text === "" || Number.isNaN(value)) throw new Error(`A number is stored as ${JSON.stringify(text)}`);
  return value;
}

function fieldText({ kind }: Field, value: FieldValue): string {
  switch (kind) {
    case "json":
      return JSON.stringify(value);
    case "flag":
      return value === true ? "1" : "0";
    default:
      return String(value);
  }
}
