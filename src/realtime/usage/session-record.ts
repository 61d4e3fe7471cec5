/**
 * A session's record in the store: its lease is renewed, what was used is written as it comes, and it is settled at the end. A
 * store that fails for a moment costs nothing: counters only rise, and the next write has them all. Its money: session-hold.ts.
 */

import type { Clock, TimerHandle } from "../../tasks/ports/clock.ts";
import { describeError, type Log } from "../../tasks/ports/log.ts";
import type { SessionKeeper } from "../session/session.ts";
import type { Session, SessionCounters, SessionMove, SessionStore } from "../session-store.ts";
import type { SessionUsage } from "./counters.ts";
import { SessionHold } from "./session-hold.ts";
import type { SessionJournal } from "./session-journal.ts";
import { reservationOf, sessionCost, sessionPriceOf, type VoicePrice } from "./session-price.ts";

export type SessionRecordDependencies = {
  readonly store: Pick<
    SessionStore,
    "renewSession" | "moveSession" | "raiseHold" | "endSession" | "settleSession"
  >;
  readonly clock: Pick<Clock, "after" | "monotonic">;
  readonly log: Log;
  readonly journal: SessionJournal;
  /** What it costs until it is moved. */
  readonly price: VoicePrice;
  /** Without a renewal the session counts as lost after this, ms. */
  readonly leaseMs: number;
  /** Between two looks at what was used, ms: the journal is told of it. */
  readonly keepMs: number;
  /** Between two renewals, ms; at most half of the lease. */
  readonly renewMs: number;
  /** The record was ended by somebody else: its owner, an operator, a sweep. */
  ended(): void;
  /** What was used comes to all that may be spent. */
  overspent(): void;
};

/** Between two moments at which sessions look at what was used, ms. */
const LOOKS_MS = 1_000;
/** Sessions that were opened together look first at so many different moments. */
const FIRST_LOOKS = 5;

export class SessionRecord implements Omit<SessionKeeper, "ended"> {
  readonly #dependencies: SessionRecordDependencies;
  readonly #hold: SessionHold;
  #session: Session;
  #price: VoicePrice;
  /** What the record is to be told of where the session goes; null once it has been. */
  #unwrittenMove: SessionMove | null = null;
  /** Moves are written one after the other: the last one is what stands. */
  #writingMove: Promise<void> = Promise.resolve();
  #costMicros = 0;
  #counted: { readonly usage: SessionUsage; readonly countTime: () => void } | null = null;
  #tick: TimerHandle | null = null;
  /** The look with which the last renewal began, monotonic. */
  #renewedAt = 0;
  #renewing = false;
  #ended = false;

  constructor(session: Session, dependencies: SessionRecordDependencies) {
    this.#session = session;
    this.#dependencies = dependencies;
    this.#hold = new SessionHold(session, dependencies);
    this.#price = dependencies.price;
  }

  /** What the session has cost so far. */
  get costMicros(): number {
    return this.#costMicros;
  }

  /** Begins to renew. `countTime` brings the usage up to now. */
  start(usage: SessionUsage, countTime: () => void): void {
    const { clock, keepMs } = this.#dependencies;
    this.#counted = { usage, countTime };
    this.#renewedAt = clock.monotonic();
    this.#lookAt(this.#renewedAt + keepMs * shareOf(this.#session.id));
  }

  used(counters: SessionCounters): void {
    const { journal } = this.#dependencies;
    journal.keep(this.#session.id, counters);
    this.#costMicros = sessionCost(this.#price, counters);
    this.#hold.spent(this.#costMicros, reservationOf(this.#price));
  }

  /** It goes on with another provider: all of it costs what that one does. */
  moved(move: SessionMove): void {
    this.#session = { ...this.#session, ...move };
    this.#price = sessionPriceOf(move.price);
    this.#unwrittenMove = move;
    this.#dependencies.journal.moved?.(this.#session);
    void this.#writeMove();
  }

  mayRespond(): boolean {
    return this.#hold.mayRespond();
  }

  /** It goes on being metered until it has ended for this reason. */
  ending(reason: string): void {
    this.#dependencies.journal.ending?.(this.#session.id, reason);
  }

  /** Renews no more: the lease runs out, and whoever finds the session settles it. */
  released(): void {
    this.#ended = true;
    this.#hold.end();
    this.#tick?.cancel();
  }

  /**
   * Resolves once the store has it, or could not be told. `billedMs`: what the provider says that it bills, where it says so
   * afterwards; the session has ended meanwhile, and is settled then.
   */
  async ended(reason: string, usage: SessionUsage, billedMs?: () => Promise<number | null>): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#hold.end();
    this.#tick?.cancel();
    const counters = usage.snapshot();
    this.#dependencies.journal.keep(this.#session.id, counters);
    const asks = billedMs !== undefined && this.#price.kind !== "free" && (this.#price.minuteMicros ?? 0) > 0;
    await this.#settle(reason, counters, asks ? billedMs : null);
  }

