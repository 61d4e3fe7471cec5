/** Sessions whose process died: they are ended when their lease runs out, and settled by what was counted last. */

import type { Clock, TimerHandle } from "../../tasks/ports/clock.ts";
import { describeError, type Log } from "../../tasks/ports/log.ts";
import type { SessionStore } from "../session-store.ts";
import { sessionCost, sessionPriceOf } from "./session-price.ts";

export type LostSessionsDependencies = {
  readonly store: Pick<SessionStore, "endLostSessions" | "settleSession">;
  readonly log: Log;
};

/** Settled in one step. */
const STEP = 50;

/** Ends and settles those there are; answers how many. Rejects when the store cannot be asked. */
export async function settleLostSessions({ store, log }: LostSessionsDependencies): Promise<number> {
  let settled = 0;
  for (;;) {
    const lost = await store.endLostSessions(STEP);
    for (const { id, fence, price, counters } of lost) {
      await store.settleSession(id, fence, sessionCost(sessionPriceOf(price), counters));
      log.warn("a voice session was lost with its process, and settled", { sessionId: id });
    }
    settled += lost.length;
    if (lost.length < STEP) return settled;
  }
}

/** Looks for lost sessions from time to time. */
export class LostSessionSweep {
  readonly #dependencies: LostSessionsDependencies & { readonly clock: Pick<Clock, "after"> };
  readonly #everyMs: number;
  #timer: TimerHandle | null = null;
  #stopped = false;

  constructor(
    dependencies: LostSessionsDependencies & { readonly clock: Pick<Clock, "after"> },
    everyMs: number,
  ) {
    this.#dependencies = dependencies;
    this.#everyMs = everyMs;
  }

  start(): void {
    if (this.#stopped) return;
    void this.#sweep().then(() => {
      if (this.#stopped) return;
      this.#timer = this.#dependencies.clock.after(this.#everyMs, () => this.start());
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  async #sweep(): Promise<void> {
    try {
      await settleLostSessions(this.#dependencies);
    } catch (error) {
      this.#dependencies.log.warn("lost voice sessions could not be looked for", {
        cause: describeError(error),
      });
    }
  }
}
