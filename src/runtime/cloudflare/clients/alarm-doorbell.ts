/** The doorbell where no queue is configured: a ring goes to one of the step runners, which works by its alarm. */

import type { HealthPart } from "../../../http/routes/health.ts";
import type { TaskType } from "../../../protocol/task.ts";
import { runnerName } from "../../../tasks/engine/steps/step-runner-pool.ts";
import type { Clock } from "../../../tasks/ports/clock.ts";
import type { Doorbell, RungTask } from "../../../tasks/ports/doorbell.ts";
import { describeError, type Log } from "../../../tasks/ports/log.ts";
import type { Bindings } from "../bindings.ts";

export type AlarmDoorbellDependencies = {
  clock: Pick<Clock, "now">;
  log: Log;
  /** Keeps the request's isolate alive until the promise settles. */
  keepAlive(pending: Promise<void>): void;
};

export class AlarmDoorbell implements Doorbell {
  readonly #runners: Bindings["STEP_RUNNER"];
  readonly #poolSize: Readonly<Record<TaskType, number>>;
  readonly #dependencies: AlarmDoorbellDependencies;
  #sent = 0;
  #failed = 0;
  /** Wall clock, ms: the first ring that failed since the last one that did not. */
  #failingSince: number | null = null;

  /** `poolSize`: runners of each lane. */
  constructor(
    { STEP_RUNNER }: Pick<Bindings, "STEP_RUNNER">,
    poolSize: Readonly<Record<TaskType, number>>,
    dependencies: AlarmDoorbellDependencies,
  ) {
    this.#runners = STEP_RUNNER;
    this.#poolSize = poolSize;
    this.#dependencies = dependencies;
  }

  ring(lane: TaskType, atMs: number, task: RungTask): void {
    const index = indexOf(task.id, this.#poolSize[lane]);
    this.#dependencies.keepAlive(this.#send(lane, index, atMs));
  }

  /** How the rings of this isolate go. */
  health(): HealthPart {
    const figures = { ringsSent: this.#sent, ringsFailed: this.#failed };
    if (this.#failingSince === null) return { status: "ok", ...figures };
    const since = new Date(this.#failingSince).toISOString();
    return {
      status: "degraded",
      detail: `step runners cannot be rung since ${since}; tasks wait for the sweep`,
      ...figures,
    };
  }

  async #send(lane: TaskType, index: number, atMs: number): Promise<void> {
    try {
      await this.#runners.getByName(runnerName({ lane, index })).ring(atMs);
      this.#sent += 1;
      this.#failingSince = null;
    } catch (error) {
      // A ring that is lost costs time and nothing else: the cron sweep finds what is due.
      const { clock, log } = this.#dependencies;
      this.#failed += 1;
      this.#failingSince ??= clock.now();
      log.warn("a step runner could not be rung", { lane, cause: describeError(error) });
    }
  }
}

/** Spreads tasks over the pool; the last characters of an id are random. */
function indexOf(taskId: string, poolSize: number): number {
  return (Number.parseInt(taskId.slice(-8), 16) || 0) % poolSize;
}
