/** The pool of step runners: how many there are, what they are called, and how long each of them works. */

import { TASK_TYPES, type TaskType } from "../../../protocol/task.ts";

/** Which runner an object is. */
export type RunnerAddress = { readonly lane: TaskType; readonly index: number };

/** Steps one runner has open at most. An invocation may have six outgoing connections open at once. */
export const SLOTS_PER_RUNNER = 5;

/** An alarm's handler may run for 15 min; no runner begins steps in the last five of them, ms. */
const LONGEST_WORK_MS = 10 * 60_000;
/** What is open after this is handed back before the platform ends it, ms. */
export const HAND_BACK_MS = 14.5 * 60_000;

/** How many runners a lane has for so many open provider calls: one more than it needs, for those that begin no more steps. */
export function poolSize(maxHeld: number): number {
  return Math.ceil(maxHeld / SLOTS_PER_RUNNER) + 1;
}

export function runnerName({ lane, index }: RunnerAddress): string {
  return `${lane}/${index}`;
}

/** The inverse of `runnerName`. Throws for a name that is none. */
export function runnerAddress(name: string | undefined): RunnerAddress {
  const [first, second = ""] = (name ?? "").split("/");
  const lane = TASK_TYPES.find((type) => type === first);
  if (lane === undefined || !/^\d+$/.test(second)) throw new Error(`There is no step runner called ${name}`);
  return { lane, index: Number(second) };
}

/** How long a runner begins steps, ms: after a rush that woke all at once they do not all come to their end at once. */
export function workMs(index: number, pool: number): number {
  return (LONGEST_WORK_MS / 2) * (1 + ((index % pool) + 1) / pool);
}
