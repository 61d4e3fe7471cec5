/** Follows many tasks by reading: lists tell of most of them at once, so that a thousand tasks cost a few requests a round. */

import { isTerminal, type WireTask, type WireTaskPage } from "../../protocol/task.ts";
import { retryWaitMs, sleep } from "../clock.ts";
import { isFinal } from "../transport/errors.ts";
import type { Requester } from "../transport/requester.ts";
import { GIVE_UP_MS, POLL_MS, WAITS_GROW_TO } from "./follow-task.ts";
import { Patience } from "./patience.ts";

export type PollListener = {
  /** The task as it is now; answers whether that is news. */
  read(taskId: string, task: WireTask): boolean;
  /** A task that cannot be read, for what no repeat helps against. It is read no more. */
  refused(taskId: string, error: unknown): void;
  /** No answer came for five minutes. Nothing is read any more. */
  gaveUp(error: unknown): void;
};

/** Up to so many tasks are read one by one. */
const MOST_ALONE = 4;
const READING_AT_ONCE = 8;
/** Further unfinished tasks of the key are not looked through for those that are followed. */
const MOST_PAGES = 20;
const PAGE_TASKS = 100;

export class TaskPoller {
  readonly #requester: Requester;
  readonly #listener: PollListener;
  readonly #ids = new Set<string>();
  #lists = true;
  #running: AbortController | null = null;

  constructor(requester: Requester, listener: PollListener) {
    this.#requester = requester;
    this.#listener = listener;
  }

  /** Begins behind the caller's turn. */
  add(taskId: string): void {
    this.#ids.add(taskId);
    if (this.#running !== null) return;
    const running = new AbortController();
    this.#running = running;
    void this.#run(running.signal);
  }

  remove(taskId: string): void {
    this.#ids.delete(taskId);
    if (this.#ids.size === 0) this.#stop();
  }

  clear(): void {
    this.#ids.clear();
    this.#stop();
  }

  #stop(): void {
    this.#running?.abort();
    this.#running = null;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#requester;
    const patience = new Patience(clock, GIVE_UP_MS);
    try {
      await sleep(clock, 0, signal);
      for (let quiet = 1; ; quiet += 1) {
        try {
          if (await this.#round(signal, patience)) quiet = 0;
        } catch (error) {
          signal.throwIfAborted();
          if (patience.isOver()) {
            this.clear();
            return this.#listener.gaveUp(error);
          }
        }
        const waits = { baseMs: POLL_MS, mostMs: WAITS_GROW_TO * POLL_MS, random };
        await sleep(clock, retryWaitMs(quiet, waits), signal);
      }
    } catch {
      // Stopped: nothing else is thrown here.
    }
  }

  /** Reads every task once; whether there was news. Throws when no answer came. */
  async #round(signal: AbortSignal, patience: Patience): Promise<boolean> {
    const waiting = new Set(this.#ids);
    let news = false;
    const take = (taskId: string, task: WireTask) => {
      waiting.delete(taskId);
      patience.renew();
      if (!this.#ids.has(taskId)) return;
      if (isTerminal(task.status)) this.remove(taskId);
      if (this.#listener.read(taskId, task)) news = true;
    };
    if (this.#lists && waiting.size > MOST_ALONE) await this.#readLists(waiting, take, signal);
    // Those that have ended, and those that lists of this key do not have.
    const alone = [...waiting];
    while (alone.length > 0) {
      signal.throwIfAborted();
      await Promise.all(
        alone.splice(0, READING_AT_ONCE).map(async (taskId) => {
          try {
            take(taskId, await this.#read<WireTask>(`/v1/tasks/${encodeURIComponent(taskId)}`, signal));
          } catch (error) {
            if (!isFinal(error)) throw error;
            if (!this.#ids.has(taskId)) return;
            this.remove(taskId);
            this.#listener.refused(taskId, error);
          }
        }),
      );
    }
    return news;
  }

  async #readLists(
    waiting: ReadonlySet<string>,
    take: (taskId: string, task: WireTask) => void,
    signal: AbortSignal,
  ): Promise<void> {
    let after = "";
    for (let page = 0; page < MOST_PAGES && waiting.size > 0; page += 1) {
      const from = after === "" ? "" : `&after=${encodeURIComponent(after)}`;
      const path = `/v1/tasks?status=queued,running&limit=${PAGE_TASKS}${from}`;
      try {
        const answer = await this.#read<WireTaskPage>(path, signal);
        for (const task of answer.data) if (waiting.has(task.taskId)) take(task.taskId, task);
        if (!answer.hasMore || answer.after === null) return;
        after = answer.after;
      } catch (error) {
        if (!isFinal(error)) throw error;
        // A key of a few tasks may list none.
        this.#lists = false;
        return;
      }
    }
  }

  #read<T>(path: string, signal: AbortSignal): Promise<T> {
    return this.#requester.json<T>("GET", path, { signal, maxRetries: 0 });
  }
}
