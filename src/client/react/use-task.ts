/** `useTask`: one task as state. */

import { useEffect, useState } from "react";
import { isTerminal, type TaskStatus, type WireResult } from "../../protocol/task.ts";
import type { ConduitClient } from "../conduit-client.ts";
import type { TaskUpdate } from "../following/update-order.ts";
import { progressOf } from "../resources/tasks.ts";
import { useConduitClient } from "./conduit-context.ts";

export type TaskState = {
  readonly taskId: string | null;
  /** Null until something was heard of it. */
  readonly status: TaskStatus | null;
  readonly progress: number;
  readonly message: string | null;
  /** Null where nobody can tell. */
  readonly estimatedSecondsRemaining: number | null;
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
  estimatedSecondsRemaining: null,
  result: null,
  error: null,
  isOver: false,
};

/**
 * Follows a task for as long as the component is mounted; `null` follows none. `client` must stay the same between renders; without it,
 * that of the nearest `ConduitProvider` follows.
 */
export function useTask(taskId: string | null, client?: ConduitClient | null): TaskState {
  const provided = useConduitClient();
  const follower = client === undefined ? provided : client;
  const [state, setState] = useState(UNKNOWN);
  useEffect(() => {
    setState({ ...UNKNOWN, taskId });
    if (taskId === null || follower === null) return;
    const leaving = new AbortController();
    const { signal } = leaving;
    void (async () => {
      try {
        for await (const update of follower.tasks.events(taskId, { signal }))
          if (!signal.aborted) setState(stateOf(taskId, update));
      } catch (error) {
        if (!signal.aborted) setState((before) => ({ ...before, error: String((error as Error).message) }));
      }
    })();
    return () => leaving.abort();
  }, [taskId, follower]);
  // What was heard of another task is not this one's.
  return state.taskId === taskId ? state : { ...UNKNOWN, taskId };
}

function stateOf(taskId: string, update: TaskUpdate): TaskState {
  const { result, error } = update.type === "snapshot" ? update.task : update;
  const progress = progressOf(taskId, update);
  return {
    ...progress,
    result: result ?? null,
    error: error ?? null,
    isOver: isTerminal(progress.status),
  };
}
