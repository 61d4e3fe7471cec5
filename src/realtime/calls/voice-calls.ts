/** Makes calls that were admitted, and keeps those whose sideband is in this process. */

import { ApiError } from "../../protocol/error.ts";
import type { Dialer } from "../../sockets/dialer.ts";
import type { SocketHandler } from "../../sockets/socket-upgrade.ts";
import { randomToken } from "../../tasks/ids.ts";
import type { Clock } from "../../tasks/ports/clock.ts";
import { describeError, type Log } from "../../tasks/ports/log.ts";
import type { WitnessMaker } from "../artefacts/witness.ts";
import { needsOf } from "../routing/session-needs.ts";
import type { VoiceHealth, VoiceRoute, VoiceWay } from "../routing/voice-route.ts";
import type { WayFailure } from "../routing/way-failure.ts";
import type { ClientDialect } from "../session/client-link.ts";
import { END, type SessionEnding } from "../session/endings.ts";
import {
  moveTo,
  openInStore,
  openingOn,
  planOf,
  stopping,
  type VoiceServiceOptions,
  voiceRouteOf,
} from "../session-opening.ts";
import type { Session, SessionCounters, SessionStore } from "../session-store.ts";
import { SessionUsage } from "../usage/counters.ts";
import type { JournalledCall, SessionJournal } from "../usage/session-journal.ts";
import { SessionRecord } from "../usage/session-record.ts";
import type { VoiceOpening } from "../voice-admission.ts";
import type { VoiceModels } from "../voice-models.ts";
import { UNWATCHED, type VoiceWatch } from "../voice-watch.ts";
import type { CallHttp } from "./call-http.ts";
import { offerRefused } from "./call-refusal.ts";
import { CallSession } from "./call-session.ts";
import type { HangUp } from "./hang-up.ts";

export type VoiceCallsDependencies = {
  readonly store: SessionStore;
  readonly models: VoiceModels;
  readonly dialer: Dialer;
  readonly http: CallHttp;
  readonly hangUp: HangUp;
  readonly health: VoiceHealth;
  readonly clock: Clock;
  readonly log: Log;
  readonly betaDialect: () => ClientDialect;
  readonly journal: SessionJournal;
  readonly watch?: VoiceWatch;
  readonly witness?: WitnessMaker;
};

/** One that is being made, or goes on. */
type OpenCall = {
  readonly keyId: string;
  /** Null until the provider has answered. */
  session: CallSession | null;
  /** Why it is to end as soon as it has been made. */
  ending: SessionEnding | null;
};

const ID_CHARACTERS = 21;
const SECOND_MS = 1_000;
/** Nothing was used, so nothing is owed. */
const UNUSED = { counters: {}, costMicros: 0 };

export class VoiceCalls {
  readonly #dependencies: VoiceCallsDependencies;
  readonly #options: VoiceServiceOptions;
  readonly #open = new Map<string, OpenCall>();
  #stopping = false;

  constructor(dependencies: VoiceCallsDependencies, options: VoiceServiceOptions) {
    this.#dependencies = dependencies;
    this.#options = options;
  }

  get openCount(): number {
    return this.#open.size;
  }

