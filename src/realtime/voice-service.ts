/** Opens voice sessions that were admitted, and keeps those that are open in this process. */

import type { Dialer } from "../sockets/dialer.ts";
import type { SocketHandler } from "../sockets/socket-upgrade.ts";
import { randomToken } from "../tasks/ids.ts";
import type { Clock } from "../tasks/ports/clock.ts";
import type { Log } from "../tasks/ports/log.ts";
import type { WitnessMaker } from "./artefacts/witness.ts";
import type { CallHttp } from "./calls/call-http.ts";
import type { HangUp } from "./calls/hang-up.ts";
import { VoiceCalls } from "./calls/voice-calls.ts";
import { needsOf } from "./routing/session-needs.ts";
import type { VoiceHealth, VoiceRoute, VoiceWay } from "./routing/voice-route.ts";
import type { ClientDialect } from "./session/client-link.ts";
import { END, type SessionEnding } from "./session/endings.ts";
import { VoiceSession } from "./session/session.ts";
import type { UpstreamCall } from "./session/upstream-link.ts";
import {
  moveTo,
  openInStore,
  openingOn,
  outlineOf,
  stopping,
  type VoiceServiceOptions,
  voiceRouteOf,
} from "./session-opening.ts";
import type { SessionCounters, SessionStore } from "./session-store.ts";
import { isBillId } from "./translators/bill-dialects.ts";
import { SessionUsage } from "./usage/counters.ts";
import type { ProviderBills } from "./usage/provider-bills.ts";
import type { SessionJournal } from "./usage/session-journal.ts";
import type { VoicePrice } from "./usage/session-price.ts";
import { SessionRecord } from "./usage/session-record.ts";
import type { VoiceOpening } from "./voice-admission.ts";
import type { VoiceModels } from "./voice-models.ts";
import type { VoiceWatch } from "./voice-watch.ts";

export type VoiceServiceDependencies = {
  readonly store: SessionStore;
  readonly models: VoiceModels;
  readonly dialer: Dialer;
  readonly call: UpstreamCall;
  readonly callHttp: CallHttp;
  readonly hangUp: HangUp;
  /** Asks providers what they bill. */
  readonly bills: ProviderBills;
  /** What is known of the providers' accounts. */
  readonly health: VoiceHealth;
  readonly clock: Clock;
  readonly log: Log;
  /** The names of beta clients. */
  readonly betaDialect: () => ClientDialect;
  /** Keeps what sessions used besides the store. */
  readonly journal: SessionJournal;
  /** Default: nobody looks on. */
  readonly watch?: VoiceWatch;
  /** Makes who keeps what is said in a session. Default: nothing is kept. */
  readonly witness?: WitnessMaker;
};

const ID_CHARACTERS = 21;

export class VoiceService {
  /** Those whose sound goes past the gateway. */
  readonly calls: VoiceCalls;
  readonly #dependencies: VoiceServiceDependencies;
  readonly #options: VoiceServiceOptions;
  readonly #open = new Map<string, { session: VoiceSession; keyId: string }>();

  /** Sessions that have ended, and are not in the store yet. */
  readonly #settling = new Set<Promise<void>>();
  #stopping = false;

  constructor(dependencies: VoiceServiceDependencies, options: VoiceServiceOptions) {
    this.#dependencies = dependencies;
    this.#options = options;
    this.calls = new VoiceCalls({ ...dependencies, http: dependencies.callHttp }, options);
  }

  /** Sessions open in this process. */
  get openCount(): number {
    return this.#open.size + this.calls.openCount;
  }

