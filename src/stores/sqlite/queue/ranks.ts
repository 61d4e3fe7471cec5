/** The lists of a lane that a task may stand in. */

import type { Task } from "../../../tasks/task.ts";
import { queueStateOf } from "../../../tasks/transition.ts";
import { CONTINUING, RANKED } from "../../fair-queue.ts";

/** The columns of counters: a ready task stands in the list of its rank, any other in one of the last two. */
export const LISTS = ["continuing", ...RANKED, "delayed", "held"] as const;
export const DELAYED = 4;
export const HELD = 5;

/** Where a task stands: an index of `LISTS`, or null when it is over. */
export type List = number | null;

/** The ready rank a task gets. */
export function rankOf(task: Pick<Task, "status" | "priority">): number {
  return task.status === "running" ? CONTINUING : RANKED.indexOf(task.priority) + 1;
}

export function listOf(task: Task): List {
  switch (queueStateOf(task)) {
    case "ready":
      return rankOf(task);
    case "delayed":
      return DELAYED;
    case "held":
      return HELD;
    case "ended":
      return null;
  }
}
