/** Tasks as rows: statements and codec made from the table of fields, reading a task whole, writing only what changed. */

import type { Json, TaskType } from "../../../protocol/task.ts";
import { candidateOf, type Task } from "../../../tasks/task.ts";
import { type Changes, queueStateOf, wakeAt } from "../../../tasks/transition.ts";
import { rankOf } from "../../fair-queue.ts";
import { SAMPLE_OF_NEW_TASK } from "../../new-task.ts";
import type { Sql, SqlRow, SqlValue } from "../../sql.ts";
import { type Field, type FieldTable, type FieldValue, missingValue, namesIn } from "../../task-fields.ts";
import { StatementTree } from "./statement-tree.ts";
import { columnOf, defaultValue, literal, SharedTexts, storedValue } from "./task-columns.ts";

/** A task with what the store knows besides. */
export type TaskRow = {
  /** Its row number; rises with age within the store. */
  readonly no: number;
  readonly task: Task;
  /** When the newest progress was recorded; that progress is the last event when it is newer than every stored one. */
  readonly progressAt: number | null;
  readonly followed: boolean;
  /** Its events are gone; the log begins anew behind its position. */
  readonly trimmed: boolean;
  readonly specBytes: number;
  /** The windows its money is held in; null: those of the first release. */
  readonly windows: string | null;
};

type Fields = Record<string, FieldValue>;
type OwnField = Field & { readonly name: string };
type Spec = Readonly<Record<string, Json>>;

/**
 * Fields of `TaskRecord` that are not properties of `Task` itself: this class reads and writes each of them by name.
 */
const BESIDES = ["keyId", "subject", "provider", "specBytes", "progressAt", "trimmed"];
/** A longer spec stands in a row of its own: a transition rewrites the task's row whole, and this much costs nothing. */
const INLINE_SPEC_BYTES = 1_024;
/** The field of a task that is an object made of two columns. */
const TENANT = "tenant";
/**
 * What is read besides the fields of the task. It stands in the row under the names of fields that no column holds, which
 * replace it: so the row becomes the task, and nothing of it is copied, which cost more than all else in reading one.
 */
const CARRIED = [
  "no",
  "key_id",
  "subject",
  "followed",
  "progress_at",
  "trimmed",
  "spec_bytes",
  "windows",
  "coalesce(spec, (SELECT spec FROM specs WHERE task_no = no))",
];
const INSERT_SPEC = "INSERT INTO specs (task_no, spec) VALUES (?, ?)";
/** Columns that change and are no fields of the task, in the order in which an update looks at them. */
const FOLLOWING = ["provider", "progress_at", "ready_rank", "wake_at"];
/** A column that is no field; a new task binds it where it is not null. */
const WINDOWS: OwnField = { name: "windows", kind: "text", place: "own", changes: false, missing: null };
/** Columns that every new task binds. */
const BOUND = ["key_id", "subject", "provider", "spec_bytes", "ready_rank", "wake_at", "spec"];

export class TaskTable {
  /** The fields of the task itself that have columns. */
  readonly #own: readonly OwnField[];
  /** The fields of `#own` that change, in the order of their columns in the statements. */
  readonly #changing: readonly OwnField[];
  /** Where a field stands in `#changing`. */
  readonly #indexes: ReadonlyMap<string, number>;
  /** Names in `#own` stored as 0 or 1, and those stored as JSON; any other column holds the value as it is. */
  readonly #flags: readonly string[];
  readonly #json: readonly string[];
  /** The fields of `#own` whose default is computed from the spec. */
  readonly #derived: readonly OwnField[];
  readonly #spec: readonly OwnField[];
  /** Under which names a row holds what `CARRIED` lists. */
  readonly #carriers: readonly string[];
  /** Where the fields stand in `#own` that a new task may have at another value than a record that lacks them. */
  readonly #given: readonly number[];
  readonly #inserts: StatementTree;
  readonly #updates: StatementTree;
  readonly #byNo: string;
  readonly #byId: string;
  readonly #oldest: string;
  /** Of fields that never change: of the others every task has its own. */
  readonly #shared = new SharedTexts();
  /** Numbers of rows that could not be read and were not set aside yet. */
  readonly #damaged = new Set<number>();

