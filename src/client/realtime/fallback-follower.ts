/** Follows tasks where there is no hub: the first few over event streams of their own, further ones by reading. */

import type { WireTask } from "../../protocol/task.ts";
import { followTask } from "../following/follow-task.ts";
import { TaskPoller } from "../following/task-poller.ts";
import type { TaskUpdate, UpdateOrder } from "../following/update-order.ts";
import type { Requester } from "../transport/requester.ts";

export type FallbackListener = {
  /** What the order of a task accepted. */
  accepted(taskId: string, update: TaskUpdate): void;
  /** A task that cannot be followed any more; of all tasks at once, where no answer comes. */
  failed(taskIds: readonly string[], error: unknown): void;
};

export class FallbackFollower {
  readonly #requester: Requester;
  readonly #listener: FallbackListener;
  readonly #mostStreams: number;
  readonly #orders = new Map<string, UpdateOrder>();
  readonly #streams = new Map<string, AbortController>();
  readonly #poller: TaskPoller;

  /** `mostStreams`: further tasks are read; 0 reads all. */
  constructor(requester: Requester, mostStreams: number, listener: FallbackListener) {
    this.#requester = requester;
    this.#listener = listener;
    this.#mostStreams = mostStreams;
    this.#poller = new TaskPoller(requester, {
      read: (taskId, task) => this.#accept(taskId, task),
      refused: (taskId, error) => this.#fail([taskId], error),
      gaveUp: (error) => this.#fail([...this.#orders.keys()], error),
    });
  }

  /** Follows a task, behind the caller's turn, from where its order stands. Again is nothing. */
  follow(taskId: string, order: UpdateOrder): void {
    if (this.#orders.has(taskId)) return;
    this.#orders.set(taskId, order);
    if (this.#streams.size >= this.#mostStreams) {
      this.#poller.add(taskId);
      return;
    }
    const stream = new AbortController();
    this.#streams.set(taskId, stream);
    this.#requester.clock.after(0, () => void this.#read(taskId, order, stream.signal));
  }

  forget(taskId: string): void {
    this.#orders.delete(taskId);
    this.#streams.get(taskId)?.abort();
    this.#streams.delete(taskId);
    this.#poller.remove(taskId);
  }

  /** Follows nothing any more. */
  clear(): void {
    for (const stream of this.#streams.values()) stream.abort();
    this.#streams.clear();
    this.#orders.clear();
    this.#poller.clear();
  }

  async #read(taskId: string, order: UpdateOrder, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    try {
      for await (const update of followTask(this.#requester, taskId, { signal }, order)) {
        if (signal.aborted) return;
        this.#listener.accepted(taskId, update);
      }
    } catch (error) {
      if (!signal.aborted) this.#fail([taskId], error);
    }
  }

  #accept(taskId: string, task: WireTask): boolean {
    const update = this.#orders.get(taskId)?.accept({ type: "snapshot", id: null, seq: null, task }) ?? null;
    if (update !== null) this.#listener.accepted(taskId, update);
    return update !== null;
  }

  #fail(taskIds: readonly string[], error: unknown): void {
    for (const taskId of taskIds) this.forget(taskId);
    this.#listener.failed(taskIds, error);
  }
}
