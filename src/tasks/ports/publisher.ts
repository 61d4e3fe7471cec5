/** The port through which committed transitions reach the rooms. */

import { isTerminal } from "../../protocol/task.ts";
import type { Task, TaskUpdate } from "../task.ts";

export interface Publisher {
  /**
   * MUST NOT throw; called only after the commit and only for followed tasks.
   * Updates may arrive late, doubled or out of order: rooms order them by position and read the log where one is missing.
   */
  publish(update: TaskUpdate): void;
  /** A task has ended, whether anybody follows it or not. MUST NOT throw. */
  ended?(task: Task): void;
}

/** Passes on what a transition committed: the end of any task, and the events of a task that somebody follows. */
export function publishUpdate(publisher: Publisher, update: TaskUpdate): void {
  if (update.events.length === 0) return;
  if (isTerminal(update.task.status)) publisher.ended?.(update.task);
  if (update.followed.task || update.followed.key || update.followed.subject) publisher.publish(update);
}
