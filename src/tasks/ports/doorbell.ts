/** The doorbell port: "there is work in this lane". Rings may be lost, doubled or late; the sweep finds what was never rung. */

import type { TaskStatus, TaskType } from "../../protocol/task.ts";
import type { Task } from "../task.ts";
import type { Claim, ClaimOptions } from "./task-store.ts";

/** What a ring is about: the step after the task's claim number `fence`. A queue tells repeated rings by it. */
export type RungTask = Pick<Task, "id" | "fence"> & {
  /** `running`: its job is to be polled. Default: it waits for a start. */
  readonly status?: TaskStatus;
};

/** A place kept for a step of a task that is about to be made. */
export type KeptPlace = {
  /** What to claim in the step that makes the task. */
  readonly claim: ClaimOptions;
  /** Gives the place back and begins what was claimed for it. MUST be called once, when the create is over. */
  end(claims: readonly Claim[]): void;
};

export interface Doorbell {
  /**
   * Says that lane `lane` has work at `atMs` (wall clock; past means now), because of `task`. Whoever hears it claims
   * the fairest due task, which need not be this one.
   * MUST NOT throw and MUST NOT be waited for by a request: a ring that cannot be sent never fails accepted work.
   */
  ring(lane: TaskType, atMs: number, task: RungTask): void;
  /**
   * Keeps a place in this process for a task that is about to be made; null when there is none. Absent where steps are run
   * elsewhere.
   */
  keepPlace?(lane: TaskType): KeptPlace | null;
}
