/** Waits for a task's end by following it: an end is never missed, and nothing is polled. */

import { CLOSE_TRY_AGAIN } from "../protocol/close-codes.ts";
import type { Clock } from "../tasks/ports/clock.ts";
import type { EndWatch } from "../tasks/ports/end-watch.ts";
import type { TenantScope } from "../tasks/task.ts";
import type { Encoding } from "./encoding.ts";
import type { FollowOutcome } from "./room.ts";
import type { Rooms } from "./rooms.ts";
import type { Follower } from "./subscriber.ts";

/** Before it follows again where it was cut off, ms. */
const AGAIN_MS = 250;

/** The watcher needs no words: a one-task stream is closed when its task has ended. */
export const SILENT: Encoding = {
  name: "end",
  event: () => null,
  snapshot: () => null,
  begin: () => null,
  reset: () => null,
  pack: null,
};

/** An end watch over these rooms. */
export function createRoomEndWatch(rooms: Pick<Rooms, "followTask">, clock: Pick<Clock, "after">): EndWatch {
  return {
    async untilEnded(
      scope: TenantScope,
      taskId: string,
      timeoutMs: number,
      signal?: AbortSignal,
    ): Promise<void> {
      if (signal?.aborted) return;
      const stopped = Promise.withResolvers<"stopped">();
      const stop = () => stopped.resolve("stopped");
      const timer = clock.after(timeoutMs, stop);
      signal?.addEventListener("abort", stop, { once: true });
      try {
        for (;;) {
          const closed = await follow(rooms, scope, taskId, stopped.promise);
          // Whoever is told to come again has not seen the end.
          if (closed !== CLOSE_TRY_AGAIN) return;
          await pause(clock, stopped.promise);
        }
      } finally {
        timer.cancel();
        signal?.removeEventListener("abort", stop);
      }
    },
  };
}

/** Follows once; answers the code with which it was closed, unless it was stopped or there is nothing to follow. */
async function follow(
  rooms: Pick<Rooms, "followTask">,
  scope: TenantScope,
  taskId: string,
  stopped: Promise<"stopped">,
): Promise<number | FollowOutcome | "stopped"> {
  const closed = Promise.withResolvers<number>();
  const { subscription, opened } = rooms.followTask(scope, taskId, watcher(closed.resolve), null);
  try {
    // Time that is up while the store is still being asked ends the wait as well.
    const outcome = await Promise.race([opened, closed.promise, stopped]);
    return outcome === "following" ? await Promise.race([closed.promise, stopped]) : outcome;
  } finally {
    subscription.leave();
  }
}

async function pause(clock: Pick<Clock, "after">, stopped: Promise<"stopped">): Promise<void> {
  const over = Promise.withResolvers<void>();
  const timer = clock.after(AGAIN_MS, over.resolve);
  await Promise.race([over.promise, stopped]);
  timer.cancel();
}

function watcher(close: (code: number) => void): Follower {
  return { encoding: SILENT, topics: null, send: () => {}, bufferedBytes: () => 0, close };
}