  /** The keys that have a session open here. */
  keyIds(): string[] {
    return [...[...this.#open.values()].map(({ keyId }) => keyId), ...this.calls.keyIds()];
  }

  /** Opens it in the store and answers what serves its socket. Rejects with `too_many_connections`, `budget_exceeded`, `rate_limit_exceeded`, `overloaded` while the process stops, or what is wrong with the key. */
  async open(opening: VoiceOpening): Promise<SocketHandler> {
    const { store, models, health } = this.#dependencies;
    // First: what cannot be loaded leaves no session behind.
    const route = await voiceRouteOf(opening, models, health);
    if (this.#stopping) throw stopping();
    const first = openingOn(opening, route.way);
    const opened = await openInStore(store, first, this.#options, this.#options.leaseMs);
    const keeper = new SessionRecord(opened, {
      ...this.#keeperParts(route.way.model.price),
      ended: () => session.finish(END.terminated),
      overspent: () => session.finish(END.budgetExceeded(null)),
    });
    const session: VoiceSession = this.#session(opening, route, keeper);
    this.#open.set(opening.draft.id, { session, keyId: opening.draft.keyId });
    this.#dependencies.journal.opened(opened);
    keeper.start(session.usage, () => session.countTime());
    return session;
  }

  /** Ends the sessions of a key that are open here. */
  closeKey(keyId: string, why: string): void {
    for (const { session, keyId: owner } of this.#open.values())
      if (owner === keyId) session.finish(END.keyEnded(why));
    this.calls.closeKey(keyId, why);
  }

  /** Ends one that is open here; false when it is not. */
  close(sessionId: string, ending: SessionEnding): boolean {
    const open = this.#open.get(sessionId);
    open?.session.finish(ending);
    return open !== undefined || this.calls.close(sessionId, ending);
  }

  /** What a session has used until now; null when it is not open here. */
  usedNow(sessionId: string): SessionCounters | null {
    const open = this.#open.get(sessionId);
    if (open === undefined) return this.calls.usedNow(sessionId);
    open.session.countTime();
    return open.session.usage.snapshot();
  }

  /** From here on no session is opened; those that are open go on. */
  stopOpening(): void {
    this.#stopping = true;
    this.calls.stopMaking();
  }

  /** Ends all: the process stops. Resolves once calls are hung up, and the store has what each session used or could not be told. */
  async shutdown(): Promise<void> {
    this.#stopping = true;
    this.#dependencies.bills.stop();
    for (const { session } of [...this.#open.values()]) session.finish(END.shutdown);
    await Promise.all([this.calls.shutdown(), ...this.#settling]);
  }

  /** Undefined where the provider keeps none, or did not name the session. */
  #billOf({ model, endpoint }: VoiceWay, id: string | null): (() => Promise<number | null>) | undefined {
    const dialect = model.provider.bills;
    if (dialect === undefined || id === null || !isBillId(id)) return undefined;
    return () => this.#dependencies.bills.billedMs({ dialect, endpoint, id });
  }

  #keeperParts(price: VoicePrice) {
    const { store, clock, log, journal } = this.#dependencies;
    const { leaseMs, keepMs, renewMs } = this.#options;
    return { store, clock, log, journal, price, leaseMs, keepMs, renewMs };
  }

  #session(opening: VoiceOpening, route: VoiceRoute, keeper: SessionRecord): VoiceSession {
    const { models, dialer, call, clock, log, betaDialect, watch, witness } = this.#dependencies;
    const { id, keyId } = opening.draft;
    const usage = new SessionUsage();
    const { model: name, intent } = opening;
    const sessionWatch = watch?.opened({
      id,
      keyId,
      provider: route.way.model.provider.name,
      model: name,
      intent,
      usage,
    });
    const kept = witness?.(id, "socket") ?? null;
    return new VoiceSession({
      plan: outlineOf(opening),
      asked: models.resolve(opening.model).name,
      needs: needsOf(opening.session, { intent, transport: "socket" }),
      route,
      moved: (way) => {
        keeper.moved(moveTo(way));
        sessionWatch?.moved(way.model.provider.name);
      },
      dialect: opening.beta ? betaDialect() : null,
      keeper: {
        get costMicros() {
          return keeper.costMicros;
        },
        used: (counters) => keeper.used(counters),
        mayRespond: () => keeper.mayRespond(),
        ended: (reason, usage, providerSessionId) => {
          this.#open.delete(id);
          const settled = keeper.ended(reason, usage, this.#billOf(route.way, providerSessionId));
          const settling = Promise.all([settled, kept?.ended()])
            .then(() => {})
            .finally(() => this.#settling.delete(settling));
          this.#settling.add(settling);
        },
      },
      limits: this.#options,
      dialer,
      call,
      clock,
      log,
      usage,
      ...(sessionWatch && { watch: sessionWatch }),
      ...(kept !== null && { witness: kept }),
      newId: (prefix) => `${prefix}_${randomToken(ID_CHARACTERS)}`,
    });
  }
}
