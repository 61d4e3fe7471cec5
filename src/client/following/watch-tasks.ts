/** Watches every task of the key over its event stream, resuming where it broke. */

import type { WireEvent, WireReset } from "../../protocol/task.ts";
import { retryWaitMs, sleep } from "../clock.ts";
import { isFinal } from "../transport/errors.ts";
import { readEventStream } from "../transport/event-stream-reader.ts";
import type { Requester } from "../transport/requester.ts";

export type WatchOptions = {
  /** Ends the watch. */
  signal: AbortSignal;
  /** Called for each event of any task, in the order of the stream. */
  onEvent(event: WireEvent): void;
  /** The stream begins here, or events were lost: list the tasks now, what follows is told by `onEvent`. */
  onReset(): void;
  /** Whether the stream is open; where it broke it is opened again. */
  onConnection?: ((open: boolean) => void) | undefined;
};

/** Rejects with a `StatusError` that no repeat helps against, or with the signal's reason; goes on trying otherwise. */
export async function watchTasks(requester: Requester, options: WatchOptions): Promise<never> {
  const { signal, onEvent, onReset, onConnection } = options;
  const { clock, random } = requester;
  let lastEventId: string | null = null;
  for (let tries = 0; ; ) {
    signal.throwIfAborted();
    try {
      const onOpen = () => {
        tries = 0;
        onConnection?.(true);
        if (lastEventId === null) onReset();
      };
      const stream = { path: "/v1/events", lastEventId, signal, onOpen };
      for await (const { data } of readEventStream(requester, stream)) {
        const update = JSON.parse(data) as WireEvent | WireReset;
        if (update.type === "reset") {
          onReset();
          continue;
        }
        lastEventId = update.id;
        onEvent(update);
      }
    } catch (error) {
      signal.throwIfAborted();
      if (isFinal(error)) throw error;
    }
    onConnection?.(false);
    tries += 1;
    await sleep(clock, retryWaitMs(tries, { random }), signal);
  }
}
