/** What operators see of tasks that end: a line in the log for each, and counts by type, outcome and provider. */

import type { CounterSeries, Family, HistogramSeries, MetricsRegistry } from "../metrics/registry.ts";
import type { Log } from "../tasks/ports/log.ts";
import type { Publisher } from "../tasks/ports/publisher.ts";
import { candidateOf, type Task, type TaskUpdate } from "../tasks/task.ts";

/** Seconds; from a painted picture to a film that waited in a queue. */
const DURATION_BOUNDS = [0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900, 3_600];
const SECOND_MS = 1_000;

/** Stands before the publisher that every committed transition of this process goes through. */
export class TaskEnds implements Publisher {
  readonly #publisher: Publisher;
  readonly #log: Log;
  #ends: Family<CounterSeries> | null = null;
  #seconds: Family<HistogramSeries> | null = null;

  constructor(publisher: Publisher, log: Log) {
    this.#publisher = publisher;
    this.#log = log;
  }

  /** Counts in these metrics from now on. */
  registerIn(metrics: MetricsRegistry): void {
    this.#ends = metrics.counter(
      "conduit_tasks_ended_total",
      "Tasks that this process ended, by type, outcome, provider and error code.",
    );
    this.#seconds = metrics.histogram(
      "conduit_task_duration_seconds",
      "Time from the acceptance of a task to its end, by type and outcome.",
      DURATION_BOUNDS,
    );
  }

  publish(update: TaskUpdate): void {
    this.#publisher.publish(update);
  }

  ended(task: Task): void {
    const { id, type, model, status, attempt, createdAt, startedAt, finishedAt, providerMs, storeMs } = task;
    const { provider } = candidateOf(task);
    const end = finishedAt ?? task.updatedAt;
    const code = task.error?.code;
    const line = {
      taskId: id,
      keyId: task.tenant.keyId,
      type,
      model,
      provider,
      status,
      attempts: attempt,
      queuedMs: (startedAt ?? end) - createdAt,
      totalMs: end - createdAt,
      providerMs,
      storeMs,
      ...(task.cancellation !== null && { cancellation: task.cancellation }),
      ...(code !== undefined && { code, reason: task.error?.message }),
    };
    if (status === "failed") this.#log.warn("task failed", line);
    else this.#log.info(`task ${status}`, line);
    this.#ends?.with({ type, outcome: status, provider, code: code ?? "" }).add();
    this.#seconds?.with({ type, outcome: status }).observe((end - createdAt) / SECOND_MS);
  }
}
