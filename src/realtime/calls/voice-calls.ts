/** Makes calls that were admitted, and keeps those whose sideband is in this process. */

import { ApiError } from "../../protocol/error.ts";
import type { Dialer } from "../../sockets/dialer.ts";
import type { SocketHandler } from "../../sockets/socket-upgrade.ts";
import { randomToken } from "../../tasks/ids.ts";
import type { Clock } from "../../tasks/ports/clock.ts";
import { describeError, type Log } from "../../tasks/ports/log.ts";
import type { ClientDialect } from "../session/client-link.ts";
import { END, type SessionEnding } from "../session/endings.ts";
import { openInStore, planOf, stopping, type VoiceServiceOptions } from "../session-opening.ts";
import type { Session, SessionCounters, SessionStore } from "../session-store.ts";
import { SessionUsage } from "../usage/counters.ts";
import type { JournalledCall, SessionJournal } from "../usage/session-journal.ts";
import { StoreKeeper } from "../usage/store-keeper.ts";
import type { VoiceOpening } from "../voice-admission.ts";
import type { VoiceModel, VoiceModels } from "../voice-models.ts";
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
  readonly clock: Clock;
  readonly log: Log;
  readonly betaDialect: () => ClientDialect;
  readonly journal?: SessionJournal;
  readonly watch?: VoiceWatch;
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
    const { store, models, log } = this.#dependencies;
    const { id, keyId } = opening.draft;
    const model = models.resolve(opening.modelName);
    // First: what cannot be loaded leaves no call behind.
    await model.provider.prepare?.();
    if (this.#stopping) throw stopping();
    const session = await openInStore(store, opening, this.#options, this.#options.leaseMs);
    const open: OpenCall = { keyId, session: null, ending: null };
    this.#open.set(id, open);
    try {
      const answer = await this.#offer(opening, model, sdp);
      await this.#hold(session, answer.callId, open);
      this.#dependencies.journal?.opened(session, opening.modelName);
      this.#dependencies.journal?.calling?.(id, { opening, callId: answer.callId });
      this.#run(session, opening, model, answer.callId, { joined: false, usage: new SessionUsage() });
      return answer.sdp;
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
    await model.provider.prepare?.();
    const usage = new SessionUsage(counters);
    if (!(await store.renewSession(session.id, session.fence, this.#options.leaseMs, counters))) return false;
    this.#open.set(session.id, { keyId: session.keyId, session: null, ending: null });
    this.#run(session, opening, model, callId, { joined: true, usage });
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

  async #offer(
    opening: VoiceOpening,
    model: VoiceModel,
    sdp: string,
  ): Promise<{ sdp: string; callId: string }> {
    const { http, log } = this.#dependencies;
    const { provider } = model;
    if (provider.calls === undefined) throw new Error("A call was admitted to a provider that takes none");
    const request = provider.calls.offer(planOf(opening, model), sdp, opening.session);
    const answer = await http.offer(request, provider.calls);
    if (answer.outcome === "answered") return answer;
    const { status } = answer;
    log.warn("a voice provider refused a call", {
      sessionId: opening.draft.id,
      provider: provider.name,
      status,
    });
    throw offerRefused(answer);
  }

  /** Writes the call's id down before the client can use it. Hangs up and rejects when that fails, or the call is to end already. */
  async #hold({ id, fence, provider }: Session, callId: string, open: OpenCall): Promise<void> {
    const { store, hangUp } = this.#dependencies;
    try {
      if ((await store.keepCall(id, fence, callId)) && open.ending === null) return;
      throw new ApiError("provider_unavailable", "The call was ended while it was made. Make a new one.");
    } catch (error) {
      // Without the provider's answer its client cannot use it.
      void hangUp.untilGone({ sessionId: id, provider, callId });
      throw error;
    }
  }

  #run(
    session: Session,
    opening: VoiceOpening,
    model: VoiceModel,
    callId: string,
    { joined, usage }: { readonly joined: boolean; readonly usage: SessionUsage },
  ): void {
    const { store, dialer, clock, log, hangUp, journal, watch } = this.#dependencies;
    const { leaseMs, keepMs, renewMs, maxSessionMs } = this.#options;
    const { id, keyId } = session;
    const provider = model.provider.name;
    const keeper = new StoreKeeper(session, {
      ...{ store, clock, log, journal, leaseMs, keepMs, renewMs },
      price: model.price,
      ended: () => call.finish(END.terminated),
      overspent: () => call.finish(END.budgetExceeded(null)),
    });
    const { model: name, intent } = opening;
    const call: CallSession = new CallSession({
      plan: { ...planOf(opening, model), callId },
      provider: model.provider,
      keeper,
      limits: this.#options,
      dialer,
      clock,
      log,
      watch: watch?.opened({ id, keyId, provider, model: name, intent, usage }) ?? UNWATCHED,
      usage,
      joined,
      remainingMs: Math.max(0, session.startedAt + maxSessionMs - clock.now()),
      newId: (prefix) => `${prefix}_${randomToken(ID_CHARACTERS)}`,
      hangUp: () => hangUp.untilGone({ sessionId: id, provider, callId }),
    });
    const open = this.#open.get(id);
    if (open !== undefined) open.session = call;
    void call.over.then(() => this.#open.delete(id));
    keeper.start(usage, () => call.countTime());
    call.start();
  }
}
