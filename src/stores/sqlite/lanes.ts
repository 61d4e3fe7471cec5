/**
 * Start-time fair queueing. A lane holds one row per key with its virtual time and the counts of its lists; a claim
 * takes the eligible key of least virtual time, whatever the queue's length, and charges it by the priority served.
 *
 * Within a key: first the tasks that are already running (due polls, orphans), then the priorities, each with a
 * virtual time of its own, the one whose next task would end first; ties go to the higher. A key or a priority that
 * had nothing to offer comes back at the virtual time of the others: idling earns no credit.
 */

import type { Priority, TaskType } from "../../protocol/task.ts";
import type { QueueStats } from "../../tasks/ports/task-store.ts";
import type { Task } from "../../tasks/task.ts";
import {
  CONTINUATION_COST,
  CONTINUING,
  costOf,
  type KeyQueue,
  nextPriority,
  PROMOTE_LIMIT,
  RANKED,
  virtualTimes,
} from "../fair-queue.ts";
import type { Sql, SqlRow } from "../sql.ts";
import { oldestReady, type TaskRow } from "./task-row.ts";

/** The lists a task may stand in, as columns of counters: its ready rank, then these. */
const LISTS = ["continuing", ...RANKED, "delayed", "held"] as const;
const DELAYED = 4;
const HELD = 5;

/** Where a task stands: an index of `LISTS`, or null when it is over. */
export type List = number | null;

/** What a claim charges its key. */
export type Charge = { vtime: number; virtual: readonly [number, number, number]; idle: number };
export type Pick = { row: TaskRow; startTag: number; charge: Charge };

/** The ready rank a task gets. */
export function rankOf(task: Task): number {
  return task.status === "running" ? CONTINUING : RANKED.indexOf(task.priority) + 1;
}

export function listOf(task: Task, readyRank: number | null): List {
  if (readyRank !== null) return readyRank;
  if (task.leaseUntil !== null) return HELD;
  return task.dueAt === null ? null : DELAYED;
}

const INSERT_KEY = `INSERT INTO lane_keys (key_id, lane, cap, running)
  VALUES (?1, ?2, (SELECT max_concurrent_tasks FROM keys WHERE id = ?1),
          coalesce((SELECT running FROM lane_keys WHERE key_id = ?1 LIMIT 1), 0))`;
const RAISED = `CASE WHEN eligible IS NOT NULL THEN vtime
  ELSE max(vtime, (SELECT l.vtime FROM lanes l WHERE l.lane = lane_keys.lane)) END`;
const moves = new Map<number, string>();

/** Moves a task of the key between lists. `started`: 1 when it began to run, -1 when it stopped, else 0. */
export function move(
  sql: Sql,
  lane: TaskType,
  keyId: string,
  from: List,
  to: List,
  started: -1 | 0 | 1,
): void {
  if (from === to && started === 0) return;
  const query = moveQuery(from, to, started, false);
  if (sql.change(query, keyId, lane) === 0) {
    sql.run(INSERT_KEY, keyId, lane);
    sql.run(query, keyId, lane);
  }
  if (from === HELD && to !== HELD) sql.run("UPDATE lanes SET held = held - 1 WHERE lane = ?", lane);
}

/** The move of a claimed task, and what it costs its key. */
export function moveClaimed(sql: Sql, pick: Pick, from: List, to: List, started: number): void {
  const { tenant, type } = pick.row.task;
  const { vtime, virtual, idle } = pick.charge;
  sql.run(moveQuery(from, to, started, true), tenant.keyId, type, vtime, ...virtual, idle);
}

/** ?1 is the key, ?2 the lane; a start or an end counts in every lane of the key, because its limit does. */
function moveQuery(from: List, to: List, started: number, charged: boolean): string {
  const code = (((from ?? 6) * 7 + (to ?? 6)) * 3 + started + 1) * 2 + (charged ? 1 : 0);
  let query = moves.get(code);
  if (query !== undefined) return query;
  const everyLane = started !== 0;
  const here = everyLane ? "(lane = ?2)" : "1";
  const sets: string[] = [];
  if (from !== to && from !== null) sets.push(`${LISTS[from]} = ${LISTS[from]} - ${here}`);
  if (from !== to && to !== null) sets.push(`${LISTS[to]} = ${LISTS[to]} + ${here}`);
  if (started !== 0) sets.push(`running = running + (${started})`);
  if (charged) {
    const only = (column: string, value: string) =>
      everyLane ? `${column} = iif(lane = ?2, ${value}, ${column})` : `${column} = ${value}`;
    sets.push(
      only("vtime", "?3"),
      only("v_high", "?4"),
      only("v_normal", "?5"),
      only("v_low", "?6"),
      only("idle", "?7"),
    );
  } else if (started === -1 || (to !== null && to < DELAYED)) {
    sets.push(`vtime = ${RAISED}`);
  }
  query = `UPDATE lane_keys SET ${sets.join(", ")} WHERE key_id = ?1${everyLane ? "" : " AND lane = ?2"}`;
  moves.set(code, query);
  return query;
}

