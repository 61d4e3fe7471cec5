/**
 * Keeps a session's record in the store: renews its lease, writes what was used as it comes, and settles it at its end. A store that
 * fails for a moment costs nothing: counters only rise, and the next write has them all.
 */

import type { Clock, TimerHandle } from "../../tasks/ports/clock.ts";
import { describeError, type Log } from "../../tasks/ports/log.ts";
import type { SessionKeeper } from "../session/session.ts";
import type { Session, SessionStore } from "../session-store.ts";
import type { SessionUsage } from "./counters.ts";
import { reservationOf, type SessionPrice, sessionCost } from "./session-price.ts";

export type StoreKeeperDependencies = {
  readonly store: Pick<SessionStore, "renewSession" | "endSession">;
  readonly clock: Pick<Clock, "after">;
  readonly log: Log;
  readonly price: SessionPrice;
  /** Without a renewal the session counts as lost after this, ms. */
  readonly leaseMs: number;
  /** Between two renewals, ms; at most half of the lease. */
  readonly renewMs: number;
  /** The record was ended by somebody else: its owner, an operator, a sweep. */
  ended(): void;
  /** What was used comes to more than may be spent. */
  overspent(): void;
};

export class StoreKeeper implements SessionKeeper {
  readonly #dependencies: StoreKeeperDependencies;
  readonly #session: Session;
  #usage: SessionUsage | null = null;
  #timer: TimerHandle | null = null;
  #ended = false;

  constructor(session: Session, dependencies: StoreKeeperDependencies) {
    this.#session = session;
    this.#dependencies = dependencies;
  }

  /** Begins to renew. `usage` is what is written. */
  start(usage: SessionUsage, countTime: () => void): void {
    this.#usage = usage;
    this.#renewLater(countTime);
  }

  used(usage: SessionUsage): void {
    if (this.#cost(usage) > this.#session.reservedMicros && this.#isPaid()) this.#dependencies.overspent();
  }

  mayRespond(): boolean {
    return !this.#isPaid() || this.#usage === null || this.#cost(this.#usage) < this.#session.reservedMicros;
  }

  ended(reason: string, usage: SessionUsage): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#timer?.cancel();
    const { store, log } = this.#dependencies;
    const { id, fence, reservedMicros } = this.#session;
    const counters = usage.snapshot();
    const chargedMicros = Math.min(reservedMicros, sessionCost(this.#dependencies.price, counters));
    store.endSession(id, fence, { closeReason: reason, counters, chargedMicros }).then(
      () =>
        log.info("voice session ended", {
          sessionId: id,
          reason,
          chargedMicros,
          sessionMs: counters.sessionMs,
        }),
      // Its lease runs out: the sweep settles it by the counters that were written last.
      (error: unknown) =>
        log.error("a voice session could not be settled at its end", {
          sessionId: id,
          cause: describeError(error),
        }),
    );
  }

  #cost(usage: SessionUsage): number {
    return sessionCost(this.#dependencies.price, usage.snapshot());
  }

  #isPaid(): boolean {
    return reservationOf(this.#dependencies.price) > 0;
  }

  #renewLater(countTime: () => void): void {
    const { clock, renewMs, store, leaseMs, log } = this.#dependencies;
    this.#timer = clock.after(renewMs, () => {
      countTime();
      const counters = this.#usage?.snapshot() ?? {};
      const { id, fence } = this.#session;
      store.renewSession(id, fence, leaseMs, counters).then(
        (open) => {
          if (this.#ended) return;
          if (open) this.#renewLater(countTime);
          else this.#dependencies.ended();
        },
        (error: unknown) => {
          log.warn("a voice session's record could not be written", {
            sessionId: id,
            cause: describeError(error),
          });
          if (!this.#ended) this.#renewLater(countTime);
        },
      );
    });
  }
}
