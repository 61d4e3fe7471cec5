/** What is done to many tasks at once. */

import type { ConduitClient, TaskFilter } from "../../client/index.ts";
import { isTerminal, type TaskStatus, type WireTask } from "../../protocol/task.ts";
import { statusesOf } from "./filters.tsx";

/** Requests at a time. */
const AT_ONCE = 4;
/** Of one press of a button. */
export const MOST_RETRIED = 1_000;

export type BulkOutcome = {
  done: number;
  refused: number;
  /** Why the first was refused. */
  reason: string | null;
};

/** Whether a new task can be made of it. */
export function isRetryable({ status }: Pick<WireTask, "status">): boolean {
  return status === "failed" || status === "cancelled";
}

/** Ends every unfinished task of the filter; answers how many there were. */
export async function cancelByFilter(client: ConduitClient, filter: TaskFilter): Promise<number> {
  const { type, batchId } = filter;
  if (!hasUnfinished(filter)) return 0;
  const named = statusesOf(filter).filter((status) => !isTerminal(status));
  const status = named.length > 0 ? [...named] : undefined;
  const all = status === undefined && type === undefined && batchId === undefined;
  let cancelled = 0;
  for (;;) {
    const answer = await client.tasks.cancelMany(all ? { all: true } : { status, type, batchId });
    cancelled += answer.cancelled;
    if (!answer.hasMore || answer.cancelled === 0) return cancelled;
  }
}

/** The ids of the tasks of the filter that can be retried, at most `MOST_RETRIED`. */
export async function retryableOf(client: ConduitClient, filter: TaskFilter): Promise<string[]> {
  const named = statusesOf(filter).filter((status) => isRetryable({ status }));
  const status: TaskStatus[] = named.length > 0 ? [...named] : ["failed", "cancelled"];
  const ids: string[] = [];
  for await (const { taskId } of await client.tasks.list({ ...filter, status, limit: 100 })) {
    ids.push(taskId);
    if (ids.length === MOST_RETRIED) break;
  }
  return ids;
}

/** Whether the filter lets unfinished tasks through. */
export function hasUnfinished(filter: TaskFilter): boolean {
  const statuses = statusesOf(filter);
  return statuses.length === 0 || statuses.some((status) => !isTerminal(status));
}

/** Does it to each, a few at a time; none that is refused keeps the others from it. */
export async function forEach(
  ids: readonly string[],
  action: (taskId: string) => Promise<unknown>,
): Promise<BulkOutcome> {
  const waiting = [...ids];
  const outcome: BulkOutcome = { done: 0, refused: 0, reason: null };
  const work = async () => {
    for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
      try {
        await action(id);
        outcome.done += 1;
      } catch (error) {
        outcome.refused += 1;
        outcome.reason ??= error instanceof Error ? error.message : String(error);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return outcome;
}
