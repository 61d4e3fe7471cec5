/**
 * Every stored field of a task, once: its name, its type, whether it changes, and what a record has that lacks it. The
 * columns of SQLite, the fields of Redis' hashes, the codecs of both and the Lua readers are made from this table. A new
 * field is a line in here and one in the type; records of earlier releases then have what `missing` says.
 *
 * A field stands in one of two places. `spec`: fixed at creation and never searched by; all of these are one JSON text,
 * written once. `own`: a column, and a hash field, of its own. Fields of later releases are never touched: a spec is not
 * rewritten, and a change writes only the fields that changed.
 */

import type { Json } from "../protocol/task.ts";
import { candidateOf, type Task } from "../tasks/task.ts";

/** How a value is kept. A `moment` is milliseconds of the store's clock, so a change may be sent as a distance to now. */
export type FieldKind = "text" | "integer" | "moment" | "flag" | "json";

/** What a field may hold in memory. */
export type FieldValue = string | number | boolean | null | object;

export type Field<Value = FieldValue> = {
  readonly kind: FieldKind;
  readonly place: "spec" | "own";
  /** False: written at creation only. */
  readonly changes: boolean;
  /** What a record has that was written without it; it may look at the fields of earlier releases in its spec. */
  readonly missing: Value | ((spec: Readonly<Record<string, Json>>) => Value);
};

/** A task as it is stored: flat, with what the store knows besides. */
export type TaskRecord = Omit<Task, "tenant"> & {
  readonly keyId: string;
  readonly subject: string;
  /** The provider of the current candidate: ready tasks queue by it. */
  readonly provider: string;
  /** Size of the spec as UTF-8 JSON. */
  readonly specBytes: number;
  /** When the newest progress was recorded; that progress is the last event when it is newer than every stored one. */
  readonly progressAt: number | null;
  /** Its events are gone; the log begins anew behind its position. */
  readonly trimmed: boolean;
};

export type TaskRecordField = keyof TaskRecord;
export type FieldTable = Readonly<Record<string, Field>>;

/** A field that never changes and is never searched by: it is in the text of the spec, which is written once. */
const fixed = <V>(kind: FieldKind, missing: Field<V>["missing"]): Field<V> => ({
  kind,
  place: "spec",
  changes: false,
  missing,
});
/** A field with a column, or hash field, of its own, which is written at creation and never changes. */
const key = <V>(kind: FieldKind, missing: Field<V>["missing"]): Field<V> => ({
  kind,
  place: "own",
  changes: false,
  missing,
});
/** A field with a column, or hash field, of its own, which changes. */
const own = <V>(kind: FieldKind, missing: Field<V>["missing"]): Field<V> => ({
  kind,
  place: "own",
  changes: true,
  missing,
});

export const TASK_FIELDS = {
  id: key("text", ""),
  keyId: key("text", ""),
  subject: key("text", ""),
  type: key("text", "image"),
  priority: key("text", "normal"),
  batchId: key("text", null),
  createdAt: key("moment", 0),
  timeoutMs: key("integer", 0),
  waitDeadlineAt: key("moment", null),
  reservedMicros: key("integer", 0),
  // Earlier releases kept it in the same place, with the hold.
  price: key("json", null),
  specBytes: key("integer", 0),

  model: fixed("text", ""),
  // The first release had one provider, named in the spec.
  route: fixed("json", (spec) => [{ provider: String(spec.provider), model: String(spec.providerModel) }]),
  request: fixed("json", { prompt: "", n: 1 }),
  inputs: fixed("json", []),
  metadata: fixed("json", {}),
  retryOf: fixed("text", null),
  customer: fixed("text", null),
  webhook: fixed("json", null),
  baseUrl: fixed("text", ""),
  maxAttempts: fixed("integer", 1),

  provider: own("text", (spec) => String(spec.provider ?? "")),
  status: own("text", "queued"),
  progress: own("integer", 0),
  progressAt: own("moment", null),
  message: own("text", null),
  attempt: own("integer", 0),
  candidate: own("integer", 0),
  attemptStartedAt: own("moment", null),
  credential: own("text", null),
  attempts: own("json", []),
  takeovers: own("integer", 0),
  pollFailures: own("integer", 0),
  updatedAt: own("moment", 0),
  startedAt: own("moment", null),
  finishedAt: own("moment", null),
  deadlineAt: own("moment", 0),
  dueAt: own("moment", null),
  leaseUntil: own("moment", null),
  fence: own("integer", 0),
  jobFence: own("integer", null),
  submitUnknown: own("flag", false),
  epoch: own("text", ""),
  seq: own("integer", 0),
  trimmed: own("flag", false),
  cancellation: own("text", null),
  openCleanups: own("integer", 0),
  upstreamMicros: own("integer", null),
  costMicros: own("integer", 0),
  settled: own("flag", false),
  providerMs: own("integer", 0),
  storeMs: own("integer", 0),
  state: own("json", null),
  error: own("json", null),
  result: own("json", null),
} as const satisfies { readonly [Name in TaskRecordField]: Field<TaskRecord[Name]> };

/** The names of a table's fields in one place, in its order. */
export function namesIn(table: FieldTable, place: Field["place"]): string[] {
  return Object.keys(table).filter((name) => table[name]?.place === place);
}

/** The names of the fields that change, in the table's order. */
export function changingNames(table: FieldTable): string[] {
  return Object.keys(table).filter((name) => table[name]?.changes === true);
}

/** The flat record of a task. */
export function recordOf(
  task: Task,
  besides: Pick<TaskRecord, "specBytes" | "progressAt" | "trimmed">,
): TaskRecord {
  const { tenant, ...rest } = task;
  const { keyId, subject } = tenant;
  return { ...rest, ...besides, keyId, subject, provider: candidateOf(task).provider };
}

/** The task of a flat record. */
export function taskOf(record: TaskRecord): Task {
  const { keyId, subject, provider: _, specBytes: __, progressAt: ___, trimmed: ____, ...rest } = record;
  return { ...rest, tenant: { keyId, subject } };
}

/** The spec's text: every field that stands in it. */
export function specText(
  record: Readonly<Record<string, FieldValue | undefined>>,
  table: FieldTable,
): string {
  const spec: Record<string, FieldValue> = {};
  for (const name of namesIn(table, "spec")) {
    const value = record[name];
    if (value !== undefined && value !== null) spec[name] = value;
  }
  return JSON.stringify(spec);
}

/** A task all of whose fields have what a record has that lacks them: the ground on which older records are read. */
export function taskOfMissingFields(spec: Readonly<Record<string, Json>>): Task {
  const fields: FieldTable = TASK_FIELDS;
  const values = Object.entries(fields).map(([name, field]) => [name, missingValue(field, spec)]);
  return taskOf(Object.fromEntries(values) as TaskRecord);
}

/** What a record that lacks a field has in its place. */
export function missingValue(field: Field, spec: Readonly<Record<string, Json>>): FieldValue {
  return typeof field.missing === "function" ? field.missing(spec) : field.missing;
}
