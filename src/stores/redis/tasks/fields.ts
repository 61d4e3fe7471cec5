/**
 * A task's record in Redis, made from the table of fields: which fields a script reads and in which order (so that Lua finds
 * them by number), what stands in for a missing one, and how a record is read from and written to a hash. Each `own` field is a
 * field of the hash, absent for null; `spec` is one JSON text of the others. Beside them stand `no`, the task's number among its
 * key's, `rev`, which names the last call that changed it (`+` behind it: the one that made it), `by`, who follows it, and the `windows` of its hold.
 */

import type { Json } from "../../../protocol/task.ts";
import { candidateOf, type Task } from "../../../tasks/task.ts";
import {
  changingNames,
  type Field,
  type FieldKind,
  type FieldTable,
  type FieldValue,
  missingValue,
  namesIn,
  specText,
  type TaskRecord,
} from "../../task-fields.ts";
import type { Reply } from "../server/replies.ts";
import { listReply, textOf } from "../server/replies.ts";
import type { TaskValues } from "./made-tasks.ts";

/** Fields of the task's hash that are not in the table of fields; scripts read them after those of the table. */
const BESIDES = ["spec", "no", "rev", "by"] as const;

/** Where each of them stands in what scripts answer, from 0. */
type BesidesPlaces = Readonly<Record<(typeof BESIDES)[number], number>>;

/** What a claim looks at. Scripts read these first, and of a task whose record the caller knows nothing else. */
const CLAIMED = [
  "id",
  "keyId",
  "subject",
  "batchId",
  "timeoutMs",
  "status",
  "progress",
  "message",
  "attempt",
  "startedAt",
  "deadlineAt",
  "fence",
  "seq",
  "spec",
  "rev",
  "by",
] as const;

/** Begins a text that is JSON: half a surrogate pair, which UTF-8 cannot hold, has to be escaped. */
const ESCAPED = "\u0001";

/** A stored task, with what the store knows besides. */
export type StoredTask = {
  readonly task: Task;
  readonly besides: Besides;
  /** Another one after every change; a change is made of the task it was decided about, or not at all. */
  readonly rev: string;
  readonly no: string;
};

/** A task that is to be set aside: its id, and what must still be as it was read; "" where there is none. */
export type DamagedTask = {
  readonly id: string;
  readonly rev: string;
  readonly leaseUntil: string;
  readonly ended: boolean;
};

export type Besides = Pick<TaskRecord, "specBytes" | "progressAt" | "trimmed">;

/** Fields whose value is not a property of `Task` itself, and where it is instead. */
const PLACES: Readonly<Record<string, Place>> = {
  keyId: "tenant",
  subject: "tenant",
  provider: "provider",
  specBytes: "besides",
  progressAt: "besides",
  trimmed: "besides",
};

/** What is to be written: texts, moments as distances to now, and what becomes null. */
export type FieldChanges = { texts: string[]; moments: string[]; gone: string[] };

/** Where a field's value is in memory. */
type Place = "task" | "besides" | "tenant" | "provider";

type Known = {
  readonly name: string;
  /** Where it stands in what scripts answer, from 0; -1 for a field of the spec. */
  readonly at: number;
  readonly field: Field;
  readonly place: Place;
};

export class TaskFields {
  readonly table: FieldTable;
  /** In the order in which scripts read them. */
  readonly names: readonly string[];
  readonly #places: ReadonlyMap<string, number>;
  readonly #besides: BesidesPlaces;
  readonly #own: readonly Known[];
  readonly #spec: readonly Known[];
  readonly #changing: readonly Known[];
  readonly #moments: readonly Known[];

