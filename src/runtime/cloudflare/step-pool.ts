/** The pool of step runners: how many there are, and what they are called. */

import type { TaskType } from "../../protocol/task.ts";

/** Steps one runner has open at most. An invocation may have six outgoing connections open at once. */
export const STEPS_PER_RUNNER = 5;

/** How many runners a lane needs for so many open provider calls. */
export function poolSize(maxHeld: number): number {
  return Math.max(1, Math.ceil(maxHeld / STEPS_PER_RUNNER));
}

export function runnerName(lane: TaskType, index: number): string {
  return `${lane}/${index}`;
}