const LEAST_KEY = `SELECT key_id, vtime, continuing, high, normal, low, v_high, v_normal, v_low, idle
  FROM lane_keys WHERE lane = +? AND eligible IS NOT NULL ORDER BY vtime LIMIT 1`;

/** The task whose turn it is, or null when no key has one that may start. Writes nothing. */
export function pickNext(sql: Sql, lane: TaskType): Pick | null {
  const key = sql.get(LEAST_KEY, lane);
  if (key === null) return null;
  const queue = queueOf(key);
  const { counts } = queue;
  const virtual = virtualTimes(queue);
  const startTag = key.vtime as number;
  const rank = queue.continuing > 0 ? CONTINUING : nextPriority(counts, virtual) + 1;
  const row = oldestReady(sql, lane, key.key_id as string, rank);
  if (row === null) throw new Error(`The counters of lane ${lane} disagree with its tasks at rank ${rank}`);
  if (rank !== CONTINUING) {
    virtual[rank - 1] = (virtual[rank - 1] ?? 0) + costOf(rank - 1);
    counts[rank - 1] = (counts[rank - 1] ?? 0) - 1;
  }
  let idle = 0;
  for (const [index, count] of counts.entries()) if (count === 0) idle |= 1 << index;
  const cost = rank === CONTINUING ? CONTINUATION_COST : costOf(rank - 1);
  return { row, startTag, charge: { vtime: startTag + cost, virtual, idle } };
}

/** `claimed` tasks are held from now on, and the lane's virtual time follows the start tag of what was served last. */
export function advanceLane(sql: Sql, lane: TaskType, claimed: number, startTag: number): void {
  sql.run(
    "UPDATE lanes SET vtime = max(vtime, ?1), held = held + ?2 WHERE lane = ?3",
    startTag,
    claimed,
    lane,
  );
}

/** How many tasks of the lane are held, whoever holds them. */
export function heldIn(sql: Sql, lane: TaskType): number {
  return (sql.get("SELECT held FROM lanes WHERE lane = ?", lane)?.held as number | undefined) ?? 0;
}

/** Delayed tasks that are due by now become ready, at most `PROMOTE_LIMIT`. */
export function promote(sql: Sql, lane: TaskType, now: number): void {
  const due = sql.all(
    `SELECT no, key_id, status, priority FROM tasks
     WHERE type = +? AND due_at <= ? ORDER BY due_at LIMIT ${PROMOTE_LIMIT}`,
    lane,
    now,
  );
  for (const row of due) {
    const rank = row.status === "running" ? CONTINUING : RANKED.indexOf(row.priority as Priority) + 1;
    sql.run("UPDATE tasks SET due_at = NULL, ready_rank = ? WHERE no = ?", rank, row.no as number);
    move(sql, lane, row.key_id as string, DELAYED, rank, 0);
  }
}

/** 0 when something may be claimed now, else when the first delayed task is due, null when nothing waits. */
export function nextDueAt(sql: Sql, lane: TaskType): number | null {
  if (sql.get("SELECT 1 FROM lane_keys WHERE lane = ? AND eligible IS NOT NULL LIMIT 1", lane) !== null)
    return 0;
  const row = sql.get(
    "SELECT due_at FROM tasks WHERE type = +? AND due_at IS NOT NULL ORDER BY due_at LIMIT 1",
    lane,
  );
  return (row?.due_at as number | undefined) ?? null;
}

/** A changed limit of the key counts at once, in every lane. */
export function setCap(sql: Sql, keyId: string, cap: number | null): void {
  sql.run(`UPDATE lane_keys SET cap = ?2, vtime = ${RAISED} WHERE key_id = ?1`, keyId, cap);
}

export function laneStats(sql: Sql): QueueStats[] {
  const rows = sql.all(
    `SELECT l.lane, coalesce(sum(k.continuing + k.high + k.normal + k.low), 0) AS ready,
            coalesce(sum(k.delayed), 0) AS delayed, coalesce(sum(k.held), 0) AS held
     FROM lanes l LEFT JOIN lane_keys k ON k.lane = l.lane GROUP BY l.lane ORDER BY l.lane`,
  );
  return rows.map((row) => ({
    lane: row.lane as TaskType,
    ready: row.ready as number,
    delayed: row.delayed as number,
    held: row.held as number,
  }));
}

/** The numbers of a row. */
export function queueOf(key: SqlRow): KeyQueue {
  return {
    continuing: key.continuing as number,
    counts: [key.high as number, key.normal as number, key.low as number],
    virtual: [key.v_high as number, key.v_normal as number, key.v_low as number],
    idle: key.idle as number,
  };
}
