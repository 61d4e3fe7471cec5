/** The doorbell where no queue is configured: a ring goes to one of the step runners, which works by its alarm. */

import { waitUntil } from "cloudflare:workers";
import type { TaskType } from "../../protocol/task.ts";
import type { Doorbell, RungTask } from "../../tasks/doorbell.ts";
import { describeError, type Log } from "../../tasks/log.ts";
import type { Bindings } from "./bindings.ts";
import { runnerName } from "./step-pool.ts";

export class AlarmDoorbell implements Doorbell {
  readonly #runners: Bindings["STEP_RUNNER"];
  readonly #poolSize: Readonly<Record<TaskType, number>>;
  readonly #log: Log;

  /** `poolSize`: runners of each lane. */
  constructor(
    { STEP_RUNNER }: Pick<Bindings, "STEP_RUNNER">,
    poolSize: Readonly<Record<TaskType, number>>,
    log: Log,
  ) {
    this.#runners = STEP_RUNNER;
    this.#poolSize = poolSize;
    this.#log = log;
  }

  ring(lane: TaskType, atMs: number, task: RungTask): void {
    const runner = this.#runners.getByName(runnerName(lane, indexOf(task.id, this.#poolSize[lane])));
    // A ring that is lost costs time and nothing else: the cron sweep finds what is due.
    waitUntil(
      runner.ring(atMs).catch((error: unknown) => {
        this.#log.warn("a step runner could not be rung", { lane, cause: describeError(error) });
      }),
    );
  }
}

/** Spreads tasks over the pool; the last characters of an id are random. */
function indexOf(taskId: string, poolSize: number): number {
  return (Number.parseInt(taskId.slice(-8), 16) || 0) % poolSize;
}
