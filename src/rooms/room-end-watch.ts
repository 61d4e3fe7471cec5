/** Waits for a task's end by following it: an end is never missed, and nothing is polled. */

import type { Clock } from "../tasks/clock.ts";
import type { EndWatch } from "../tasks/end-watch.ts";
import type { TenantScope } from "../tasks/task.ts";
import type { Encoding } from "./encoding.ts";
import type { Follower } from "./follower.ts";
import type { Rooms } from "./rooms.ts";

/** The watcher needs no words: a one-task stream is closed when its task has ended. */
export const SILENT: Encoding = {
  name: "end",
  event: () => null,
  snapshot: () => null,
  begin: () => null,
  reset: () => null,
  pack: null,
};

/** An end watch over the rooms of this process. */
export function createRoomEndWatch(rooms: Pick<Rooms, "followTask">, clock: Pick<Clock, "after">): EndWatch {
  return {
    async untilEnded(
      scope: TenantScope,
      taskId: string,
      timeoutMs: number,
      signal?: AbortSignal,
    ): Promise<void> {
      if (signal?.aborted) return;
      const closed = Promise.withResolvers<void>();
      const stop = () => closed.resolve();
      const { subscription, opened } = rooms.followTask(scope, taskId, watcher(stop), null);
      const timer = clock.after(timeoutMs, stop);
      signal?.addEventListener("abort", stop, { once: true });
      try {
        // Time that is up while the store is still being asked ends the wait as well.
        const outcome = await Promise.race([opened, closed.promise]);
        if (outcome === "following") await closed.promise;
      } finally {
        timer.cancel();
        signal?.removeEventListener("abort", stop);
        subscription.leave();
      }
    },
  };
}

function watcher(close: () => void): Follower {
  return { encoding: SILENT, topics: null, send: () => {}, bufferedBytes: () => 0, close };
}
