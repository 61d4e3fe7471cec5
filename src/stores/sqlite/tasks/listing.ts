/** Pages of tasks, newest or oldest first. Each (status, type) is a range of its own in an index, so filters never scan. */

import { TASK_STATUSES, TASK_TYPES, type TaskStatus, type TaskType } from "../../../protocol/task.ts";
import type { ListQuery, TaskPage } from "../../../tasks/ports/task-store.ts";
import type { TenantScope } from "../../../tasks/task.ts";
import { assertScope, isVisible } from "../../scopes.ts";
import { viewTasks } from "../queue/positions.ts";
import type { Transaction } from "../transaction.ts";
import type { TaskRow } from "./task-table.ts";

/** Above every task id, and below. */
const NEWEST = "g";
const OLDEST = "";
/** Tasks of one batch; what the batch route accepts is less. */
const MAX_BATCH_ROWS = 1_000;

const OF_KEY =
  "SELECT no, id FROM tasks WHERE key_id = +? AND status = +? AND type = +? AND id < ? ORDER BY id DESC LIMIT ?";
const OF_SUBJECT = `SELECT no, id FROM tasks WHERE key_id = +? AND subject = +? AND status = +? AND type = +?
  AND id < ? ORDER BY id DESC LIMIT ?`;
const OF_KEY_RISING =
  "SELECT no, id FROM tasks WHERE key_id = +? AND status = +? AND type = +? AND id > ? ORDER BY id LIMIT ?";
const OF_SUBJECT_RISING = `SELECT no, id FROM tasks WHERE key_id = +? AND subject = +? AND status = +? AND type = +?
  AND id > ? ORDER BY id LIMIT ?`;
const OF_BATCH = `SELECT no, id FROM tasks WHERE batch_id = +? AND id < ? ORDER BY id DESC LIMIT ${MAX_BATCH_ROWS}`;

export function listTasks(tx: Transaction, scope: TenantScope, query: ListQuery): TaskPage {
  assertScope(scope);
  const statuses = query.statuses ?? TASK_STATUSES;
  const types = query.type === undefined ? TASK_TYPES : [query.type];
  const rising = query.order === "asc";
  const after = query.after ?? (rising && query.batchId === undefined ? OLDEST : NEWEST);
  const wanted = query.limit + 1;
  const { rows, found } =
    query.batchId === undefined
      ? tenantRows(tx, scope, statuses, types, { after, rising }, wanted)
      : batchRows(tx, scope, query.batchId, statuses, types, after);
  return { tasks: viewTasks(tx, rows.slice(0, query.limit)), hasMore: found > query.limit };
}

/** The rows that could be read, and how many were found. */
type Found = { readonly rows: TaskRow[]; readonly found: number };

function tenantRows(
  tx: Transaction,
  scope: TenantScope,
  statuses: readonly TaskStatus[],
  types: readonly TaskType[],
  { after, rising }: { after: string; rising: boolean },
  wanted: number,
): Found {
  const ofKey = rising ? OF_KEY_RISING : OF_KEY;
  const ofSubject = rising ? OF_SUBJECT_RISING : OF_SUBJECT;
  const found = new Map<string, number>();
  for (const status of new Set(statuses)) {
    for (const type of types) {
      const rows =
        scope.subject === null
          ? tx.sql.all(ofKey, scope.keyId, status, type, after, wanted)
          : tx.sql.all(ofSubject, scope.keyId, scope.subject, status, type, after, wanted);
      for (const row of rows) found.set(row.id as string, row.no as number);
    }
  }
  for (const id of scope.granted ?? []) {
    if (scope.subject === null || (rising ? id <= after : id >= after)) continue;
    const row = tx.tasks.byId(tx.sql, id);
    if (row !== null && isVisible(scope, row.task) && matches(row, statuses, types)) found.set(id, row.no);
  }
  return first(tx, found, rising, wanted);
}

function batchRows(
  tx: Transaction,
  scope: TenantScope,
  batchId: string,
  statuses: readonly TaskStatus[],
  types: readonly TaskType[],
  after: string,
): Found {
  const rows: TaskRow[] = [];
  for (const { no } of tx.sql.all(OF_BATCH, batchId, after)) {
    const row = tx.tasks.byNo(tx.sql, no as number);
    if (row !== null && isVisible(scope, row.task) && matches(row, statuses, types)) rows.push(row);
  }
  return { rows, found: rows.length };
}

function matches(row: TaskRow, statuses: readonly TaskStatus[], types: readonly TaskType[]): boolean {
  return statuses.includes(row.task.status) && types.includes(row.task.type);
}

function first(tx: Transaction, found: ReadonlyMap<string, number>, rising: boolean, wanted: number): Found {
  const sorted = [...found.keys()].sort();
  const ids = (rising ? sorted : sorted.reverse()).slice(0, wanted);
  const rows: TaskRow[] = [];
  for (const id of ids) {
    const row = tx.tasks.byNo(tx.sql, found.get(id) as number);
    if (row !== null) rows.push(row);
  }
  return { rows, found: ids.length };
}
