/** One task as a whole, kept up to date: read at once and after each step of its life, with the progress of its events in between. */

import { useCallback, useEffect, useState } from "react";
import type { WireEvent, WireTask } from "../../protocol/task.ts";
import { useLoaded } from "../data/use-loaded.ts";
import { useLive } from "../shell/live.tsx";
import { useSession } from "../shell/session.ts";
import { withEvent } from "./task-list.ts";

export type TaskDetail = {
  task: WireTask | null;
  error: Error | null;
  /** When its work began, where that was seen; ISO 8601. */
  startedAt: string | null;
  reload(): void;
};

export function useTaskDetail(taskId: string): TaskDetail {
  const { client } = useSession();
  const { listen } = useLive();
  const load = useCallback((signal: AbortSignal) => client.tasks.get(taskId, { signal }), [client, taskId]);
  const { data, error, reload } = useLoaded(load);
  const [last, setLast] = useState<WireEvent | null>(null);
  const [startedAt, setStartedAt] = useState<string | null>(null);
  useEffect(
    () =>
      listen({
        onEvent(event) {
          if (event.taskId !== taskId) return;
          setLast(event);
          if (event.type === "started") setStartedAt(event.at);
          // What was tried, and the result, are told by a read alone.
          if (event.type !== "progress") reload();
        },
        onReset: reload,
      }),
    [listen, taskId, reload],
  );
  const isNewer = data !== null && last !== null && last.at > data.updated;
  return { task: isNewer ? withEvent(data, last) : data, error, startedAt, reload };
}
