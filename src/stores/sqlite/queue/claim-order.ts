/** Whose turn it is: the eligible key of least virtual time, whatever the queue's length. */

import type { TaskType } from "../../../protocol/task.ts";
import {
  CONTINUATION_COST,
  CONTINUING,
  costOf,
  type KeyQueue,
  nextPriority,
  virtualTimes,
} from "../../fair-queue.ts";
import type { Sql, SqlRow } from "../../sql.ts";
import type { TaskRow } from "../tasks/task-table.ts";
import { setAside } from "../tasks/unreadable.ts";
import type { Transaction } from "../transaction.ts";
import { LISTS } from "./lists.ts";
import { type Charge, promote, queueOf, setPause, stopClosedKeys } from "./queue-counters.ts";

export type Pick = { row: TaskRow; startTag: number; charge: Charge };

const PROVIDERS = "SELECT provider, paused_until FROM lane_providers WHERE lane = +?";
/** The same, and whether a delayed task is due or a key has ended: most claims find neither, and look no further. */
const PROVIDERS_AND_DUE = `SELECT provider, paused_until,
    EXISTS (SELECT 1 FROM tasks WHERE type = +?1 AND due_at <= ?2) AS due,
    EXISTS (SELECT 1 FROM closing_keys WHERE at <= ?2) AS closing
  FROM lane_providers WHERE lane = +?1`;

/**
 * Makes ready what is due by now, ends the pauses that are over, and answers the lane's providers, of those that are
 * wanted.
 */
export function refreshLane(
  tx: Transaction,
  lane: TaskType,
  wanted: readonly string[] | undefined,
): string[] {
  const { sql, now } = tx;
  const providers: string[] = [];
  const rows = sql.all(PROVIDERS_AND_DUE, lane, now);
  if (rows[0]?.due === 1) promote(tx, lane);
  // The sweep cancels what waits under them; until it comes, none of it may be started.
  if (rows[0]?.closing === 1) stopClosedKeys(sql, now);
  for (const row of rows) {
    const provider = row.provider as string;
    if (row.paused_until !== null && (row.paused_until as number) <= now) setPause(sql, lane, provider, null);
    if (wanted === undefined || wanted.includes(provider)) providers.push(provider);
  }
  return providers;
}

const NUMBERS = "key_id, provider, vtime, continuing, high, normal, low, v_high, v_normal, v_low, idle";
const LEAST_KEY = `SELECT ${NUMBERS} FROM lane_keys
  WHERE lane = +? AND provider = +? AND eligible IS NOT NULL ORDER BY vtime LIMIT 1`;
const OF_KEY = `SELECT ${NUMBERS} FROM lane_keys WHERE key_id = ? AND lane = ? AND eligible IS NOT NULL`;
const OLDEST = `SELECT no FROM tasks WHERE key_id = +? AND type = +? AND ready_rank = +? AND provider = +? ORDER BY no LIMIT 1`;

/** The task whose turn it is among those of the providers, or null when no key has one that may start. */
export function pickNext(tx: Transaction, lane: TaskType, providers: readonly string[]): Pick | null {
  const { sql } = tx;
  const least = leastKey(sql, lane, providers);
  if (least === null) return null;
  const keyId = least.key_id as string;
  const rows =
    providers.length === 1
      ? [least]
      : sql.all(OF_KEY, keyId, lane).filter((row) => providers.includes(row.provider as string));
  const queue = together(rows);
  const { counts } = queue;
  const virtual = virtualTimes(queue);
  const rank = queue.continuing > 0 ? CONTINUING : nextPriority(counts, virtual) + 1;
  const row = oldest(tx, lane, keyId, rank, rows);
  if (row === null) {
    setOldestAside(tx, lane, keyId, rank, rows);
    return pickNext(tx, lane, providers);
  }
  if (rank !== CONTINUING) {
    virtual[rank - 1] = (virtual[rank - 1] ?? 0) + costOf(rank - 1);
    counts[rank - 1] = (counts[rank - 1] ?? 0) - 1;
  }
  let idle = 0;
  for (const [index, count] of counts.entries()) if (count === 0) idle |= 1 << index;
  const startTag = least.vtime as number;
  const cost = rank === CONTINUING ? CONTINUATION_COST : costOf(rank - 1);
  return { row, startTag, charge: { vtime: startTag + cost, virtual, idle } };
}

