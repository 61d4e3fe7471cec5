/** `conduit.tasks`: reading, following and changing tasks. */

import {
  type CancelTasksRequest,
  isTerminal,
  type TaskStatus,
  type TaskType,
  type WireAccepted,
  type WireTask,
  type WireTaskPage,
  type WireTaskPurged,
  type WireTasksCancelled,
} from "../../protocol/task.ts";
import type { WireDelivery } from "../../protocol/webhook.ts";
import { type FollowOptions, followTask } from "../following/follow-task.ts";
import type { TaskUpdate } from "../following/update-order.ts";
import { type WatchOptions, watchTasks } from "../following/watch-tasks.ts";
import type { CallOptions, Requester } from "../transport/requester.ts";
import { ResultPage } from "../transport/result-page.ts";
import { startTimeLimit } from "../transport/time-limit.ts";

export type TaskFilter = {
  status?: TaskStatus | TaskStatus[] | undefined;
  type?: TaskType | undefined;
  batchId?: string | undefined;
  /** Tasks a page, 1 to 100. Default 20. */
  limit?: number | undefined;
  /** The `after` of the page before. */
  after?: string | undefined;
};

/** How a task is coming along. */
export type TaskProgress = {
  taskId: string;
  status: TaskStatus;
  /** 0 to 100, never lower than before. */
  progress: number;
  message: string | null;
  /** Null where nobody can tell. */
  estimatedSecondsRemaining: number | null;
};

export type WaitOptions = Omit<FollowOptions, "after"> & {
  /** Rejects with a `TimeoutError` after so long; the task goes on. Default: waits for as long as it takes. */
  timeoutMs?: number | undefined;
  onProgress?: ((progress: TaskProgress) => void) | undefined;
};

export class TasksResource {
  readonly #requester: Requester;

  constructor(requester: Requester) {
    this.#requester = requester;
  }

  /** One task as it is. Throws `NotFoundError` for one that this key does not have. */
  get(taskId: string, options: CallOptions = {}): Promise<WireTask> {
    return this.#requester.json("GET", pathOf(taskId), options);
  }

  /** Tasks, newest first; the page iterates over all further ones. */
  list(filter: TaskFilter = {}, options: CallOptions = {}): Promise<ResultPage<WireTask>> {
    const { after, ...query } = filter;
    return ResultPage.first(
      (from) =>
        this.#requester.json<WireTaskPage>("GET", "/v1/tasks", {
          ...options,
          query: { ...query, after: from },
        }),
      after,
    );
  }

  /** Ends it. Answers the task, also when it was cancelled before; `ConflictError` when it had ended otherwise. */
  cancel(taskId: string, options: CallOptions = {}): Promise<WireTask> {
    return this.#requester.json("DELETE", pathOf(taskId), options);
  }

  /** Ends what is unfinished of what the filter names, at most 1,000 a call: `hasMore` says to call again. */
  cancelMany(filter: CancelTasksRequest, options: CallOptions = {}): Promise<WireTasksCancelled> {
    return this.#requester.json("POST", "/v1/tasks/cancel", { ...options, body: filter, repeatable: true });
  }

  /** Removes a finished task with its media. */
  purge(taskId: string, options: CallOptions = {}): Promise<WireTaskPurged> {
    return this.#requester.json("DELETE", pathOf(taskId), { ...options, query: { purge: true } });
  }

  /** A failed or cancelled task as a new one. */
  retry(taskId: string, options: CallOptions = {}): Promise<WireAccepted> {
    return this.#requester.json("POST", `${pathOf(taskId)}/retry`, { ...options, creates: true });
  }

  /**
   * Everything that happens to the task from now on, beginning with how it is; ends behind its end. Goes on where it broke, and
   * reads the task where event streams do not come through. See `followTask` for what it throws.
   */
  events(taskId: string, options: FollowOptions = {}): AsyncGenerator<TaskUpdate, void, void> {
    return followTask(this.#requester, taskId, options);
  }

  /**
   * Everything that happens to any task of the key, over one stream that goes on where it broke, until the signal is aborted. See
   * `watchTasks` for what it rejects with.
   */
  watch(options: WatchOptions): Promise<never> {
    return watchTasks(this.#requester, options);
  }

  /** What was sent to webhooks about the task, newest first, and what is still to be sent. */
  async deliveries(taskId: string, options: CallOptions = {}): Promise<WireDelivery[]> {
    const answer = await this.#requester.json<{ data: WireDelivery[] }>(
      "GET",
      `${pathOf(taskId)}/deliveries`,
      options,
    );
    return answer.data;
  }

  /** Resolves with the task once it has ended, however it ended. */
  async wait(taskId: string, options: WaitOptions = {}): Promise<WireTask> {
    const { timeoutMs, onProgress, signal, ...following } = options;
    const message = `Task ${taskId} did not end within ${timeoutMs} ms.`;
    const limit = startTimeLimit(this.#requester.clock, { signal, timeoutMs, message });
    try {
      for await (const update of this.events(taskId, { ...following, signal: limit.signal }))
        onProgress?.(progressOf(taskId, update));
      // Only a task that is read alone has its pictures as Base64.
      const task = await this.get(taskId, { signal: limit.signal });
      if (!isTerminal(task.status)) throw new TypeError(`Task ${taskId} ended and is ${task.status}.`);
      return task;
    } finally {
      limit.end();
    }
  }
}

/** What an update says of how far the task is. */
export function progressOf(taskId: string, update: TaskUpdate): TaskProgress {
  const {
    status,
    progress,
    message,
    estimatedSecondsRemaining = null,
  } = update.type === "snapshot" ? update.task : update;
  return { taskId, status, progress, message, estimatedSecondsRemaining };
}

function pathOf(taskId: string): string {
  return `/v1/tasks/${encodeURIComponent(taskId)}`;
}