  constructor(table: FieldTable) {
    const stored = [...namesIn(table, "own"), ...BESIDES];
    const taken = stored.find((name, index) => stored.indexOf(name) !== index);
    if (taken !== undefined) throw new Error(`The store has a use of its own for a field ${taken}`);
    this.names = [...new Set<string>([...CLAIMED, ...stored])];
    this.#places = new Map(this.names.map((name, index) => [name, index]));
    const pick = (names: string[]) =>
      names.map((name) => ({
        name,
        at: this.#placeOf(name),
        field: table[name] as Field,
        place: PLACES[name] ?? "task",
      }));
    const besides = BESIDES.map((name) => [name, this.#placeOf(name)]);
    this.#besides = Object.fromEntries(besides) as BesidesPlaces;
    this.table = table;
    this.#own = pick(namesIn(table, "own"));
    this.#spec = pick(namesIn(table, "spec"));
    this.#changing = pick(changingNames(table));
    this.#moments = this.#changing.filter(({ field }) => field.kind === "moment");
  }

  /** Where a field stands in what Lua reads, from 1. */
  index(name: string): number {
    return this.#placeOf(name) + 1;
  }

  /** Where a field stands in what scripts answer, from 0; -1 for one that is not among it. */
  #placeOf(name: string): number {
    return this.#places.get(name) ?? -1;
  }

  /** The Lua functions that read a task: whole, or what a claim looks at and then the rest of it. */
  luaReader(): string {
    const quoted = this.names.map((name) => `'${name}'`);
    const first = quoted.slice(0, CLAIMED.length).join(", ");
    const rest = quoted.slice(CLAIMED.length).join(", ");
    const defaults = this.#own.flatMap(({ name, field }) => {
      const { missing, kind } = field;
      if (typeof missing === "function" || missing === null || kind === "json") return [];
      return [`  f[T_${name}] = f[T_${name}] or '${fieldText(kind, missing)}'`];
    });
    return [
      "local function with_defaults(f)",
      ...defaults,
      "  return f",
      "end",
      "local function load_task(id)",
      `  local f = redis.pcall('HMGET', P .. 'task:' .. id, ${first}, ${rest})`,
      "  if f.err or f[T_id] ~= id then return nil end",
      "  return with_defaults(f)",
      "end",
      "local function load_first(id)",
      `  local f = redis.pcall('HMGET', P .. 'task:' .. id, ${first})`,
      "  if f.err or f[T_id] ~= id then return nil end",
      "  return with_defaults(f)",
      "end",
      "local function load_rest(f)",
      `  for i, text in ipairs(rcall('HMGET', P .. 'task:' .. f[T_id], ${rest})) do f[${CLAIMED.length} + i] = text end`,
      "end",
      "",
    ].join("\n");
  }

  /** Reads what `load_task` answered. Throws when it cannot be read. */
  read(reply: Reply | undefined): StoredTask {
    const values = listReply(reply);
    const value = (name: (typeof BESIDES)[number]) => values[this.#besides[name]];
    const spec = JSON.parse(textOf(value("spec") ?? "{}")) as Record<string, Json>;
    const task: Record<string, FieldValue> = {};
    const besides: Record<string, FieldValue> = {};
    const tenant: Record<string, FieldValue> = {};
    for (const { name, at, field, place } of this.#own) {
      if (place === "provider") continue;
      const text = values[at] ?? null;
      const value = text === null ? missingValue(field, spec) : fieldValue(field.kind, text as string);
      if (place === "task") task[name] = value;
      else if (place === "tenant") tenant[name] = value;
      else besides[name] = value;
    }
    for (const { name, field } of this.#spec) task[name] = spec[name] ?? missingValue(field, spec);
    task.tenant = tenant;
    return {
      task: task as unknown as Task,
      besides: besides as unknown as Besides,
      no: textOf(value("no") ?? ""),
      rev: textOf(value("rev") ?? ""),
    };
  }

  /** Reads many, each as it is or, where it cannot be read, as what is to be set aside. */
  readAll(replies: readonly Reply[]): { tasks: StoredTask[]; damaged: DamagedTask[] } {
    const tasks: StoredTask[] = [];
    const damaged: DamagedTask[] = [];
    for (const reply of replies) {
      const task = this.tryRead(reply);
      if (task === null) damaged.push(this.damaged(reply));
      else tasks.push(task);
    }
    return { tasks, damaged };
  }

  /** What names a record that `load_task` answered and that cannot be read. */
  damaged(reply: Reply | undefined): DamagedTask {
    const values = listReply(reply);
    const text = (name: string) => textOf(values[this.index(name) - 1] ?? "");
    return {
      id: text("id"),
      rev: text("rev"),
      leaseUntil: text("leaseUntil"),
      ended: text("finishedAt") !== "",
    };
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

  /** All of a new task; what is as if it were missing is not written. Its moments count from 0. */
  written(task: Task, besides: Besides, spec: string): FieldChanges {
    const changes: FieldChanges = { texts: ["spec", spec], moments: [], gone: [] };
    for (const known of this.#own) {
      const { name, field } = known;
      const value = storedValue(known, task, besides) ?? null;
      if (value === null) continue;
      if (field.kind === "moment") changes.moments.push(name, String(value));
      else if (value !== field.missing && !(Array.isArray(value) && value.length === 0))
        changes.texts.push(name, fieldText(field.kind, value));
    }
    return changes;
  }

  /** The record of a new task as scripts answer it: `written` of it at `now`, its number among its key's, its revision. */
  values({ texts, moments }: Omit<FieldChanges, "gone">, now: number, no: string, rev: string): TaskValues {
    const values = this.names.map((): string | null => null);
    const set = (name: string, text: string) => {
      values[this.#placeOf(name)] = text;
    };
    for (let at = 0; at < texts.length; at += 2) set(texts[at] as string, texts[at + 1] as string);
    for (let at = 0; at < moments.length; at += 2)
      set(moments[at] as string, String(now + Number(moments[at + 1])));
    set("no", no);
    set("rev", rev);
    return values;
  }

  /** The record after the changes that a claim told, as names and texts. */
  changed(values: TaskValues, changes: readonly string[]): TaskValues {
    const changed = [...values];
    for (let at = 0; at < changes.length; at += 2)
      changed[this.#placeOf(changes[at] as string)] = changes[at + 1] as string;
    return changed;
  }

  spec(task: Task): string {
    return specText(task as unknown as Record<string, FieldValue>, this.table);
  }

  /** Whether one of the fields that change is this moment. */
  hasMoment(task: Task, besides: Besides, moment: number): boolean {
    return this.#moments.some((known) => storedValue(known, task, besides) === moment);
  }

  /** What a transition at `now` changed. */
  changes(before: Task, old: Besides, after: Task, besides: Besides, now: number): FieldChanges {
    const changes: FieldChanges = { texts: [], moments: [], gone: [] };
    for (const known of this.#changing) {
      const { name, field } = known;
      const value = storedValue(known, after, besides);
      if (value === undefined || value === storedValue(known, before, old)) continue;
      if (value === null) changes.gone.push(name);
      else if (field.kind === "moment") changes.moments.push(name, String((value as number) - now));
      else changes.texts.push(name, fieldText(field.kind, value));
    }
    return changes;
  }

  /**
   * The task as Redis has it after a change. It was decided here at `now`, but the server applied it at `at`, so the
   * moments that the change set are moved by the difference. `lease` is the end of the lease that the server had
   * before: a change that keeps the lease leaves that end, which a renewal may have moved meanwhile.
   */
  made(before: Task, after: Task, now: number, at: number, lease: number | null): Task {
    const kept = lease !== null && after.leaseUntil !== null && lease !== after.leaseUntil;
    if (now === at && !kept) return after;
    const moved = { ...after } as unknown as Record<string, FieldValue>;
    const old = before as unknown as Record<string, FieldValue>;
    for (const { name, field, place } of this.#changing) {
      const value = moved[name];
      if (place === "task" && field.kind === "moment" && typeof value === "number" && value !== old[name])
        moved[name] = value - now + at;
    }
    if (kept) moved.leaseUntil = lease;
    return moved as unknown as Task;
  }
}

/** What names a record that was read, for setting it aside. */
export function namesOf({ task: { id, leaseUntil, finishedAt }, rev }: StoredTask): DamagedTask {
  return { id, rev, leaseUntil: leaseUntil === null ? "" : String(leaseUntil), ended: finishedAt !== null };
}

function storedValue({ name, place }: Known, task: Task, besides: Besides): FieldValue | undefined {
  switch (place) {
    case "task":
      return (task as unknown as Record<string, FieldValue>)[name];
    case "besides":
      return (besides as unknown as Record<string, FieldValue>)[name];
    case "tenant":
      return (task.tenant as unknown as Record<string, FieldValue>)[name];
    case "provider":
      return candidateOf(task).provider;
  }
}

function fieldValue(kind: FieldKind, text: string): FieldValue {
  switch (kind) {
    case "text":
      return text.startsWith(ESCAPED) ? (JSON.parse(text.slice(1)) as string) : text;
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

function fieldText(kind: FieldKind, value: FieldValue): string {
  switch (kind) {
    case "json":
      return JSON.stringify(value);
    case "flag":
      return value === true ? "1" : "0";
    case "text":
      return textField(value as string);
    default:
      return String(value);
  }
}

function textField(text: string): string {
  return text.isWellFormed() && !text.startsWith(ESCAPED) ? text : ESCAPED + JSON.stringify(text);
}