/** A row of the key whose turn it is; of two with the same virtual time the one with the lesser name. */
function leastKey(sql: Sql, lane: TaskType, providers: readonly string[]): SqlRow | null {
  let least: SqlRow | null = null;
  for (const provider of providers) {
    const row = sql.get(LEAST_KEY, lane, provider);
    if (row === null) continue;
    const order = least === null ? -1 : (row.vtime as number) - (least.vtime as number);
    if (order < 0 || (order === 0 && (row.key_id as string) < (least?.key_id as string))) least = row;
  }
  return least;
}

/** The key's queues as one. Where none has a started task, all that are eligible may start one. */
function together(rows: readonly SqlRow[]): KeyQueue {
  const all = queueOf(rows[0] as SqlRow);
  for (const row of rows.slice(1)) {
    const { continuing, counts } = queueOf(row);
    all.continuing += continuing;
    for (const [index, count] of counts.entries()) all.counts[index] = (all.counts[index] ?? 0) + count;
  }
  return all;
}

/** The task whose turn it is cannot be read: the next one's turn comes. */
function setOldestAside(
  tx: Transaction,
  lane: TaskType,
  keyId: string,
  rank: number,
  rows: readonly SqlRow[],
): void {
  const numbers = rows
    .map((row) => tx.sql.get(OLDEST, keyId, lane, rank, row.provider as string)?.no)
    .filter((no) => typeof no === "number");
  if (numbers.length === 0)
    throw new Error(`The counters of lane ${lane} disagree with its tasks at rank ${rank}`);
  setAside(tx, Math.min(...numbers));
}

function oldest(
  { sql, tasks }: Transaction,
  lane: TaskType,
  keyId: string,
  rank: number,
  rows: readonly SqlRow[],
): TaskRow | null {
  const list = LISTS[rank] as string;
  const having = rows.filter((row) => (row[list] as number) > 0);
  if (having.length === 1) return tasks.oldestReady(sql, lane, keyId, rank, having[0]?.provider as string);
  const numbers = having.map(
    (row) => sql.get(OLDEST, keyId, lane, rank, row.provider as string)?.no as number,
  );
  return numbers.length === 0 ? null : tasks.byNo(sql, Math.min(...numbers));
}

const ELIGIBLE = "SELECT 1 FROM lane_keys WHERE lane = ? AND provider = ? AND eligible IS NOT NULL LIMIT 1";
const RESTING = `SELECT 1 FROM lane_keys WHERE lane = ? AND provider = ? AND paused = 1 AND high + normal + low > 0
  AND (cap IS NULL OR running < cap) LIMIT 1`;
const FIRST_DUE = "SELECT due_at FROM tasks WHERE type = +? AND due_at IS NOT NULL ORDER BY due_at LIMIT 1";

/** 0 when something may be claimed now, else the ms until a pause ends or a delayed task is due; null when nothing waits. */
export function nextDueIn(
  { sql, now }: Transaction,
  lane: TaskType,
  wanted?: readonly string[],
): number | null {
  let at = (sql.get(FIRST_DUE, lane)?.due_at as number | undefined) ?? Number.POSITIVE_INFINITY;
  const providers = sql.all(PROVIDERS, lane);
  for (const row of providers) {
    const provider = row.provider as string;
    if (wanted !== undefined && !wanted.includes(provider)) continue;
    if (sql.get(ELIGIBLE, lane, provider) !== null) return 0;
    if (row.paused_until === null || sql.get(RESTING, lane, provider) === null) continue;
    if ((row.paused_until as number) <= now) return 0;
    at = Math.min(at, row.paused_until as number);
  }
  return Number.isFinite(at) ? Math.max(1, at - now) : null;
}
