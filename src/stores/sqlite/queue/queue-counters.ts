/**
 * Start-time fair queueing. A lane holds one row for each key and provider, with the counts of the lists there. What
 * belongs to the key in the lane stands alike in all of its rows: virtual times, what may be claimed of it in all
 * (`all_continuing`, and `all_waiting` without what waits for a paused provider); and what belongs to the key in every
 * lane: `running` and `cap`. So one statement changes a key, and one probe of an index finds the least key of a provider.
 *
 * Within a key: first the tasks that are already running (due polls, orphans), then the priorities, each with a
 * virtual time of its own, the one whose next task would end first; ties go to the higher. A key or a priority that
 * had no tasks waiting comes back at the virtual time of the others, and is not served first for the time it had none.
 */

import type { Priority, TaskType } from "../../../protocol/task.ts";
import type { QueueStats } from "../../../tasks/ports/task-store.ts";
import { type KeyQueue, PROMOTE_LIMIT, rankOf } from "../../fair-queue.ts";
import type { Sql, SqlRow } from "../../sql.ts";
import type { Transaction } from "../transaction.ts";
import { DELAYED, HELD, LISTS, type List } from "./lists.ts";

/** A queue of tasks: what a key has at a provider in a lane. */
export type QueueName = { readonly keyId: string; readonly lane: TaskType; readonly provider: string };

/** What a claim charges its key. */
export type Charge = { vtime: number; virtual: readonly [number, number, number]; idle: number };

const KNOW_PROVIDER = "INSERT OR IGNORE INTO lane_providers (lane, provider) VALUES (?, ?)";
const INSERT_QUEUE = `INSERT OR IGNORE INTO lane_keys (key_id, lane, provider, vtime, v_high, v_normal, v_low, idle,
    all_continuing, all_waiting, running, cap, paused)
  SELECT ?1, ?2, ?3, coalesce(k.vtime, 0), coalesce(k.v_high, 0), coalesce(k.v_normal, 0), coalesce(k.v_low, 0),
    coalesce(k.idle, 7), coalesce(k.all_continuing, 0), coalesce(k.all_waiting, 0),
    coalesce((SELECT running FROM lane_keys WHERE key_id = ?1 LIMIT 1), 0),
    (SELECT iif(count(*) = 0 OR max(enabled) = 0, 0, max(max_concurrent_tasks)) FROM keys WHERE id = ?1),
    (SELECT paused_until IS NOT NULL FROM lane_providers WHERE lane = ?2 AND provider = ?3)
  FROM (SELECT 1) LEFT JOIN lane_keys k ON k.key_id = ?1 AND k.lane = ?2 LIMIT 1`;

/** Makes the row of a queue, which every move in it needs. */
export function openQueue(sql: Sql, { keyId, lane, provider }: QueueName): void {
  sql.run(KNOW_PROVIDER, lane, provider);
  sql.run(INSERT_QUEUE, keyId, lane, provider);
}

/** A key that had nothing to offer in the lane comes back at the lane's virtual time. */
const RAISED = `CASE WHEN open IS NOT NULL THEN vtime
  ELSE max(vtime, (SELECT l.vtime FROM lanes l WHERE l.lane = lane_keys.lane)) END`;
/** Whether the moved task's provider is paused; its own row knows it, the key's other rows look it up. */
const RESTS = `iif(provider = ?3, paused,
  (SELECT paused_until IS NOT NULL FROM lane_providers WHERE lane = ?2 AND provider = ?3))`;
const moves = new Map<number, string>();

/**
 * What the caller has seen, so that a move need not look. `awake`: the provider is not paused. `only`: the key has no
 * other queue in the lane, so that one row changes.
 */
export type SeenOfQueue = { readonly awake: boolean; readonly only: boolean };
const SEEN_NOTHING: SeenOfQueue = { awake: false, only: false };

/** Moves a task between lists of a queue. `started`: 1 when it began to run, -1 when it stopped, else 0. */
export function move(
  sql: Sql,
  queue: QueueName,
  from: List,
  to: List,
  started: -1 | 0 | 1,
  seen: SeenOfQueue = SEEN_NOTHING,
): void {
  if (from === to && started === 0) return;
  const text = moveText(from, to, started, { ...seen, charged: false });
  sql.run(text, queue.keyId, queue.lane, queue.provider);
  if (from === HELD && to !== HELD) sql.run("UPDATE lanes SET held = held - 1 WHERE lane = ?", queue.lane);
}

/** The move of a claimed task, and what it costs its key. */
export function moveClaimed(
  sql: Sql,
  { keyId, lane, provider }: QueueName,
  charge: Charge,
  from: List,
  to: List,
  started: number,
): void {
  const { vtime, virtual, idle } = charge;
  const [high, normal, low] = virtual;
  // A waiting task is claimed only while its provider is not paused.
  const text = moveText(from, to, started, { charged: true, awake: true, only: false });
  sql.run(text, keyId, lane, provider, vtime, high, normal, low, idle);
}