  keyIds(): string[] {
    return [...this.#open.values()].map(({ keyId }) => keyId);
  }

  /**
   * Hands the client's offer to the provider and answers with the provider's; the call is metered from then on. Rejects with
   * `too_many_connections`, `budget_exceeded`, `rate_limit_exceeded`, what is wrong with the key, or what the provider said.
   */
  async make(opening: VoiceOpening, sdp: string): Promise<string> {
    const { store, models, health, log } = this.#dependencies;
    const { id, keyId } = opening.draft;
    // First: what cannot be loaded leaves no call behind.
    const route = await voiceRouteOf(opening, models, health);
    if (this.#stopping) throw stopping();
    const first = openingOn(opening, route.way);
    const session = await openInStore(store, first, this.#options, this.#options.leaseMs);
    const { way } = route;
    const open: OpenCall = { keyId, session: null, ending: null };
    this.#open.set(id, open);
    try {
      const { callId, sdp: answer } = await this.#offer(opening, route, sdp);
      const made = openingOn(opening, route.way);
      const { provider, account, price } = moveTo(route.way);
      const held: Session = { ...session, provider, account, price };
      await this.#hold(held, callId, open, route.way !== way);
      this.#dependencies.journal.opened(held);
      this.#dependencies.journal.calling?.(id, { opening: made, callId });
      this.#run(held, made, route.way, callId, { joined: false, usage: new SessionUsage() });
      return answer;
    } catch (error) {
      this.#open.delete(id);
      const closeReason = open.ending?.reason ?? "provider_refused";
      await store.endSession(id, session.fence, { closeReason, ...UNUSED }).catch((cause: unknown) => {
        log.warn("a call that was not made could not be settled", {
          sessionId: id,
          cause: describeError(cause),
        });
      });
      throw error;
    }
  }

  /** Goes on with a call whose process was cut off. False when its record has ended. */
  async resume(
    session: Session,
    { opening, callId }: JournalledCall,
    counters: SessionCounters,
  ): Promise<boolean> {
    const { store, models } = this.#dependencies;
    const model = models.resolve(opening.modelName);
    const account = opening.draft.account ?? null;
    const endpoint = model.accounts.endpointOf(account);
    if (endpoint === null) throw new Error("The account of the call is not configured any more");
    await model.provider.prepare?.();
    const usage = new SessionUsage(counters);
    if (!(await store.renewSession(session.id, session.fence, this.#options.leaseMs, counters))) return false;
    this.#open.set(session.id, { keyId: session.keyId, session: null, ending: null });
    this.#run(session, opening, { model, account, endpoint }, callId, { joined: true, usage });
    return true;
  }

  /** What serves a client's own socket beside its call; null when the call is not held here. */
  control(sessionId: string, beta: boolean): SocketHandler | null {
    const { betaDialect } = this.#dependencies;
    return this.#open.get(sessionId)?.session?.control(beta ? betaDialect() : null) ?? null;
  }

  closeKey(keyId: string, why: string): void {
    for (const [id, { keyId: owner }] of this.#open) if (owner === keyId) this.close(id, END.keyEnded(why));
  }

  /** Ends one that is held here; false when it is not. */
  close(sessionId: string, ending: SessionEnding): boolean {
    const open = this.#open.get(sessionId);
    if (open === undefined) return false;
    if (open.session === null) open.ending ??= ending;
    else open.session.finish(ending);
    return true;
  }

  /** What a call has used until now; null when it is not held here. */
  usedNow(sessionId: string): SessionCounters | null {
    const session = this.#open.get(sessionId)?.session ?? null;
    session?.countTime();
    return session?.usage.snapshot() ?? null;
  }

  /** From here on no call is made; those that go on stay. */
  stopMaking(): void {
    this.#stopping = true;
  }

  /** Hangs up all; resolves when that is done, and the store has it. */
  async shutdown(): Promise<void> {
    this.#stopping = true;
    const running = [...this.#open].flatMap(([id, { session }]) => {
      this.close(id, END.shutdown);
      return session === null ? [] : [session.over];
    });
    await Promise.all(running);
  }

  /** Goes the way that the route has then. */
  async #offer(
    opening: VoiceOpening,
    route: VoiceRoute,
    sdp: string,
  ): Promise<{ sdp: string; callId: string }> {
    const { http, log } = this.#dependencies;
    const { intent, session } = opening;
    const needs = needsOf(session, { intent, transport: "webrtc" });
    for (;;) {
      const { way } = route;
      const { provider } = way.model;
      if (provider.calls === undefined) throw new Error("A call was admitted to a provider that takes none");
      const request = provider.calls.offer(planOf(opening, way), sdp, session);
      const answer = await http.offer(request, provider.calls);
      if (answer.outcome === "answered") {
        route.answered();
        return answer;
      }
      const { status, retryAfterSeconds } = answer;
      const sessionId = opening.draft.id;
      log.warn("a voice provider refused a call", { sessionId, provider: provider.name, status });
      const retryAfterMs = retryAfterSeconds === null ? null : retryAfterSeconds * SECOND_MS;
      const failure: WayFailure = { kind: "refused", status, retryAfterMs };
      // An offer that nobody answered may have become a call, which is made once.
      const mayRepeat = status !== null;
      if (!mayRepeat) route.failed(failure);
      if (!mayRepeat || route.next(failure, needs) === null) throw offerRefused(answer);
    }
  }

  /** Writes the call's id down before the client can use it. Hangs up and rejects when that fails, or the call is to end already. */
  async #hold(
    { id, fence, provider, account, price }: Session,
    callId: string,
    open: OpenCall,
    moved: boolean,
  ): Promise<void> {
    const { store, hangUp } = this.#dependencies;
    try {
      if (moved) await store.moveSession(id, fence, { provider, account, price });
      if ((await store.keepCall(id, fence, callId)) && open.ending === null) return;
      throw new ApiError("provider_unavailable", "The call was ended while it was made. Make a new one.");
    } catch (error) {
      // Without the provider's answer its client cannot use it.
      void hangUp.untilGone({ sessionId: id, provider, account, callId });
      throw error;
    }
  }

  #run(
    session: Session,
    opening: VoiceOpening,
    way: VoiceWay,
    callId: string,
    { joined, usage }: { readonly joined: boolean; readonly usage: SessionUsage },
  ): void {
    const { store, dialer, clock, log, hangUp, journal, watch, witness } = this.#dependencies;
    const { leaseMs, keepMs, renewMs, maxSessionMs } = this.#options;
    const { id, keyId, account } = session;
    const { model } = way;
    const provider = model.provider.name;
    const keeper = new SessionRecord(session, {
      ...{ store, clock, log, journal, leaseMs, keepMs, renewMs },
      price: model.price,
      ended: () => call.finish(END.terminated),
      overspent: () => call.finish(END.budgetExceeded(null)),
    });
    const { model: name, intent } = opening;
    const kept = witness?.(id, "webrtc") ?? null;
    const call: CallSession = new CallSession({
      plan: { ...planOf(opening, way), callId },
      provider: model.provider,
      keeper,
      limits: this.#options,
      dialer,
      clock,
      log,
      ...(kept !== null && { witness: kept }),
      watch: watch?.opened({ id, keyId, provider, model: name, intent, usage }) ?? UNWATCHED,
      usage,
      joined,
      remainingMs: Math.max(0, session.startedAt + maxSessionMs - clock.now()),
      newId: (prefix) => `${prefix}_${randomToken(ID_CHARACTERS)}`,
      hangUp: () => hangUp.untilGone({ sessionId: id, provider, account, callId }),
    });
    const open = this.#open.get(id);
    if (open !== undefined) open.session = call;
    void call.over.then(() => this.#open.delete(id));
    keeper.start(usage, () => call.countTime());
    call.start();
  }
}
