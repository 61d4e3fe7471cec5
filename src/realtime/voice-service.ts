/** Opens voice sessions: who may, with which model, and at what price; and keeps those that are open in this process. */

import { type Principal, requireModel, requirePermission } from "../accounts/principal.ts";
import { ApiError } from "../protocol/error.ts";
import type { Json } from "../protocol/task.ts";
import type { Dialer } from "../sockets/dialer.ts";
import type { SocketHandler } from "../sockets/socket-upgrade.ts";
import { randomToken } from "../tasks/ids.ts";
import type { Clock } from "../tasks/ports/clock.ts";
import type { Log } from "../tasks/ports/log.ts";
import { startRefused } from "../tasks/refusals.ts";
import type { ClientDialect } from "./session/client-link.ts";
import { END, type SessionEnding } from "./session/endings.ts";
import { VoiceSession, type VoiceSessionLimits } from "./session/session.ts";
import type { UpstreamCall } from "./session/upstream-link.ts";
import type { SessionDraft, SessionLimits, SessionStore } from "./session-store.ts";
import { reservationOf, type SessionPrice } from "./usage/session-price.ts";
import { StoreKeeper } from "./usage/store-keeper.ts";
import type { VoiceModel, VoiceModels } from "./voice-models.ts";

/** What a client asks for. */
export type VoiceRequest = {
  readonly principal: Principal;
  /** Null: the default. */
  readonly model: string | null;
  readonly intent: "conversation" | "transcription";
  readonly customer: string | null;
  /** The client speaks the beta names. */
  readonly beta: boolean;
  /** GA session fields that come with the key. */
  readonly session: Readonly<Record<string, Json>>;
};

/** A request that was admitted: everything a session is opened with, wherever that happens. JSON. */
export type VoiceOpening = {
  readonly draft: SessionDraft;
  /** The name the client used. */
  readonly model: string;
  /** The full name of the model it leads to. */
  readonly modelName: string;
  readonly intent: "conversation" | "transcription";
  readonly beta: boolean;
  readonly session: Readonly<Record<string, Json>>;
};

export type VoiceServiceOptions = VoiceSessionLimits &
  SessionLimits & {
    readonly defaultModel: string;
    /** GA session fields of sessions that say nothing. */
    readonly defaults: Readonly<Record<string, Json>>;
    readonly leaseMs: number;
    readonly renewMs: number;
  };

export type VoiceServiceDependencies = {
  readonly store: SessionStore;
  readonly models: VoiceModels;
  readonly dialer: Dialer;
  readonly call: UpstreamCall;
  readonly clock: Clock;
  readonly log: Log;
  newSessionId(): string;
  /** The names of beta clients; null where they are not spoken. */
  readonly betaDialect: (() => ClientDialect) | null;
};

const ID_CHARACTERS = 21;
/** `Retry-After` of a refused session, seconds. */
const RETRY_SECONDS = 5;

export class VoiceService {
  readonly #dependencies: VoiceServiceDependencies;
  readonly #options: VoiceServiceOptions;
  readonly #open = new Map<string, { session: VoiceSession; keyId: string }>();

  constructor(dependencies: VoiceServiceDependencies, options: VoiceServiceOptions) {
    this.#dependencies = dependencies;
    this.#options = options;
  }

  get models(): VoiceModels {
    return this.#dependencies.models;
  }

  /** Sessions open in this process. */
  get openCount(): number {
    return this.#open.size;
  }

  /** The keys that have a session open here. */
  keyIds(): string[] {
    return [...this.#open.values()].map(({ keyId }) => keyId);
  }

  /** Throws `permission_denied`, `model_not_found` or `model_not_allowed`. */
  admit(request: VoiceRequest): VoiceOpening {
    const { principal, intent, customer, beta } = request;
    requirePermission(principal, "realtime");
    const name = request.model ?? this.#options.defaultModel;
    const model = this.#dependencies.models.resolve(name);
    requireModel(principal, name, model.name);
    return {
      draft: {
        id: this.#dependencies.newSessionId(),
        ...principal.tenant,
        customer,
        provider: model.provider.name,
        model: name,
        reservedMicros: reservationOf(model.price),
      },
      model: name,
      modelName: model.name,
      intent,
      beta,
      session: { ...this.#options.defaults, ...request.session },
    };
  }

  /** Opens it in the store and answers what serves its socket. Rejects with `too_many_connections`, `budget_exceeded`, `rate_limit_exceeded` or what is wrong with the key. */
  async open(opening: VoiceOpening): Promise<SocketHandler> {
    const { store } = this.#dependencies;
    const { maxPerKey, max, leaseMs } = this.#options;
    const outcome = await store.openSession(opening.draft, { maxPerKey, max }, leaseMs);
    if (outcome.outcome === "too_many") throw tooMany(outcome.limit, outcome.open);
    if (outcome.outcome !== "opened")
      throw startRefused(outcome, opening.draft.reservedMicros, opening.draft);
    const model = this.#dependencies.models.resolve(opening.modelName);
    const keeper = new StoreKeeper(outcome.session, {
      ...this.#keeperParts(model.price),
      ended: () => session.finish(END.terminated),
      overspent: () => session.finish(END.budgetExceeded(null)),
    });
    const session: VoiceSession = this.#session(opening, model, keeper);
    this.#open.set(opening.draft.id, { session, keyId: opening.draft.keyId });
    keeper.start(session.usage, () => session.countTime());
    return session;
  }

  /** Ends the sessions of a key that are open here. */
  closeKey(keyId: string, why: string): void {
    for (const { session, keyId: owner } of this.#open.values())
      if (owner === keyId) session.finish(END.keyEnded(why));
  }

  /** Ends one that is open here; false when it is not. */
  close(sessionId: string, ending: SessionEnding): boolean {
    const open = this.#open.get(sessionId);
    open?.session.finish(ending);
    return open !== undefined;
  }

  /** Ends all: the process stops. */
  shutdown(): void {
    for (const { session } of [...this.#open.values()]) session.finish(END.shutdown);
  }

  #keeperParts(price: SessionPrice) {
    const { store, clock, log } = this.#dependencies;
    const { leaseMs, renewMs } = this.#options;
    return { store, clock, log, price, leaseMs, renewMs };
  }

  #session(opening: VoiceOpening, model: VoiceModel, keeper: StoreKeeper): VoiceSession {
    const { dialer, call, clock, log, betaDialect } = this.#dependencies;
    const id = opening.draft.id;
    return new VoiceSession({
      plan: {
        sessionId: `sess_${id}`,
        model: opening.model,
        providerModel: model.providerModel,
        intent: opening.intent,
        session: opening.session,
        endpoint: model.endpoint,
        customer: opening.draft.customer,
      },
      provider: model.provider,
      dialect: opening.beta ? (betaDialect?.() ?? null) : null,
      keeper: {
        used: (usage) => keeper.used(usage),
        mayRespond: () => keeper.mayRespond(),
        ended: (reason, usage) => {
          this.#open.delete(id);
          keeper.ended(reason, usage);
        },
      },
      limits: this.#options,
      dialer,
      call,
      clock,
      log,
      newId: (prefix) => `${prefix}_${randomToken(ID_CHARACTERS)}`,
    });
  }
}

function tooMany(limit: "key" | "all", open: number): ApiError {
  const message =
    limit === "key"
      ? `This key has ${open} voice sessions open, as many as it may. End one: GET /v1/realtime/connections lists them.`
      : "As many voice sessions are open as this gateway takes. Try again later.";
  return new ApiError("too_many_connections", message, { retryAfterSeconds: RETRY_SECONDS });
}
