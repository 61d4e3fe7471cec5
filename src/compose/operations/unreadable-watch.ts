/** Says in the log when more of what is stored cannot be read: `/health` shows how much, to those who look. */

import type { Clock, TimerHandle } from "../../tasks/ports/clock.ts";
import type { Log } from "../../tasks/ports/log.ts";
import type { TaskStore } from "../../tasks/ports/task-store.ts";

const LOOK_EVERY_MS = 60_000;

export type UnreadableWatchDependencies = {
  readonly store: Pick<TaskStore, "countUnreadable">;
  readonly clock: Pick<Clock, "after">;
  readonly log: Log;
};

export class UnreadableWatch {
  readonly #dependencies: UnreadableWatchDependencies;
  /** As it was last time. Damage that was there before the first look is said by that one. */
  #known = 0;
  #timer: TimerHandle | null = null;
  #stopped = false;

  constructor(dependencies: UnreadableWatchDependencies) {
    this.#dependencies = dependencies;
  }

  /** Looks now and then every minute. */
  start(): void {
    void this.look().finally(() => {
      if (this.#stopped) return;
      this.#timer = this.#dependencies.clock.after(LOOK_EVERY_MS, () => this.start());
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** Looks once. Never rejects. */
  async look(): Promise<void> {
    const { store, log } = this.#dependencies;
    let unreadable: number;
    try {
      unreadable = await store.countUnreadable();
    } catch {
      // A store that cannot be asked is reported by everything that needs it.
      return;
    }
    if (unreadable > this.#known)
      log.error("stored records could not be read and were passed over", {
        unreadable,
        before: this.#known,
      });
    this.#known = unreadable;
  }
}
