/** Tasks in memory: made, played by their timelines, changed and watched. */

import {
  isTerminal,
  type TaskErrorCode,
  type TaskType,
  type WireEvent,
  type WireResult,
  type WireTask,
} from "../../protocol/task.ts";
import type { ClientClock } from "../clock.ts";

/** What happens to a task: `afterMs` after what was before it. */
export type TimelineStep = { afterMs: number } & (
  | { progress: number; message?: string }
  | { completed: true; url?: string }
  | { failed: string; code?: TaskErrorCode }
);
export type Timeline = readonly TimelineStep[];

export type CreateBody = {
  model?: string;
  n?: number;
  metadata?: Record<string, string>;
};
export type MockTask = {
  readonly body: CreateBody;
  wire: WireTask;
  readonly events: WireEvent[];
  /** Called at each event. */
  readonly watchers: Set<() => void>;
};

export const MOCK_ADDRESS = "http://mock.test";
const PROVIDER = "mock";

export class MockTasks {
  /** Of a task that is made now; may be another one for each. */
  timelineOf: (type: TaskType) => Timeline = () => [];
  /** Every event of any task, in its order. */
  readonly log: WireEvent[] = [];
  readonly watchers = new Set<() => void>();
  readonly #clock: ClientClock;
  readonly #tasks = new Map<string, MockTask>();
  #made = 0;

  constructor(clock: ClientClock) {
    this.#clock = clock;
  }

  get(id: string): MockTask | undefined {
    return this.#tasks.get(id.toLowerCase());
  }

  /** Newest first. */
  all(): MockTask[] {
    return [...this.#tasks.values()].reverse();
  }

  make(type: TaskType, body: CreateBody, origin: Pick<WireTask, "batchId" | "retryOf"> = {}): MockTask {
    this.#made += 1;
    const taskId = `00000000-0000-7000-8000-${String(this.#made).padStart(12, "0")}`;
    const created = this.#now();
    const wire: WireTask = {
      taskId,
      task_id: taskId,
      type,
      status: "queued",
      created,
      updated: created,
      progress: 0,
      message: null,
      queuePosition: null,
      estimatedSecondsRemaining: null,
      attempt: 1,
      maxAttempts: 1,
      nextAttemptAt: null,
      model: body.model ?? PROVIDER,
      priority: "normal",
      metadata: body.metadata ?? {},
      ...origin,
    };
    const task: MockTask = { body, wire, events: [], watchers: new Set() };
    this.#tasks.set(taskId, task);
    this.#play(task, this.timelineOf(type), 0);
    return task;
  }

  /** False when it has ended otherwise. */
  cancel(task: MockTask): boolean {
    if (!isTerminal(task.wire.status))
      this.#record(task, "cancelled", { status: "cancelled", error: "Task was cancelled" });
    return task.wire.status === "cancelled";
  }

  remove(task: MockTask): void {
    this.#tasks.delete(task.wire.taskId);
  }

  /** Resolves once it has ended, or the signal is aborted. */
  ended(task: MockTask, signal: AbortSignal | null | undefined): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!isTerminal(task.wire.status) && !signal?.aborted) return;
        task.watchers.delete(look);
        signal?.removeEventListener("abort", look);
        resolve();
      };
      task.watchers.add(look);
      signal?.addEventListener("abort", look);
      look();
    });
  }

  #play(task: MockTask, timeline: Timeline, at: number): void {
    const step = timeline[at];
    if (step === undefined) return;
    this.#clock.after(step.afterMs, () => {
      if (isTerminal(task.wire.status)) return;
      this.#take(task, step);
      this.#play(task, timeline, at + 1);
    });
  }

  #take(task: MockTask, step: TimelineStep): void {
    const { wire } = task;
    if ("progress" in step) {
      const progress = Math.max(wire.progress, step.progress);
      this.#record(task, "progress", { status: "running", progress, message: step.message ?? null });
    } else if ("failed" in step) {
      const errorCode = step.code ?? "provider_error";
      this.#record(task, "failed", { status: "failed", error: step.failed, errorCode });
    } else
      this.#record(task, "completed", {
        status: "completed",
        progress: 100,
        result: resultOf(task, step.url),
      });
  }

  #record(task: MockTask, type: WireEvent["type"], change: Partial<WireTask>): void {
    const at = this.#now();
    task.wire = { ...task.wire, ...change, updated: at };
    const { taskId, status, progress, message, result, error, errorCode } = task.wire;
    if (isTerminal(status))
      task.wire = {
        ...task.wire,
        finished: at,
        cost: 0,
        settled: true,
        metrics: { queueMs: 0, providerMs: 0, storeMs: 0 },
      };
    const seq = task.events.length + 1;
    const event: WireEvent = {
      id: `mock.${seq}`,
      taskId,
      seq,
      type,
      status,
      progress,
      message,
      at,
      ...(result === undefined ? {} : { result }),
      ...(error === undefined ? {} : { error }),
      ...(errorCode === undefined ? {} : { errorCode }),
    };
    task.events.push(event);
    this.log.push({ ...event, id: `log.${this.log.length + 1}` });
    for (const told of [...task.watchers, ...this.watchers]) told();
  }

  #now(): string {
    return new Date(this.#clock.now()).toISOString();
  }
}

function resultOf({ wire, body }: MockTask, url: string | undefined): WireResult {
  const image = wire.type === "image";
  const items = Array.from({ length: image ? (body.n ?? 1) : 1 }, (_, index) => {
    const suffix = index === 0 ? "" : `-${index}`;
    const own = `${MOCK_ADDRESS}/v1/media/${wire.taskId}${suffix}.${image ? "png" : "webm"}`;
    return { url: url ?? own, metadata: { provider: PROVIDER, model: wire.model, index } };
  });
  return {
    ...(image ? { images: items } : { videos: items.map((item) => ({ ...item, mimeType: "video/webm" })) }),
    duration: 0,
    cost: 0,
    provider: PROVIDER,
    model: wire.model,
  };
}
