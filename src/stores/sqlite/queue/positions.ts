/**
 * A task's place in the queue: how many tasks of its own key are served first, and what the other keys take meanwhile
 * when they share the lane with it. What waits for another, paused provider is not before it. Bounded work: beyond the
 * bounds the place is a lower estimate.
 */

import type { TaskView } from "../../../tasks/ports/task-store.ts";
import { candidateOf } from "../../../tasks/task.ts";
import { queueStateOf } from "../../../tasks/transition.ts";
import { rankOf, servedBefore } from "../../fair-queue.ts";
import type { TaskRow } from "../tasks/task-table.ts";
import type { Transaction } from "../transaction.ts";
import { queueOf } from "./queue-counters.ts";

/** Tasks of the own key and rank that are counted. */
const MAX_COUNTED_TASKS = 10_000;
/** Queues of other keys that are looked at. */
const MAX_COUNTED_QUEUES = 1_000;

const AHEAD = `SELECT count(*) AS n FROM (
  SELECT 1 FROM tasks WHERE key_id = ?1 AND type = ?2 AND ready_rank = ?3 AND no >= ?5 AND no < ?6
    AND provider IN (SELECT provider FROM lane_keys WHERE key_id = ?1 AND lane = ?2 AND (paused = 0 OR provider = ?4))
  LIMIT ?7)`;
const KEY = `SELECT sum(continuing) AS continuing, sum(high) AS high, sum(normal) AS normal, sum(low) AS low,
    v_high, v_normal, v_low, idle
  FROM lane_keys WHERE key_id = ?1 AND lane = ?2 AND (paused = 0 OR provider = ?3) HAVING count(*) > 0`;
// A key with queues at several providers counts with each queue's share of what it may take.
const OTHERS = `SELECT coalesce(sum(iif(ready < everything, min(everything, ?1) * 1.0 * ready / everything, min(ready, ?1))), 0) AS n
  FROM (
    SELECT continuing + iif(paused, 0, high + normal + low) AS ready, all_continuing + all_waiting AS everything
    FROM lane_keys WHERE lane = ?2 AND (startable IS NOT NULL OR continuing > 0) AND key_id <> ?3 LIMIT ${MAX_COUNTED_QUEUES})`;

export function viewTask(tx: Transaction, row: TaskRow): TaskView {
  return viewTasks(tx, [row])[0] as TaskView;
}

/** Views in the order given. Tasks of one list are counted from one to the next, so a page costs no more than a task. */
export function viewTasks({ sql }: Transaction, rows: readonly TaskRow[]): TaskView[] {
  const positions = new Map<number, number>();
  const counted = new Map<string, { no: number; index: number }>();
  for (const row of [...rows].sort((a, b) => a.no - b.no)) {
    if (queueStateOf(row.task) !== "ready") continue;
    const { type, tenant } = row.task;
    const { keyId } = tenant;
    const { provider } = candidateOf(row.task);
    const rank = rankOf(row.task);
    const list = JSON.stringify([type, rank, provider, keyId]);
    const last = counted.get(list) ?? { no: 0, index: 0 };
    const budget = MAX_COUNTED_TASKS - last.index;
    const ahead = budget <= 0 ? null : sql.get(AHEAD, keyId, type, rank, provider, last.no, row.no, budget);
    const index = last.index + ((ahead?.n as number | undefined) ?? 0);
    counted.set(list, { no: row.no, index });
    const key = sql.get(KEY, keyId, type, provider);
    const own = key === null ? index : servedBefore(queueOf(key), rank, index);
    const others = (sql.get(OTHERS, own + 1, type, keyId)?.n as number | undefined) ?? 0;
    positions.set(row.no, 1 + own + Math.round(others));
  }
  return rows.map((row) => ({ task: row.task, queuePosition: positions.get(row.no) ?? null }));
}
