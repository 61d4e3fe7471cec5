/** The port through which committed transitions reach the rooms. */

import type { TaskUpdate } from "../task.ts";

export interface Publisher {
  /**
   * MUST NOT throw; called only after the commit and only for followed tasks.
   * Updates may arrive late, doubled or out of order: rooms order them by position and read the log where one is missing.
   */
  publish(update: TaskUpdate): void;
  /** A transition with an event was committed, whether anybody follows the task or not. MUST NOT throw. */
  committed?(update: TaskUpdate): void;
}

/** Passes on what a transition committed: to whoever hears of all, and the events of a task that somebody follows to the rooms. */
export function publishUpdate(publisher: Publisher, update: TaskUpdate): void {
  if (update.events.length === 0) return;
  publisher.committed?.(update);
  if (update.followed.task || update.followed.key || update.followed.subject) publisher.publish(update);
}