  constructor(fields: FieldTable) {
    const named = (name: string): OwnField => ({ name, ...(fields[name] as Field) });
    const columns = namesIn(fields, "own");
    this.#own = columns.filter((name) => !BESIDES.includes(name)).map(named);
    this.#changing = this.#own.filter((field) => field.changes);
    this.#indexes = new Map(this.#changing.map(({ name }, index) => [name, index]));
    const ofKind = (...kinds: Field["kind"][]) =>
      this.#own.filter((field) => kinds.includes(field.kind)).map(({ name }) => name);
    this.#flags = ofKind("flag");
    this.#json = ofKind("json");
    this.#derived = this.#own.filter((field) => typeof field.missing === "function");
    this.#spec = namesIn(fields, "spec").map(named);
    this.#carriers = [TENANT, ...this.#spec.map(({ name }) => name)];
    if (this.#carriers.length < CARRIED.length) throw new Error("The spec has too few fields for a row");

    const select = `SELECT ${[
      ...this.#own.map(({ name }) => `${columnOf(name)} AS ${name}`),
      ...this.#carriers.map((name, place) => `${CARRIED[place] ?? "NULL"} AS ${name}`),
    ].join(", ")} FROM tasks`;
    this.#byNo = `${select} WHERE no = ?`;
    this.#byId = `${select} WHERE id = ?`;
    this.#oldest = `${select} WHERE no = (
      SELECT no FROM tasks WHERE key_id = +? AND type = +? AND ready_rank = +? AND provider = +? ORDER BY no LIMIT 1)`;
    const fresh = SAMPLE_OF_NEW_TASK as unknown as Fields;
    const isGiven = (field: OwnField) =>
      fresh[field.name] !== undefined &&
      (!field.changes || storedValue(field, fresh[field.name]) !== defaultValue(field));
    this.#given = this.#own.flatMap((field, index) => (isGiven(field) ? [index] : []));
    const others = BESIDES.map(named).filter(({ name }) => !BOUND.includes(columnOf(name)));
    this.#inserts = new StatementTree((bound) => insertText([...this.#own, WINDOWS, ...others], bound));
    const written = [...this.#changing.map(({ name }) => columnOf(name)), ...FOLLOWING];
    this.#updates = new StatementTree(
      (changed) =>
        `UPDATE tasks SET ${changed.map((index) => `${written[index]} = ?`).join(", ")} WHERE no = ?`,
    );
  }

  byNo(sql: Sql, no: number): TaskRow | null {
    return this.#read(sql.get(this.#byNo, no));
  }

  byId(sql: Sql, id: string): TaskRow | null {
    return this.#read(sql.get(this.#byId, id));
  }

  /** The task that has waited longest among its key's ready ones of a rank at a provider. */
  oldestReady(sql: Sql, lane: TaskType, keyId: string, rank: number, provider: string): TaskRow | null {
    return this.#read(sql.get(this.#oldest, keyId, lane, rank, provider));
  }

  /** The text of the fields that never change and are never searched by. */
  specText(record: object): string {
    const spec: Fields = {};
    for (const { name } of this.#spec) {
      const value = (record as Partial<Fields>)[name];
      if (value !== undefined && value !== null) spec[name] = value;
    }
    return JSON.stringify(spec);
  }

  /** Writes a new task. */
  insert(sql: Sql, task: Task, spec: { text: string; bytes: number }, windows: string | null): TaskRow {
    const inline = spec.bytes <= INLINE_SPEC_BYTES;
    const { keyId, subject } = task.tenant;
    const values: SqlValue[] = [
      keyId,
      // The index of subjects leaves NULL out.
      subject || null,
      candidateOf(task).provider,
      spec.bytes,
      readyRank(task),
      wakeAt(task),
      inline ? spec.text : null,
    ];
    let node = this.#inserts.root;
    for (const index of this.#given) {
      const field = this.#own[index] as OwnField;
      const value = (task as unknown as Fields)[field.name];
      if (value === field.missing) continue;
      const isShared = field.kind === "json" && !field.changes && typeof value === "object" && value !== null;
      values.push(isShared ? this.#shared.of(value) : storedValue(field, value));
      node = this.#inserts.with(node, index);
    }
    if (windows !== null) {
      values.push(windows);
      node = this.#inserts.with(node, this.#own.length);
    }
    sql.run(this.#inserts.textAt(node), ...values);
    const no = sql.get("SELECT last_insert_rowid() AS no")?.no as number;
    if (!inline) sql.run(INSERT_SPEC, no, spec.text);
    return { no, task, followed: false, specBytes: spec.bytes, progressAt: null, trimmed: false, windows };
  }

  /**
   * Writes what differs between the two, of what `changes` names; an index whose columns did not change is not touched.
   */
  update(sql: Sql, before: TaskRow, after: TaskRow, changes: Changes): void {
    const was = before.task as unknown as Fields;
    const is = changes as unknown as Fields;
    const values: SqlValue[] = [];
    const changing = this.#changing;
    let node = this.#updates.root;
    for (const name in is) {
      const value = is[name];
      if (value === was[name]) continue;
      const index = this.#indexes.get(name);
      if (index === undefined) throw new Error(`The field ${name} does not change`);
      values.push(storedValue(changing[index] as OwnField, value));
      node = this.#updates.with(node, index);
    }
    const besides = (place: number, old: SqlValue, value: SqlValue): void => {
      if (old === value) return;
      values.push(value);
      node = this.#updates.with(node, changing.length + place);
    };
    besides(0, candidateOf(before.task).provider, candidateOf(after.task).provider);
    besides(1, before.progressAt, after.progressAt);
    besides(2, readyRank(before.task), readyRank(after.task));
    besides(3, wakeAt(before.task), wakeAt(after.task));
    if (values.length === 0) return;
    values.push(before.no);
    sql.run(this.#updates.textAt(node), ...values);
  }

  get sawDamaged(): boolean {
    return this.#damaged.size > 0;
  }

  /** The numbers of the rows that could not be read since this was asked last. */
  takeDamaged(): number[] {
    const numbers = [...this.#damaged];
    this.#damaged.clear();
    return numbers;
  }

  /** Null also for a row that cannot be read, which is noted. */
  #read(row: SqlRow | null): TaskRow | null {
    if (row === null) return null;
    const no = row[TENANT] as number;
    try {
      const read = this.#taskOf(row);
      if (typeof candidateOf(read.task).provider === "string") return read;
    } catch {
      // It is noted below.
    }
    this.#damaged.add(no);
    return null;
  }

  /**
   * Makes the row the task: what it carries under the names of other fields is taken out, and those fields put in. Throws
   * when a field's JSON is damaged, or what its hold is settled by.
   */
  #taskOf(row: SqlRow): TaskRow {
    const [no, keyId, subject, followed, progressAt, trimmed, specBytes, windows, specText] =
      this.#carriers.map((name) => row[name]);
    const spec = JSON.parse(specText as string) as Spec;
    const task = row as Fields;
    for (const name of this.#flags) task[name] = row[name] === 1;
    for (const name of this.#json) {
      const text = row[name];
      if (typeof text === "string") task[name] = text === "[]" ? [] : (JSON.parse(text) as FieldValue);
    }
    for (const field of this.#derived)
      if (row[field.name] === null) task[field.name] = missingValue(field, spec);
    for (const field of this.#spec) {
      const value = spec[field.name];
      task[field.name] = value === undefined ? missingValue(field, spec) : value;
    }
    task[TENANT] = { keyId, subject: subject ?? "" };
    if (windows !== null && !Array.isArray(JSON.parse(windows as string)))
      throw new Error("No list of windows");
    return {
      no: no as number,
      task: task as unknown as Task,
      progressAt: progressAt as number | null,
      followed: followed === 1,
      trimmed: trimmed === 1,
      specBytes: specBytes as number,
      windows: windows as string | null,
    };
  }
}

/** The rank among its key's ready tasks; null when it does not stand there. */
function readyRank(task: Task): number | null {
  return queueStateOf(task) === "ready" ? rankOf(task) : null;
}

/** Of the fields only those at `bound` are bound; the others have what a record has that lacks them. */
function insertText(fields: readonly OwnField[], bound: readonly number[]): string {
  const columns = [...BOUND, ...fields.map(({ name }) => columnOf(name))];
  const values = fields.map((field, index) => (bound.includes(index) ? "?" : literal(defaultValue(field))));
  return `INSERT INTO tasks (${columns.join(", ")})
    VALUES (${[...BOUND.map(() => "?"), ...values].join(", ")})`;
}
