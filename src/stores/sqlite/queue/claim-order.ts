/** Whose turn it is: the key of least virtual time that has something to claim, whatever the queue's length. */

import type { TaskType } from "../../../protocol/task.ts";
import { STEP_KINDS, type StepKind } from "../../../tasks/ports/task-store.ts";
import {
  CONTINUATION_COST,
  CONTINUING,
  continuesFirst,
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

/** Which kinds of step a claim may still bring. */
export type WantedSteps = { readonly starts: boolean; readonly polls: boolean };

/** `begins`: the claim begins an attempt. */
export type Pick = { row: TaskRow; begins: boolean; startTag: number; charge: Charge };

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

const NUMBERS =
  "key_id, provider, vtime, continuing, high, normal, low, v_high, v_normal, v_low, idle, startable";
const LEAST_TO_START = `SELECT ${NUMBERS} FROM lane_keys
  WHERE lane = +? AND provider = +? AND startable IS NOT NULL ORDER BY vtime LIMIT 1`;
const LEAST_TO_POLL = `SELECT ${NUMBERS} FROM lane_keys
  WHERE lane = +? AND provider = +? AND continuing > 0 ORDER BY vtime LIMIT 1`;
const OF_KEY = `SELECT ${NUMBERS} FROM lane_keys
  WHERE key_id = ? AND lane = ? AND (startable IS NOT NULL OR continuing > 0)`;
const OLDEST = `SELECT no FROM tasks WHERE key_id = +? AND type = +? AND ready_rank = +? AND provider = +? ORDER BY no LIMIT 1`;

/** The task whose turn it is among those of the providers and kinds, or null when no key has one that may be claimed. */
export function pickNext(
  tx: Transaction,
  lane: TaskType,
  providers: readonly string[],
  wanted: WantedSteps,
): Pick | null {
  const { sql } = tx;
  const least = leastKey(sql, lane, providers, wanted);
  if (least === null) return null;
  const keyId = least.key_id as string;
  const rows =
    providers.length === 1
      ? [least]
      : sql.all(OF_KEY, keyId, lane).filter((row) => providers.includes(row.provider as string));
  const startTag = least.vtime as number;
  const startable = wanted.starts ? rows.filter((row) => row.startable === 1) : [];
  const started = wanted.polls ? rows : [];
  const queue = together(rows[0] as SqlRow, started, startable);
  const waits = queue.counts.some((count) => count > 0);
  const continues = queue.continuing > 0 && (!waits || continuesFirst(startTag));
  const virtual = continues ? queue.virtual : virtualTimes(queue);
  const rank = continues ? CONTINUING : nextPriority(queue.counts, virtual) + 1;
  const candidates = continues ? started : startable;
  const row = oldest(tx, lane, keyId, rank, candidates);
  if (row === null) {
    setOldestAside(tx, lane, keyId, rank, candidates);
    return pickNext(tx, lane, providers, wanted);
  }
  const { counts, idle } = queue;
  if (continues)
    return { row, begins: false, startTag, charge: { vtime: startTag + CONTINUATION_COST, virtual, idle } };
  const cost = costOf(rank - 1);
  virtual[rank - 1] = (virtual[rank - 1] ?? 0) + cost;
  counts[rank - 1] = (counts[rank - 1] ?? 0) - 1;
  let nowIdle = 0;
  for (const [index, count] of counts.entries()) if (count === 0) nowIdle |= 1 << index;
  return { row, begins: true, startTag, charge: { vtime: startTag + cost, virtual, idle: nowIdle } };
}

/** A row of the key whose turn it is; of two with the same virtual time the one with the lesser name. */
function leastKey(
  sql: Sql,
  lane: TaskType,
  providers: readonly string[],
  wanted: WantedSteps,
): SqlRow | null {
  const queries = [...(wanted.starts ? [LEAST_TO_START] : []), ...(wanted.polls ? [LEAST_TO_POLL] : [])];
  let least: SqlRow | null = null;
  for (const provider of providers) {
    for (const query of queries) {
      const row = sql.get(query, lane, provider);
      if (row === null) continue;
      const order = least === null ? -1 : (row.vtime as number) - (least.vtime as number);
      if (order < 0 || (order === 0 && (row.key_id as string) < (least?.key_id as string))) least = row;
    }
  }
  return least;
}

/** The key's queues as one: the started tasks of all of them, the waiting ones of those that may start some. */
function together(row: SqlRow, started: readonly SqlRow[], startable: readonly SqlRow[]): KeyQueue {
  const all: KeyQueue = { ...queueOf(row), continuing: 0, counts: [0, 0, 0] };
  for (const row of started) all.continuing += queueOf(row).continuing;
  for (const row of startable)
    for (const [index, count] of queueOf(row).counts.entries())
      all.counts[index] = (all.counts[index] ?? 0) + count;
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

const READY = {
  start: "SELECT 1 FROM lane_keys WHERE lane = ? AND provider = ? AND startable IS NOT NULL LIMIT 1",
  poll: "SELECT 1 FROM lane_keys WHERE lane = ? AND provider = ? AND continuing > 0 LIMIT 1",
} as const satisfies Record<StepKind, string>;
const RESTING = `SELECT 1 FROM lane_keys WHERE lane = ? AND provider = ? AND paused = 1 AND high + normal + low > 0
  AND (cap IS NULL OR running < cap) LIMIT 1`;
const FIRST_DUE = "SELECT due_at FROM tasks WHERE type = +? AND due_at IS NOT NULL ORDER BY due_at LIMIT 1";

/** 0 when something may be claimed now, else the ms until a pause ends or a delayed task is due; null when nothing waits. */
export function nextDueIn(
  { sql, now }: Transaction,
  lane: TaskType,
  wanted?: readonly string[],
  kind?: StepKind,
): number | null {
  let at = (sql.get(FIRST_DUE, lane)?.due_at as number | undefined) ?? Number.POSITIVE_INFINITY;
  const providers = sql.all(PROVIDERS, lane);
  for (const row of providers) {
    const provider = row.provider as string;
    if (wanted !== undefined && !wanted.includes(provider)) continue;
    for (const one of kind === undefined ? STEP_KINDS : [kind])
      if (sql.get(READY[one], lane, provider) !== null) return 0;
    if (kind === "poll" || row.paused_until === null || sql.get(RESTING, lane, provider) === null) continue;
    if ((row.paused_until as number) <= now) return 0;
    at = Math.min(at, row.paused_until as number);
  }
  return Number.isFinite(at) ? Math.max(1, at - now) : null;
}
