/** A task as the tasks extension of the Model Context Protocol shows it (`io.modelcontextprotocol/tasks`, SEP-2663). */

import { isTerminal, type WireTask } from "../../protocol/task.ts";

export const TASKS_EXTENSION = "io.modelcontextprotocol/tasks";

export type McpTask = {
  readonly taskId: string;
  readonly status: "working" | "completed" | "cancelled";
  readonly statusMessage: string;
  /** ISO 8601, as all times. */
  readonly createdAt: string;
  readonly lastUpdatedAt: string;
  /** From the creation, ms. */
  readonly ttlMs: number;
  /** Absent once there is nothing more to ask for. */
  readonly pollIntervalMs?: number;
};

const POLL_MS = { shortest: 1_000, longest: 10_000, queued: 2_000 };
/** A task that says how long it will still take is asked so often meanwhile. */
const POLLS = 5;

/**
 * `keptMs` is how long an ended task is kept. Until it ends its `ttlMs` says that long from its creation, which is the least it
 * can be; from its end on, when it will really be removed.
 *
 * A task of ours that failed is `completed` here, with a result that is an error: `failed` stands for errors of the protocol alone.
 */
export function mcpTaskOf(task: WireTask, keptMs: number): McpTask {
  const createdAt = Date.parse(task.created);
  const ended = isTerminal(task.status);
  return {
    taskId: task.taskId,
    status: task.status === "cancelled" ? "cancelled" : ended ? "completed" : "working",
    statusMessage: statusMessageOf(task),
    createdAt: task.created,
    lastUpdatedAt: task.updated,
    ttlMs: task.expiresAt === undefined ? keptMs : Date.parse(task.expiresAt) - createdAt,
    ...(ended ? {} : { pollIntervalMs: pollIntervalOf(task) }),
  };
}

function statusMessageOf(task: WireTask): string {
  switch (task.status) {
    case "queued":
      return task.queuePosition === null ? "Queued." : `Queued, at position ${task.queuePosition}.`;
    case "running":
      return `${task.message ?? "Running"}, ${task.progress} %.`;
    case "completed":
      return "Completed.";
    case "failed":
      return `Failed: ${task.error ?? "no reason was given"}`;
    case "cancelled":
      return "Cancelled.";
  }
}

function pollIntervalOf({ status, estimatedSecondsRemaining }: WireTask): number {
  if (status === "queued") return POLL_MS.queued;
  const share = ((estimatedSecondsRemaining ?? 0) * 1_000) / POLLS;
  return Math.min(POLL_MS.longest, Math.max(POLL_MS.shortest, Math.round(share)));
}
