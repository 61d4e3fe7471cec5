/** The doorbell port: "there is work in this lane". Rings may be lost, doubled or late; the sweep finds what was never rung. */

import type { TaskStatus, TaskType } from "../../protocol/task.ts";
import type { Task } from "../task.ts";

/** What a ring is about: the step after the task's claim number `fence`. A queue tells repeated rings by it. */
export type RungTask = Pick<Task, "id" | "fence"> & {
  /** `running`: its job is to be polled. Default: it waits for a start. */
  readonly status?: TaskStatus;
};

export interface Doorbell {
  /**
   * Says that lane `lane` has work at `atMs` (wall clock; past means now), because of `task`. Whoever hears it claims
   * the fairest due task, which need not be this one.
   * MUST NOT throw and MUST NOT be waited for by a request: a ring that cannot be sent never fails accepted work.
   */
  ring(lane: TaskType, atMs: number, task: RungTask): void;
}
