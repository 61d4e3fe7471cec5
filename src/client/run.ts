/** `conduit.run`: from a request to its result in one call. */

import type { WireResult } from "../protocol/task.ts";
import { type ImageRequest, postTask, type VideoRequest } from "./resources/creation.ts";
import type { TasksResource, WaitOptions } from "./resources/tasks.ts";
import { TaskFailedError } from "./transport/errors.ts";
import type { CallOptions, Requester } from "./transport/requester.ts";

/** A create body, and which create it is. Default: a picture. */
export type RunRequest = ({ type?: "image" | undefined } & ImageRequest) | ({ type: "video" } & VideoRequest);

export type RunOptions = WaitOptions &
  Pick<CallOptions, "idempotencyKey"> & {
    /** Called once the task is accepted. */
    onAccepted?: ((taskId: string) => void) | undefined;
    /** Whether a task that is waited for no longer, for whatever reason, is cancelled. Default: it goes on. */
    cancelOnAbort?: boolean | undefined;
  };

export type RunResult = WireResult & {
  taskId: string;
  /** Of the first picture or film. */
  url: string;
};

/** Rejects with a `TaskFailedError` when the task fails or is cancelled, and with whatever creating and following it throw. */
export async function run(
  requester: Requester,
  tasks: TasksResource,
  { type = "image", ...body }: RunRequest,
  options: RunOptions,
): Promise<RunResult> {
  const { idempotencyKey, onAccepted, cancelOnAbort = false, ...waiting } = options;
  waiting.signal?.throwIfAborted();
  const { taskId } = await postTask(requester, type, body as ImageRequest, {
    idempotencyKey,
    // Left in the middle, a request may have made a task that nobody could cancel.
    signal: cancelOnAbort ? undefined : waiting.signal,
  });
  onAccepted?.(taskId);
  try {
    const task = await tasks.wait(taskId, waiting);
    const url = task.result?.images?.[0]?.url ?? task.result?.videos?.[0]?.url;
    if (task.result === undefined || url === undefined) throw new TaskFailedError(task);
    return { ...task.result, taskId, url };
  } catch (error) {
    // Nobody waits for the answer; a task that has ended meanwhile refuses.
    if (cancelOnAbort && !(error instanceof TaskFailedError)) void tasks.cancel(taskId).catch(() => {});
    throw error;
  }
}
