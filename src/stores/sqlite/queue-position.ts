/**
 * A task's place in the queue: how many tasks of its own key are served first, and what the other keys take meanwhile
 * when they share the lane with it. Bounded work: beyond the bounds the place is a lower estimate.
 */

import type { TaskView } from "../../tasks/ports/task-store.ts";
import { servedBefore } from "../fair-queue.ts";
import type { Sql } from "../sql.ts";
import { queueOf } from "./lanes.ts";
import type { TaskRow } from "./task-row.ts";

/** Tasks of the own key and rank that are counted. */
const MAX_COUNTED_TASKS = 10_000;
/** Other keys that are looked at. */
const MAX_COUNTED_KEYS = 1_000;

const AHEAD = `SELECT count(*) AS n FROM (
  SELECT 1 FROM tasks WHERE key_id = ? AND type = ? AND ready_rank = ? AND no >= ? AND no < ? LIMIT ?)`;
const KEY = `SELECT continuing, high, normal, low, v_high, v_normal, v_low, idle
  FROM lane_keys WHERE key_id = ? AND lane = ?`;
const OTHERS = `SELECT coalesce(sum(min(ready, ?)), 0) AS n FROM (
  SELECT continuing + high + normal + low AS ready FROM lane_keys
  WHERE lane = ? AND eligible IS NOT NULL AND key_id <> ? LIMIT ${MAX_COUNTED_KEYS})`;

export function viewTask(sql: Sql, row: TaskRow): TaskView {
  return viewTasks(sql, [row])[0] as TaskView;
}

/** Views in the order given. Tasks of one list are counted from one to the next, so a page costs no more than a task. */
export function viewTasks(sql: Sql, rows: readonly TaskRow[]): TaskView[] {
  const positions = new Map<number, number>();
  const counted = new Map<string, { no: number; index: number }>();
  for (const row of [...rows].sort((a, b) => a.no - b.no)) {
    if (row.readyRank === null) continue;
    const { type, tenant } = row.task;
    const list = `${type} ${row.readyRank} ${tenant.keyId}`;
    const last = counted.get(list) ?? { no: 0, index: 0 };
    const budget = MAX_COUNTED_TASKS - last.index;
    const ahead =
      budget <= 0 ? null : sql.get(AHEAD, tenant.keyId, type, row.readyRank, last.no, row.no, budget);
    const index = last.index + ((ahead?.n as number | undefined) ?? 0);
    counted.set(list, { no: row.no, index });
    const key = sql.get(KEY, tenant.keyId, type);
    const own = key === null ? index : servedBefore(queueOf(key), row.readyRank, index);
    const others = (sql.get(OTHERS, own + 1, type, tenant.keyId)?.n as number | undefined) ?? 0;
    positions.set(row.no, 1 + own + others);
  }
  return rows.map((row) => ({ task: row.task, queuePosition: positions.get(row.no) ?? null }));
}