/** ?1 is the key, ?2 the lane, ?3 the provider; a start or an end counts in every lane of the key, because its limit does. */
function moveText(
  from: List,
  to: List,
  started: number,
  { charged, awake, only }: SeenOfQueue & { charged: boolean },
): string {
  const seen = (charged ? 1 : 0) + (awake ? 2 : 0) + (only ? 4 : 0);
  const code = (((from ?? 6) * 7 + (to ?? 6)) * 3 + started + 1) * 8 + seen;
  let text = moves.get(code);
  if (text !== undefined) return text;
  const everyLane = started !== 0;
  const inLane = everyLane ? "(lane = ?2)" : "1";
  const here = everyLane ? "(provider = ?3 AND lane = ?2)" : "(provider = ?3)";
  const sets: string[] = [];
  if (from !== to && from !== null) sets.push(`${LISTS[from]} = ${LISTS[from]} - ${here}`);
  if (from !== to && to !== null) sets.push(`${LISTS[to]} = ${LISTS[to]} + ${here}`);
  const continuing = Number(to === 0) - Number(from === 0);
  if (continuing !== 0) sets.push(`all_continuing = all_continuing + (${continuing}) * ${inLane}`);
  const waiting = Number(isWaiting(to)) - Number(isWaiting(from));
  if (waiting !== 0) {
    const counted = awake ? inLane : `(${inLane} AND NOT ${RESTS})`;
    sets.push(`all_waiting = all_waiting + (${waiting}) * ${counted}`);
  }
  if (started !== 0) sets.push(`running = running + (${started})`);
  if (charged) {
    const inItsLane = (column: string, value: string) =>
      everyLane ? `${column} = iif(lane = ?2, ${value}, ${column})` : `${column} = ${value}`;
    sets.push(
      inItsLane("vtime", "?4"),
      inItsLane("v_high", "?5"),
      inItsLane("v_normal", "?6"),
      inItsLane("v_low", "?7"),
      inItsLane("idle", "?8"),
    );
  } else if (started === -1 || (to !== null && to < DELAYED)) {
    sets.push(`vtime = ${RAISED}`);
  }
  const rows = everyLane ? "" : ` AND lane = ?2${only ? " AND provider = ?3" : ""}`;
  text = `UPDATE lane_keys SET ${sets.join(", ")} WHERE key_id = ?1${rows}`;
  moves.set(code, text);
  return text;
}

/** Ready, and waiting for a start. */
function isWaiting(list: List): boolean {
  return list !== null && list > 0 && list < DELAYED;
}

const DUE = `SELECT no, key_id, provider, status, priority FROM tasks
  WHERE type = +? AND due_at <= ? ORDER BY due_at LIMIT ${PROMOTE_LIMIT}`;

/** Delayed tasks that are due by now become ready, at most `PROMOTE_LIMIT`. */
export function promote({ sql, now }: Transaction, lane: TaskType): void {
  for (const row of sql.all(DUE, lane, now)) {
    const rank = rankOf({
      status: row.status === "running" ? "running" : "queued",
      priority: row.priority as Priority,
    });
    sql.run("UPDATE tasks SET due_at = NULL, ready_rank = ? WHERE no = ?", rank, row.no as number);
    const queue = { keyId: row.key_id as string, lane, provider: row.provider as string };
    move(sql, queue, DELAYED, rank, 0);
  }
}

/** How many tasks of the lane are held, whoever holds them. */
export function heldIn({ sql }: Transaction, lane: TaskType): number {
  return (sql.get("SELECT held FROM lanes WHERE lane = ?", lane)?.held as number | undefined) ?? 0;
}

/** A changed limit of the key counts at once, in every lane. */
export function setCap(sql: Sql, keyId: string, cap: number | null): void {
  sql.run(`UPDATE lane_keys SET cap = ?2, vtime = ${RAISED} WHERE key_id = ?1`, keyId, cap);
}

/** Keys that were deleted or have expired by now start nothing any more. */
export function stopClosedKeys(sql: Sql, now: number): void {
  sql.run(
    "UPDATE lane_keys SET cap = 0 WHERE cap IS NOT 0 AND key_id IN (SELECT key_id FROM closing_keys WHERE at <= ?)",
    now,
  );
}

const PAUSE = [
  `UPDATE lane_keys SET all_waiting = all_waiting -
     (SELECT o.high + o.normal + o.low FROM lane_keys o WHERE o.key_id = lane_keys.key_id AND o.lane = ?1 AND o.provider = ?2)
   WHERE lane = ?1 AND key_id IN (SELECT key_id FROM lane_keys WHERE lane = ?1 AND provider = ?2 AND high + normal + low > 0)`,
  "UPDATE lane_keys SET paused = 1 WHERE lane = ?1 AND provider = ?2",
];
const RESUME = [
  `UPDATE lane_keys SET vtime = ${RAISED}, all_waiting = all_waiting +
     (SELECT o.high + o.normal + o.low FROM lane_keys o WHERE o.key_id = lane_keys.key_id AND o.lane = ?1 AND o.provider = ?2)
   WHERE lane = ?1 AND key_id IN (SELECT key_id FROM lane_keys WHERE lane = ?1 AND provider = ?2 AND high + normal + low > 0)`,
  "UPDATE lane_keys SET paused = 0 WHERE lane = ?1 AND provider = ?2 AND paused = 1",
];

/** Pauses the provider: its waiting tasks are not claimed until then. Null ends the pause. */
export function setPause(sql: Sql, lane: TaskType, provider: string, until: number | null): void {
  sql.run(KNOW_PROVIDER, lane, provider);
  const row = sql.get(
    "SELECT paused_until FROM lane_providers WHERE lane = ? AND provider = ?",
    lane,
    provider,
  );
  const before = row?.paused_until as number | null;
  if (before !== null && until !== null && until <= before) return;
  if (before === null && until !== null) for (const text of PAUSE) sql.run(text, lane, provider);
  if (before !== null && until === null) for (const text of RESUME) sql.run(text, lane, provider);
  sql.run(
    "UPDATE lane_providers SET paused_until = ? WHERE lane = ? AND provider = ?",
    until,
    lane,
    provider,
  );
}

export function laneStats({ sql }: Transaction): QueueStats[] {
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
