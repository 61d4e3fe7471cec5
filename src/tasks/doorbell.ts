/** The doorbell port: "there is work in this lane". Rings may be lost, doubled or late; the sweep finds what was never rung. */

import type { TaskType } from "../protocol/task.ts";

export interface Doorbell {
  /**
   * Says that lane `lane` has work at `atMs` (wall clock; past means now).
   * MUST NOT throw and MUST NOT be waited for by a request: a ring that cannot be sent never fails accepted work.
   */
  ring(lane: TaskType, atMs: number): void;
}
