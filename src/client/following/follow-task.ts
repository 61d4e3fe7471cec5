/** Follows one task over its event stream, resuming where it broke; where there is no stream, by reading the task. */

import {
  isTerminal,
  type WireEvent,
  type WireReset,
  type WireSnapshot,
  type WireTask,
} from "../../protocol/task.ts";
import { retryWaitMs, sleep } from "../clock.ts";
import { isFinal } from "../transport/errors.ts";
import { readEventStream, SilentStreamError } from "../transport/event-stream-reader.ts";
import type { Requester } from "../transport/requester.ts";
import { Patience } from "./patience.ts";
import { type TaskUpdate, UpdateOrder } from "./update-order.ts";

export type FollowOptions = {
  signal?: AbortSignal | undefined;
  /** The `id` of an update that was seen: goes on behind it. */
  after?: string | undefined;
  /** `polling` never opens a stream. Default `stream`, which reads the task where streams do not come through. */
  transport?: "stream" | "polling" | undefined;
  /** Between two reads; the longest is five times as long. Default 1,000 ms. */
  pollMs?: number | undefined;
  /** So long without any answer it goes on trying. Default 300,000 ms. */
  giveUpMs?: number | undefined;
};

export const POLL_MS = 1_000;
export const GIVE_UP_MS = 300_000;
/** The longest wait between two reads, as a multiple of the first one. */
export const WAITS_GROW_TO = 5;

/**
 * Updates of a task until its end, which is the last one. Lifecycle events come once each, progress never goes down. Throws a
 * `StatusError` that no repeat helps against, the last `ConnectionError` when no answer came for `giveUpMs`, or the signal's reason.
 * `order` is for callers that have other ways to hear of the task as well.
 */
export async function* followTask(
  requester: Requester,
  taskId: string,
  options: FollowOptions = {},
  order: UpdateOrder = new UpdateOrder(options.after),
): AsyncGenerator<TaskUpdate, void, void> {
  const { signal, pollMs = POLL_MS, giveUpMs = GIVE_UP_MS } = options;
  const { clock, random } = requester;
  const path = `/v1/tasks/${encodeURIComponent(taskId)}`;
  let streams = options.transport !== "polling";
  const patience = new Patience(clock, giveUpMs);
  for (let tries = 0; ; ) {
    signal?.throwIfAborted();
    try {
      if (streams) {
        const stream = { path: `${path}/events`, lastEventId: order.lastId, signal };
        for await (const { data } of readEventStream(requester, stream)) {
          tries = 0;
          patience.renew();
          const update = order.accept(JSON.parse(data) as WireEvent | WireSnapshot | WireReset);
          if (update !== null) yield update;
          if (order.over) return;
        }
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (isFinal(error)) throw error;
      if (error instanceof SilentStreamError) streams = false;
    }
    try {
      const task = await requester.json<WireTask>("GET", path, { signal, maxRetries: 0 });
      patience.renew();
      const update = order.accept({ type: "snapshot", id: null, seq: null, task });
      if (update !== null) {
        if (!streams) tries = 0;
        yield update;
      }
      if (isTerminal(task.status)) return;
    } catch (error) {
      signal?.throwIfAborted();
      if (isFinal(error) || patience.isOver()) throw error;
    }
    tries += 1;
    await sleep(
      clock,
      retryWaitMs(tries, { baseMs: pollMs, mostMs: WAITS_GROW_TO * pollMs, random }),
      signal,
    );
  }
}
