/** Sessions whose process died: they are ended when their lease runs out, and settled by what was counted last. */

import type { Clock, TimerHandle } from "../../tasks/ports/clock.ts";
import { describeError, type Log } from "../../tasks/ports/log.ts";
import { LOST_SESSION, type Session, type SessionCounters, type SessionStore } from "../session-store.ts";
import { sessionCost, sessionPriceOf } from "./session-price.ts";

export type LostSessionsDependencies = {
  readonly store: Pick<SessionStore, "endLostSessions" | "settleSession">;
  readonly log: Log;
};

/** A lease that is over as soon as anybody looks, ms. */
const AT_ONCE_MS = 1;
/** No process holds more sessions. */
const MOST_OPEN = 1_000_000;
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

/**
 * Settles the sessions that the process before this one left open, for a store that only one process uses: nobody waits for
 * their leases. The lease of a call over WebRTC is let run out: the sweep hangs it up. Rejects when the store cannot be asked.
 */
export async function settleLeftOpen({
  store,
  log,
}: {
  readonly store: Pick<SessionStore, "listOpenSessions" | "endSession" | "renewSession">;
  readonly log: Log;
}): Promise<void> {
  for (const session of await store.listOpenSessions(MOST_OPEN))
    await settleLost({ store, log }, session, session.counters);
}

/**
 * Settles a session whose process is known to be dead, by what that process counted. Under another fence, or ended, it is left as
 * it is. Rejects when the store cannot be asked.
 */
export async function settleLost(
  { store, log }: { readonly store: Pick<SessionStore, "endSession" | "renewSession">; readonly log: Log },
  { id, fence, price, callId }: Pick<Session, "id" | "fence" | "price" | "callId">,
  counters: SessionCounters,
): Promise<void> {
  if (callId !== null) {
    await store.renewSession(id, fence, AT_ONCE_MS, counters);
    return;
  }
  const costMicros = sessionCost(sessionPriceOf(price), counters);
  if (await store.endSession(id, fence, { closeReason: LOST_SESSION, counters, costMicros }))
    log.warn("a voice session was lost with its process, and settled", { sessionId: id, costMicros });
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
