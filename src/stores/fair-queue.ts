/**
 * The arithmetic of start-time fair queueing that does not depend on where the numbers are kept: what serving a task
 * costs, which of a key's priorities is next, and how many of its tasks come before a given one.
 */

import { PRIORITIES, type Priority, type TaskStatus } from "../protocol/task.ts";

/** How many delayed tasks one claim makes ready. */
export const PROMOTE_LIMIT = 32;

/** What serving one task costs, in virtual units: the inverse of the weights 4, 2 and 1, as integers. */
const COST = { high: 3, normal: 6, low: 12 } as const satisfies Record<Priority, number>;
/**
 * What serving a task that runs already (a due poll, an orphan) costs: less than a start, because a poll is a short
 * call, and more than nothing, because it takes a slot.
 */
export const CONTINUATION_COST = 1;

/**
 * While a key has both, its started tasks are served in the first three quarters of every span of its virtual time, its waiting
 * ones in the last: neither can keep the others from their turn. No start costs more than a quarter of a span.
 */
export const TURN_SPAN = 48;

/** Whether a key that has both serves a started task now, at this virtual time of the key. */
export function continuesFirst(vtime: number): boolean {
  return vtime % TURN_SPAN < (TURN_SPAN * 3) / 4;
}

/** Rank 0; the priorities follow, highest first. */
export const CONTINUING = 0;
export const RANKED: readonly Priority[] = [...PRIORITIES].reverse();

/** The rank among its key's ready tasks that a task has, or would have: started ones before all, then by priority. */
export function rankOf({ status, priority }: { status: TaskStatus; priority: Priority }): number {
  return status === "running" ? CONTINUING : RANKED.indexOf(priority) + 1;
}

/** High, normal, low. */
export type Triple = [number, number, number];

/** A key's ready tasks in a lane. */
export type KeyQueue = {
  /** Tasks that are already running: due polls, orphans. */
  continuing: number;
  /** Tasks that wait for a start. */
  counts: Triple;
  virtual: Triple;
  /** Bit mask: which priorities had nothing to offer after the last claim. */
  idle: number;
};

/** What serving a task of the priority at `index` of `RANKED` costs. */
export function costOf(index: number): number {
  return COST[RANKED[index] ?? "low"];
}

/** The priorities' virtual times; those that had no tasks waiting until now are raised to the least of the others. */
export function virtualTimes({ counts, virtual, idle }: KeyQueue): Triple {
  let least = Number.POSITIVE_INFINITY;
  for (const [index, count] of counts.entries())
    if (count > 0 && (idle & (1 << index)) === 0) least = Math.min(least, virtual[index] ?? 0);
  // No priority had tasks waiting all the time: all of them begin at 0 again.
  if (least === Number.POSITIVE_INFINITY) return [0, 0, 0];
  return virtual.map((time, index) => (idle & (1 << index) ? Math.max(time, least) : time)) as Triple;
}

/** The priority that would end first; the higher one on a tie. At least one count is positive. */
export function nextPriority(counts: Triple, virtual: Triple): number {
  let best = -1;
  let bestTag = Number.POSITIVE_INFINITY;
  for (const [index, count] of counts.entries()) {
    const tag = (virtual[index] ?? 0) + costOf(index);
    if (count > 0 && tag < bestTag) {
      best = index;
      bestTag = tag;
    }
  }
  return best;
}

/** How many tasks of the same key are served before the one at `index` (from 0) of its rank, as things stand. */
export function servedBefore(queue: KeyQueue, rank: number, index: number): number {
  if (rank === CONTINUING) return index;
  const virtual = virtualTimes(queue);
  const own = rank - 1;
  const endTag = (virtual[own] ?? 0) + (index + 1) * costOf(own);
  let before = queue.continuing + index;
  for (const [other, count] of queue.counts.entries()) {
    if (other === own) continue;
    const room = (endTag - (virtual[other] ?? 0)) / costOf(other);
    // A tie goes to the higher priority, which has the smaller index.
    const served = other < own ? Math.floor(room) : Math.ceil(room) - 1;
    before += Math.min(count, Math.max(0, served));
  }
  return before;
}
