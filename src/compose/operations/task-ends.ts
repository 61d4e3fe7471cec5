/** What operators see of tasks that end: a line in the log for each, and counts by type, outcome and provider. */

import type { DomainEventListener } from "../../events/listeners.ts";
import type { CounterSeries, Family, HistogramSeries, MetricsRegistry } from "../../metrics/registry.ts";
import type {
  DomainEventType,
  TaskDomainEvent,
  TaskDomainEventType,
  TaskEndedData,
} from "../../protocol/domain-event.ts";
import type { TaskType, TerminalStatus } from "../../protocol/task.ts";
import type { Log } from "../../tasks/ports/log.ts";

/** Seconds; from a painted picture to a film that waited in a queue. */
const DURATION_BOUNDS = [0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900, 3_600];
const SECOND_MS = 1_000;

type End = { readonly type: TaskType; readonly status: TerminalStatus };

const ENDS: ReadonlyMap<DomainEventType, End> = new Map<TaskDomainEventType, End>([
  ["ImageGenerationCompleted", { type: "image", status: "completed" }],
  ["ImageGenerationFailed", { type: "image", status: "failed" }],
  ["ImageGenerationCancelled", { type: "image", status: "cancelled" }],
  ["VideoGenerationCompleted", { type: "video", status: "completed" }],
  ["VideoGenerationFailed", { type: "video", status: "failed" }],
  ["VideoGenerationCancelled", { type: "video", status: "cancelled" }],
]);

export class TaskEnds implements DomainEventListener {
  readonly types: ReadonlySet<DomainEventType> = new Set(ENDS.keys());
  readonly #log: Log;
  #ends: Family<CounterSeries> | null = null;
  #seconds: Family<HistogramSeries> | null = null;

  constructor(log: Log) {
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

  on({ type: name, at, keyId, data }: TaskDomainEvent): void {
    const end = ENDS.get(name);
    if (end === undefined) return;
    const { type, status } = end;
    // Its type says so.
    const ended = data as TaskEndedData;
    const { taskId, model, provider, attempt, createdAt, startedAt, providerMs, storeMs } = ended;
    const line = {
      taskId,
      keyId,
      type,
      model,
      provider,
      status,
      attempts: attempt,
      queuedMs: (startedAt ?? at) - createdAt,
      totalMs: at - createdAt,
      providerMs,
      storeMs,
      ...(ended.cancellation !== null && { cancellation: ended.cancellation }),
      ...(ended.errorCode !== null && { code: ended.errorCode, reason: ended.error }),
    };
    if (status === "failed") this.#log.warn("task failed", line);
    else this.#log.info(`task ${status}`, line);
    this.#ends?.with({ type, outcome: status, provider, code: ended.errorCode ?? "" }).add();
    this.#seconds?.with({ type, outcome: status }).observe((at - createdAt) / SECOND_MS);
  }
}
