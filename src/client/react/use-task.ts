/** `useTask` and `useRun`: one task as state. */

import { useCallback, useEffect, useState } from "react";
import { isTerminal, type TaskStatus, type WireAccepted, type WireResult } from "../../protocol/task.ts";
import type { ConduitClient } from "../conduit-client.ts";
import type { TaskUpdate } from "../following/update-order.ts";

export type TaskState = {
  readonly taskId: string | null;
  /** Null until something was heard of it. */
  readonly status: TaskStatus | null;
  readonly progress: number;
  readonly message: string | null;
  readonly result: WireResult | null;
  /** Why the task failed, or why it cannot be followed. */
  readonly error: string | null;
  readonly isOver: boolean;
};

const UNKNOWN: TaskState = {
  taskId: null,
  status: null,
  progress: 0,
  message: null,
  result: null,
  error: null,
  isOver: false,
};

/** Follows a task for as long as the component is mounted; `null` follows none. `client` must stay the same between renders. */
export function useTask(taskId: string | null, client: ConduitClient | null): TaskState {
  const [state, setState] = useState(UNKNOWN);
  useEffect(() => {
    setState({ ...UNKNOWN, taskId });
    if (taskId === null || client === null) return;
    const leaving = new AbortController();
    const { signal } = leaving;
    void (async () => {
      try {
        for await (const update of client.tasks.events(taskId, { signal }))
          if (!signal.aborted) setState(stateOf(taskId, update));
      } catch (error) {
        if (!signal.aborted) setState((before) => ({ ...before, error: String((error as Error).message) }));
      }
    })();
    return () => leaving.abort();
  }, [taskId, client]);
  // What was heard of another task is not this one's.
  return state.taskId === taskId ? state : { ...UNKNOWN, taskId };
}

/** What begins a run: the gateway's answer to a create, or the part of it that a server hands to its page. */
export type RunStart = Pick<WireAccepted, "taskId" | "accessToken">;

export type UseRun<Request> = TaskState & {
  /** Starts a task and follows it in place of the one before. */
  run(request: Request): Promise<string>;
  /** From the call of `run` until the task is over. */
  readonly isRunning: boolean;
};

/**
 * Starts tasks and follows the last one. `start` makes the task: here with a client, or by asking your server, which answers the
 * `taskId` and the task's own `accessToken`; `clientOf` makes the client that follows it.
 */
export function useRun<Request>(
  start: (request: Request) => Promise<RunStart>,
  clientOf: (started: RunStart) => ConduitClient,
): UseRun<Request> {
  const [followed, setFollowed] = useState<{ taskId: string; client: ConduitClient } | null>(null);
  const [starting, setStarting] = useState(false);
  const [refused, setRefused] = useState<string | null>(null);
  const task = useTask(followed?.taskId ?? null, followed?.client ?? null);
  const run = useCallback(
    async (request: Request) => {
      setStarting(true);
      setRefused(null);
      try {
        const started = await start(request);
        setFollowed({ taskId: started.taskId, client: clientOf(started) });
        return started.taskId;
      } catch (error) {
        setFollowed(null);
        setRefused((error as Error).message);
        throw error;
      } finally {
        setStarting(false);
      }
    },
    [start, clientOf],
  );
  const following = followed !== null && !task.isOver && task.error === null;
  return { ...task, error: refused ?? task.error, run, isRunning: starting || following };
}

function stateOf(taskId: string, update: TaskUpdate): TaskState {
  const { status, progress, message, result, error } = update.type === "snapshot" ? update.task : update;
  return {
    taskId,
    status,
    progress,
    message,
    result: result ?? null,
    error: error ?? null,
    isOver: isTerminal(status),
  };
}
