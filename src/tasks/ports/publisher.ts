/** The port through which committed transitions reach the rooms. */

import type { TaskUpdate } from "../task.ts";

export interface Publisher {
  /**
   * A doorbell that carries news. MUST NOT throw; called only after the commit and only for followed tasks.
   * Updates may arrive late, doubled or out of order: rooms order them by position and read the log where one is missing.
   */
  publish(update: TaskUpdate): void;
}
