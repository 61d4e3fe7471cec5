/** Sessions whose process died: they are ended when their lease runs out, and settled by what was counted last. */

import type { Clock, TimerHandle } from "../../tasks/ports/clock.ts";
import { describeError, type Log } from "../../tasks/ports/log.ts";
import type { HangUp } from "../calls/hang-up.ts";
import { LOST_SESSION, type Session, type SessionCounters, type SessionStore } from "../session-store.ts";
import { sessionCost, sessionPriceOf } from "./session-price.ts";

export type LostSessionsDependencies = {
  readonly store: Pick<SessionStore, "endLostSessions" | "settleSession">;
  /** Ends calls whose sideband was lost with the process; null where none are made. */
  readonly hangUp: Pick<HangUp, "once"> | null;
  readonly clock: Pick<Clock, "now">;
  readonly log: Log;
};

/** No provider lets a call go on for longer, ms. */
export const LONGEST_CALL_MS = 7_200_000;
/** A lease that is over as soon as anybody looks, ms. */
const AT_ONCE_MS = 1;
/** No process holds more sessions. */
const MOST_OPEN = 1_000_000;
/** Settled in one step. */
const STEP = 50;

/** Ends and settles those there are; answers how many. Rejects when the store cannot be asked. */
export async function settleLostSessions(dependencies: LostSessionsDependencies): Promise<number> {
  const { store, log } = dependencies;
  let settled = 0;
  for (;;) {
    const lost = await store.endLostSessions(STEP);
    const over = await Promise.all(lost.map((session) => isOver(session, dependencies)));
    for (const [index, { id, fence, price, counters }] of lost.entries()) {
      if (over[index] !== true) continue;
      await store.settleSession(id, fence, sessionCost(sessionPriceOf(price), counters));
      log.warn("a voice session was lost with its process, and settled", { sessionId: id });
    }
    settled += lost.length;
    if (lost.length < STEP) return settled;
  }
}

/** Whether nothing of it goes on. A call that its provider does not hang up is handed out again later. */
async function isOver(
  {
    id,
    provider,
    account,
    callId,
    startedAt,
  }: Pick<Session, "id" | "provider" | "account" | "callId" | "startedAt">,
  { hangUp, clock }: Pick<LostSessionsDependencies, "hangUp" | "clock">,
): Promise<boolean> {
  if (callId === null || hangUp === null) return true;
  if (await hangUp.once({ sessionId: id, provider, account, callId })) return true;
  return clock.now() - startedAt > LONGEST_CALL_MS;
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
  readonly #dependencies: LostSessionsDependencies & { readonly clock: Pick<Clock, "now" | "after"> };
  readonly #everyMs: number;
  #timer: TimerHandle | null = null;
  #stopped = false;

  constructor(
    dependencies: LostSessionsDependencies & { readonly clock: Pick<Clock, "now" | "after"> },
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