  /** A record that could not be told is told at the next renewal. Rejects never. */
  #writeMove(): Promise<void> {
    if (this.#unwrittenMove !== null) this.#writingMove = this.#writingMove.then(() => this.#writeLastMove());
    return this.#writingMove;
  }

  async #writeLastMove(): Promise<void> {
    const move = this.#unwrittenMove;
    if (move === null) return;
    const { store, log } = this.#dependencies;
    const { id, fence } = this.#session;
    try {
      await store.moveSession(id, fence, move);
      if (this.#unwrittenMove === move) this.#unwrittenMove = null;
    } catch (error) {
      log.warn("a voice session's record could not be told where it goes", {
        sessionId: id,
        cause: describeError(error),
      });
    }
  }

  async #settle(
    reason: string,
    metered: ReturnType<SessionUsage["snapshot"]>,
    billedMs: (() => Promise<number | null>) | null,
  ): Promise<void> {
    const { store, log, journal } = this.#dependencies;
    const { id, fence } = this.#session;
    try {
      await this.#writeMove();
      let counters = metered;
      const meteredMicros = sessionCost(this.#price, metered);
      const end = { closeReason: reason, counters: metered };
      await store.endSession(id, fence, { ...end, costMicros: billedMs === null ? meteredMicros : null });
      if (billedMs !== null) {
        const billed = await billedMs();
        if (billed !== null) counters = { ...metered, billedMs: Math.round(billed) };
        await store.settleSession(id, fence, sessionCost(this.#price, counters), counters);
      }
      const costMicros = sessionCost(this.#price, counters);
      const chargedMicros = Math.min(this.#hold.reservedMicros, costMicros);
      journal.ended(id);
      const { keyId, provider, model } = this.#session;
      const { sessionMs, responses, interruptions, firstAudioMs } = counters;
      const line = { sessionId: id, keyId, provider, model, reason, chargedMicros, sessionMs };
      log.info("voice session ended", { ...line, responses, interruptions, firstAudioMs });
      if (costMicros > chargedMicros)
        log.warn("a voice session cost more than was reserved", { sessionId: id, costMicros, chargedMicros });
    } catch (error) {
      // Its lease runs out: the sweep settles it by the counters that were written last, or the journal by its own.
      const cause = describeError(error);
      log.error("a voice session could not be settled at its end", { sessionId: id, cause });
    }
  }

  /**
   * Looks at what was used at this moment, monotonic, or up to `LOOKS_MS` later: sessions look together, so that a store takes what
   * they write with one commit.
   */
  #lookAt(due: number): void {
    const { clock, keepMs, renewMs } = this.#dependencies;
    const at = Math.ceil(due / LOOKS_MS) * LOOKS_MS;
    this.#tick = clock.after(Math.max(0, at - clock.monotonic()), () => {
      const session = this.#counted;
      if (session === null || this.#ended) return;
      session.countTime();
      const counters = session.usage.snapshot();
      this.used(counters);
      if (this.#ended) return;
      if (at >= this.#renewedAt + renewMs) this.#renew(at, counters);
      this.#lookAt(Math.max(at, clock.monotonic() - keepMs) + keepMs);
    });
  }

  #renew(at: number, counters: SessionCounters): void {
    if (this.#ended || this.#renewing) return;
    this.#renewing = true;
    void this.#writeMove();
    const { store, leaseMs, log } = this.#dependencies;
    this.#renewedAt = at;
    const { id, fence } = this.#session;
    store.renewSession(id, fence, leaseMs, counters).then(
      (open) => {
        this.#renewing = false;
        if (!open && !this.#ended) this.#dependencies.ended();
      },
      (error: unknown) => {
        this.#renewing = false;
        log.warn("a voice session's record could not be written", {
          sessionId: id,
          cause: describeError(error),
        });
      },
    );
  }
}

/** The share of the time between two looks after which a session looks first: by its id, whose end is random. */
function shareOf(sessionId: string): number {
  return ((sessionId.charCodeAt(sessionId.length - 1) % FIRST_LOOKS) + 1) / FIRST_LOOKS;
}
