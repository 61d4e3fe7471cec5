/** The port through which the engine learns what a finished job costs. */

import type { Task } from "../task.ts";
import type { StepOutcome } from "./media-provider.ts";

export type DoneOutcome = Extract<StepOutcome, { kind: "done" }>;

/** Whole micro-dollars, never negative. */
export type Bill = {
  /** What the key pays: at most the task's reservation. */
  readonly chargedMicros: number;
  /** What the provider bills, as far as it is known: what it said, else what its usage comes to. */
  readonly upstreamMicros: number;
};

/** Reckons with the price that is kept with the task's hold, whatever the model costs by now. Never throws. */
export type Billing = (task: Task, outcome: DoneOutcome) => Bill;
