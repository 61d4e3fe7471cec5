/** The steps of tasks whose models a table describes and whose results are made by jobs that are polled. */

import type { Json } from "../../../protocol/task.ts";
import type { Clock } from "../../../tasks/ports/clock.ts";
import type { MediaJob, StepIo, StepOutcome } from "../../../tasks/ports/media-provider.ts";
import { runStep } from "../calls/upstream-error.ts";
import { knownModel } from "../requests/known-model.ts";
import type { TableModel } from "../requests/model-table.ts";
import { type Begun, type JobReport, type RunningJob, stepJobs } from "./jobs.ts";

export type TableStepOptions<Model extends TableModel> = {
  /** As people call it. */
  readonly provider: string;
  readonly models: readonly Model[];
  readonly clock: Clock;
  /** Milliseconds between the polls of a job that has just begun. */
  readonly firstPollsMs: number;
  /** The most milliseconds between two polls. */
  readonly lastPollsMs: number;
  /** Begins a job of `count` results. */
  begin(job: MediaJob, model: Model, io: StepIo, count: number): Promise<Begun>;
  ask(running: RunningJob, job: MediaJob, model: Model, io: StepIo): Promise<JobReport>;
};

/** One step of a task: `state` is null for the first. Polls are further apart the longer a job takes: a quarter of its age. */
export function createTableStep<Model extends TableModel>(
  options: TableStepOptions<Model>,
): (job: MediaJob, state: Json, io: StepIo) => Promise<StepOutcome> {
  const { provider, clock, firstPollsMs, lastPollsMs } = options;
  const models = new Map(options.models.map((model) => [model.name, model]));
  return (job, state, io) =>
    runStep(async () => {
      const model = knownModel(models, job, provider);
      return stepJobs({
        n: job.request.n,
        perJob: model.count?.most ?? 1,
        provider,
        state,
        lastAttempt: job.isLastAttempt === true,
        io,
        now: () => clock.now(),
        begin: (count) => options.begin(job, model, io, count),
        ask: (running) => options.ask(running, job, model, io),
        pollAfterMs: (elapsed) => Math.min(lastPollsMs, Math.max(firstPollsMs, elapsed / 4)),
      });
    });
}
