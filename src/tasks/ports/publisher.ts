/** The port through which committed transitions reach the rooms. */

import type { TaskUpdate } from "../task.ts";

export interface Publisher {
  /**
   * MUST NOT throw; called only after the commit and only for followed tasks.
   * Updates may arrive late, doubled or out of order: rooms order them by position and read the log where one is missing.
   */
  publish(update: TaskUpdate): void;
}

/** Nobody is told about a task that nobody follows. */
export function publishIfFollowed(publisher: Publisher, update: TaskUpdate): void {
  if (update.events.length === 0) return;
  if (update.followed.task || update.followed.key || update.followed.subject) publisher.publish(update);
}
