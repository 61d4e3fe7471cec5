/** The lists of a lane that a task may stand in. */

import type { Task } from "../../../tasks/task.ts";
import { queueStateOf } from "../../../tasks/transition.ts";
import { RANKED, rankOf } from "../../fair-queue.ts";

/** The columns of counters: a ready task stands in the list of its rank, any other in one of the last two. */
export const LISTS = ["continuing", ...RANKED, "delayed", "held"] as const;
export const DELAYED = 4;
export const HELD = 5;

/** Where a task stands: an index of `LISTS`, or null when it is over. */
export type List = number | null;

export function queueListOf(task: Task): List {
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
