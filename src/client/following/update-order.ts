/** What is shown of a task whose news comes by several ways: each event once, progress never lower, one end. */

import {
  isTerminal,
  type WireEvent,
  type WireReset,
  type WireSnapshot,
  type WireTask,
} from "../../protocol/task.ts";

/** The task as it is: how a stream begins, or what a read answered (`id` and `seq` are null then). */
export type TaskSnapshot = {
  type: "snapshot";
  id: string | null;
  seq: number | null;
  task: WireTask;
};
/** What following a task brings. */
export type TaskUpdate = WireEvent | TaskSnapshot;

export class UpdateOrder {
  /** Where to resume; null: nowhere yet. */
  lastId: string | null;
  #seq = -1;
  #progress = -1;
  #shown = "";
  #over = false;
  #begins = true;

  /** `after`: the position that somebody else has come to. */
  constructor(after: string | null = null) {
    this.lastId = after;
  }

  /** Whether the task's end was accepted; nothing is after it. */
  get over(): boolean {
    return this.#over;
  }

  /** The update as it may be shown; null for what was shown before or is behind the times. */
  accept(update: WireEvent | WireSnapshot | TaskSnapshot | WireReset): TaskUpdate | null {
    if (this.#over) return null;
    if (update.type === "reset") {
      this.#begins = true;
      return null;
    }
    return update.type === "snapshot" ? this.#snapshot(update) : this.#event(update);
  }

  #snapshot(update: TaskSnapshot): TaskSnapshot | null {
    const { id, seq, task } = update;
    if (seq !== null) {
      if (!this.#begins && seq <= this.#seq) return null;
      this.#seq = seq;
      this.lastId = id;
    }
    this.#begins = false;
    const progress = this.#raise(task.progress);
    if (isTerminal(task.status)) this.#over = true;
    const shown = `${task.status} ${progress} ${task.message}`;
    // Reading again what is known already is no news.
    if (seq === null && shown === this.#shown) return null;
    this.#shown = shown;
    return { ...update, task: { ...task, progress } };
  }

  #event(update: WireEvent): WireEvent | null {
    if (update.seq <= this.#seq) return null;
    this.#seq = update.seq;
    this.lastId = update.id;
    this.#begins = false;
    const before = this.#progress;
    const progress = this.#raise(update.progress);
    const shown = `${update.status} ${progress} ${update.message}`;
    if (update.type === "progress" && (update.progress < before || shown === this.#shown)) return null;
    this.#shown = shown;
    if (isTerminal(update.status)) this.#over = true;
    return { ...update, progress };
  }

  #raise(progress: number): number {
    this.#progress = Math.max(this.#progress, progress);
    return this.#progress;
  }
}
