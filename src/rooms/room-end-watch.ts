/**
 * Waits for a task's end by subscribing to it: an end is never missed. Nothing is polled, unless other processes work on the
 * store and do not tell this one what they did: then the store is asked now and then.
 */

import { CLOSE_TRY_AGAIN } from "../protocol/close-codes.ts";
import type { Clock, TimerHandle } from "../tasks/ports/clock.ts";
import type { EndWatch } from "../tasks/ports/end-watch.ts";
import type { TenantScope } from "../tasks/task.ts";
import type { Encoding } from "./encoding.ts";
import type { SubscribeOutcome } from "./room.ts";
import type { Rooms } from "./rooms.ts";
import type { Subscriber } from "./subscriber.ts";

/** Wait before it subscribes again after it was closed 1013, ms. */
const RESUBSCRIBE_MS = 250;

/** The first look at a task that another process may have ended comes after this, ms; each further one half as much later. */
const FIRST_LOOK_MS = 100;
const LOOK_FACTOR = 1.5;
/** The longest time between two looks, ms. */
const LONGEST_LOOK_MS = 2_000;

/** Encodes nothing: a one-task stream is closed when its task has ended, which is all that is awaited. */
export const SILENT: Encoding = {
  name: "end",
  event: () => null,
  snapshot: () => null,
  begin: () => null,
  reset: () => null,
  pack: null,
};

export type EndWatchOptions = {
  /** Compares the task with the store. Only where nobody says what other processes do. MUST NOT reject. */
  checkTask?: Rooms["checkTask"] | undefined;
};

/** An end watch over these rooms. */
export function createRoomEndWatch(
  rooms: Pick<Rooms, "subscribeToTask">,
  clock: Pick<Clock, "after">,
  { checkTask }: EndWatchOptions = {},
): EndWatch {
  return {
    async untilEnded(
      scope: TenantScope,
      taskId: string,
      timeoutMs: number,
      signal?: AbortSignal,
    ): Promise<null> {
      if (signal?.aborted) return null;
      const stopped = Promise.withResolvers<"stopped">();
      const stop = () => stopped.resolve("stopped");
      const timer = clock.after(timeoutMs, stop);
      signal?.addEventListener("abort", stop, { once: true });
      const looks = checkTask && lookAgainAndAgain(clock, () => checkTask(scope.keyId, taskId));
      try {
        for (;;) {
          const closed = await subscribe(rooms, scope, taskId, stopped.promise);
          // Only a subscriber closed for another reason has seen the end.
          if (closed !== CLOSE_TRY_AGAIN) return null;
          await pause(clock, stopped.promise);
        }
      } finally {
        timer.cancel();
        looks?.stop();
        signal?.removeEventListener("abort", stop);
      }
    },
  };
}

/** Looks until it is stopped, ever more rarely. */
function lookAgainAndAgain(clock: Pick<Clock, "after">, look: () => Promise<void>): { stop(): void } {
  let stopped = false;
  const next = (waitMs: number): TimerHandle =>
    clock.after(waitMs, () => {
      void look().finally(() => {
        if (!stopped) timer = next(Math.min(LONGEST_LOOK_MS, waitMs * LOOK_FACTOR));
      });
    });
  let timer = next(FIRST_LOOK_MS);
  return {
    stop() {
      stopped = true;
      timer.cancel();
    },
  };
}

/** Subscribes once; resolves with the close code, unless it was stopped or there is no such task. */
async function subscribe(
  rooms: Pick<Rooms, "subscribeToTask">,
  scope: TenantScope,
  taskId: string,
  stopped: Promise<"stopped">,
): Promise<number | SubscribeOutcome | "stopped"> {
  const closed = Promise.withResolvers<number>();
  const { subscription, opened } = rooms.subscribeToTask(scope, taskId, watcher(closed.resolve), null);
  try {
    // A time-out while the store is still being asked ends the wait as well.
    const outcome = await Promise.race([opened, closed.promise, stopped]);
    return outcome === "subscribed" ? await Promise.race([closed.promise, stopped]) : outcome;
  } finally {
    subscription.unsubscribe();
  }
}

async function pause(clock: Pick<Clock, "after">, stopped: Promise<"stopped">): Promise<void> {
  const over = Promise.withResolvers<void>();
  const timer = clock.after(RESUBSCRIBE_MS, over.resolve);
  await Promise.race([over.promise, stopped]);
  timer.cancel();
}

function watcher(close: (code: number) => void): Subscriber {
  return { encoding: SILENT, topics: null, send: () => {}, bufferedBytes: () => 0, close };
}
