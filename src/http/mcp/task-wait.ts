/** Waiting for a task in the midst of a tool call, with word of its progress on the way. */

import type { WireEvent, WireSnapshot, WireTask } from "../../protocol/task.ts";
import type { Encoding } from "../../rooms/encoding.ts";
import type { Rooms } from "../../rooms/rooms.ts";
import type { Subscriber } from "../../rooms/subscriber.ts";
import type { TaskService } from "../../tasks/service.ts";
import type { TenantScope } from "../../tasks/task.ts";
import type { IdleLimit } from "../idle-limit.ts";

export type TaskWaitDependencies = {
  readonly tasks: Pick<TaskService, "read" | "waitUntilEnded">;
  readonly rooms: Pick<Rooms, "subscribeToTask">;
  /** One JSON object per frame. */
  readonly encoding: Encoding;
  readonly host: IdleLimit;
};

/** How far a task is: percent, never lower than before. */
export type ToldProgress = Pick<WireTask, "progress" | "message">;

export type TaskWait = {
  readonly scope: TenantScope;
  readonly taskId: string;
  /** At most so long, ms; 0 does not wait. */
  readonly timeoutMs: number;
  /** Ends the wait; the task goes on. */
  readonly signal: AbortSignal;
  /** The request that is silent meanwhile. */
  readonly request: Request;
  /** Absent: nobody asks. */
  readonly onProgress?: ((progress: ToldProgress) => void) | undefined;
};

/** Resolves once the task has ended, the time is over or the signal aborted. Rejects with `task_not_found`. */
export async function waitForTask(wait: TaskWait, dependencies: TaskWaitDependencies): Promise<void> {
  const { scope, taskId, timeoutMs, signal, request, onProgress } = wait;
  const { tasks, host } = dependencies;
  if (timeoutMs <= 0) return;
  const view = await tasks.read(scope, taskId);
  const stop = onProgress === undefined ? null : tellProgress(scope, taskId, onProgress, dependencies);
  host.keepOpen(request);
  try {
    await tasks.waitUntilEnded(scope, view, timeoutMs, signal);
  } finally {
    host.limitIdle(request);
    stop?.();
  }
}

/** Tells what the room sends until it is stopped. The wait does not depend on it: a room that cannot be reached is silent. */
function tellProgress(
  scope: TenantScope,
  taskId: string,
  onProgress: (progress: ToldProgress) => void,
  { rooms, encoding }: TaskWaitDependencies,
): () => void {
  let told = -1;
  const subscriber: Subscriber = {
    encoding,
    topics: null,
    send(frame) {
      const event = JSON.parse(String(frame)) as WireEvent | WireSnapshot | { type: "reset" };
      if (event.type === "reset") return;
      const { progress, message } = event.type === "snapshot" ? event.task : event;
      if (progress <= told) return;
      told = progress;
      onProgress({ progress, message });
    },
    bufferedBytes: () => 0,
    close: () => {},
  };
  const { subscription, opened } = rooms.subscribeToTask(scope, taskId, subscriber, null);
  opened.catch(() => {});
  return () => subscription.unsubscribe();
}
