/**
 * A session's budget while it is open: the money that is held back for it. More is held before what there is has been used, and
 * when the budgets allow no more, the session ends with the last of it.
 */

import { describeError, type Log } from "../../tasks/ports/log.ts";
import type { Session, SessionStore } from "../session-store.ts";

export type SessionHoldDependencies = {
  readonly store: Pick<SessionStore, "raiseHold">;
  readonly log: Pick<Log, "warn">;
  /** The session is not open in the store any more. */
  ended(): void;
  /** What was used comes to all that may be spent. */
  overspent(): void;
};

export class SessionHold {
  readonly #session: Pick<Session, "id" | "fence">;
  readonly #dependencies: SessionHoldDependencies;
  #reservedMicros: number;
  #costMicros = 0;
  /** The budgets do not allow more to be held. */
  #exhausted = false;
  #raising = false;
  #ended = false;

  constructor(
    session: Pick<Session, "id" | "fence" | "reservedMicros">,
    dependencies: SessionHoldDependencies,
  ) {
    this.#session = session;
    this.#dependencies = dependencies;
    this.#reservedMicros = session.reservedMicros;
  }

  /** Held in all, whole micro-dollars: what may be charged at the end. */
  get reservedMicros(): number {
    return this.#reservedMicros;
  }

  /** Whether another response may begin. */
  mayRespond(): boolean {
    return !this.#exhausted || this.#costMicros < this.#reservedMicros;
  }

  /** The session has cost so much so far, and costs `perMinute` more in the next minute; 0 where it is free. Micro-dollars. */
  spent(costMicros: number, perMinute: number): void {
    this.#costMicros = costMicros;
    if (perMinute === 0 || this.#ended) return;
    if (this.#exhausted && costMicros >= this.#reservedMicros) this.#dependencies.overspent();
    else if (costMicros + perMinute > this.#reservedMicros) void this.#raise(perMinute);
  }

  /** The session is over here: nothing more is held. */
  end(): void {
    this.#ended = true;
  }

  /** Holds back for another minute or two, so that the hold is there before it is used. */
  async #raise(perMinute: number): Promise<void> {
    if (this.#raising || this.#exhausted) return;
    this.#raising = true;
    const { store, log } = this.#dependencies;
    const { id, fence } = this.#session;
    const outcome = await store
      .raiseHold(id, fence, this.#costMicros + 2 * perMinute)
      .catch((error: unknown) => {
        log.warn("no more money could be held for a voice session", {
          sessionId: id,
          cause: describeError(error),
        });
        return null;
      });
    this.#raising = false;
    if (this.#ended || outcome === null) return;
    if (outcome.outcome === "raised") this.#reservedMicros = outcome.reservedMicros;
    else if (outcome.outcome === "ended") this.#dependencies.ended();
    else {
      this.#exhausted = true;
      if (this.#costMicros >= this.#reservedMicros) this.#dependencies.overspent();
    }
  }
}
