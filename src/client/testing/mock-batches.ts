/** Batches of the mock gateway: what they are is told by their tasks. */

import type { BatchItem, WireAcceptedBatch, WireBatch } from "../../protocol/batch.ts";
import { isTerminal } from "../../protocol/task.ts";
import { MOCK_ADDRESS, type MockTask, type MockTasks } from "./mock-tasks.ts";

type Batch = {
  readonly id: string;
  readonly created: string;
  readonly metadata: Record<string, string>;
  readonly tasks: MockTask[];
};

export class MockBatches {
  readonly #tasks: MockTasks;
  readonly #batches = new Map<string, Batch>();

  constructor(tasks: MockTasks) {
    this.#tasks = tasks;
  }

  make(
    { requests, metadata = {} }: { requests: BatchItem[]; metadata?: Record<string, string> },
    now: number,
  ): WireAcceptedBatch {
    const id = `00000000-0000-7000-9000-${String(this.#batches.size + 1).padStart(12, "0")}`;
    const tasks = requests.map((item) => {
      const { model, metadata: own = {} } = item;
      const n = item.type === "image" ? item.n : undefined;
      return this.#tasks.make(
        item.type,
        { model, metadata: own, ...(n === undefined ? {} : { n }) },
        { batchId: id },
      );
    });
    const batch: Batch = { id, created: new Date(now).toISOString(), metadata, tasks };
    this.#batches.set(id, batch);
    const address = `${MOCK_ADDRESS}/v1/batches/${id}`;
    return {
      ...wireOf(batch),
      statusUrl: address,
      cancelUrl: address,
      tasksUrl: `${MOCK_ADDRESS}/v1/tasks?batchId=${id}`,
    };
  }

  get(id: string): WireBatch | null {
    const batch = this.#batches.get(id);
    return batch === undefined ? null : wireOf(batch);
  }

  /** Newest first. */
  all(): WireBatch[] {
    return [...this.#batches.values()].reverse().map(wireOf);
  }

  cancel(id: string): WireBatch | null {
    for (const task of this.#batches.get(id)?.tasks ?? []) this.#tasks.cancel(task);
    return this.get(id);
  }
}

function wireOf({ id, created, metadata, tasks }: Batch): WireBatch {
  const counts = { queued: 0, running: 0, completed: 0, failed: 0, cancelled: 0, total: tasks.length };
  for (const { wire } of tasks) counts[wire.status] += 1;
  const over = tasks.every(({ wire }) => isTerminal(wire.status));
  const began = counts.queued < counts.total;
  return {
    batchId: id,
    status: over
      ? counts.cancelled === counts.total
        ? "cancelled"
        : "completed"
      : began
        ? "running"
        : "queued",
    counts,
    taskIds: tasks.map(({ wire }) => wire.taskId),
    metadata,
    created,
    finishedAt: over
      ? (tasks
          .map(({ wire }) => wire.finished ?? "")
          .sort()
          .at(-1) ?? null)
      : null,
  };
}
