/**
 * The way of one session to a provider: the model that was asked for and those that stand in for it, each under one of its accounts.
 * Another way is looked for as long as no response has begun; what is known of the accounts is shared by all sessions of a process.
 */

import { ApiError } from "../../protocol/error.ts";
import { accountsFor, type ProviderHealth } from "../../tasks/engine/provider-health.ts";
import type { UpstreamEndpoint } from "../translator.ts";
import type { VoiceModel } from "../voice-models.ts";
import { meets, type SessionNeeds } from "./session-needs.ts";
import { outcomeOf, scopeOf, type WayFailure } from "./way-failure.ts";

/** One model under one account. */
export type VoiceWay = {
  readonly model: VoiceModel;
  /** The account's name; null where the provider has only one. */
  readonly account: string | null;
  readonly endpoint: UpstreamEndpoint;
};

/** As far as it is used here. */
export type VoiceHealth = Pick<ProviderHealth, "choose" | "isResting" | "note">;

/** Ways that are tried for one session. */
const MOST_WAYS = 6;
const KIND = "realtime";

export class VoiceRoute {
  readonly #models: readonly VoiceModel[];
  readonly #health: VoiceHealth;
  /** Accounts of each model that are out of the question. */
  readonly #tried = new Map<VoiceModel, ReadonlySet<string | null>>();
  #ways = 1;
  #way: VoiceWay;

  /**
   * `models`: the one that was asked for, then those that stand in for it; at least one. Throws `provider_unavailable` when none of
   * its accounts may be used for any of them.
   */
  constructor(models: readonly VoiceModel[], health: VoiceHealth) {
    this.#models = models;
    this.#health = health;
    this.#way = this.#firstWay();
  }

  /** The way that is gone now. */
  get way(): VoiceWay {
    return this.#way;
  }

  /** The provider took the session. */
  answered(): void {
    this.#note({ kind: "answered" });
  }

  /** It could not be had, and the session goes nowhere else. */
  failed(failure: WayFailure): void {
    this.#note(outcomeOf(failure));
  }

  /** Whether there is another way after such a failure of this one, as far as is known now. Changes nothing. */
  hasOther(failure: WayFailure, needs: SessionNeeds): boolean {
    if (this.#ways >= MOST_WAYS || scopeOf(failure) === "session") return false;
    const out = this.#outAfter(failure);
    return this.#candidates(needs).some(
      (model) => !this.#health.isResting(model.accounts, model.providerModel, KIND, out(model)),
    );
  }

  /** Notes why this way failed, and takes the next one; null when there is none. */
  next(failure: WayFailure, needs: SessionNeeds): VoiceWay | null {
    const isOther = this.hasOther(failure, needs);
    const candidates = this.#candidates(needs);
    this.#note(outcomeOf(failure));
    if (!isOther) return null;
    this.#keepTried(failure);
    for (const model of candidates) {
      const way = this.#under(model, this.#triedOf(model));
      if (way === null) continue;
      this.#ways += 1;
      this.#way = way;
      return way;
    }
    return null;
  }

  #firstWay(): VoiceWay {
    const [asked] = this.#models;
    if (asked === undefined) throw new Error("A route has at least one model");
    for (const model of this.#models) {
      const way = this.#under(model, NONE);
      if (way !== null) return way;
    }
    // All of them rest: the one that was asked for may be back.
    const choice = this.#health.choose(asked.accounts, asked.providerModel, KIND, false);
    const account = choice.kind === "account" ? (choice.account?.name ?? null) : namesOf(asked)[0];
    if (account === undefined) throw noAccount(asked.name);
    return wayOf(asked, account);
  }

  #under(model: VoiceModel, out: ReadonlySet<string | null>): VoiceWay | null {
    const choice = this.#health.choose(model.accounts, model.providerModel, KIND, true, out);
    return choice.kind === "account" ? wayOf(model, choice.account?.name ?? null) : null;
  }

  /** The models that do what is asked, in their order. */
  #candidates(needs: SessionNeeds): VoiceModel[] {
    const [asked] = this.#models;
    return this.#models.filter(
      (model) =>
        model === this.#way.model ||
        meets(model.provider.capabilities, needs, {
          standsIn: model !== asked,
          sameVoices: model.provider.name === asked?.provider.name,
        }),
    );
  }

  /** The accounts of each model that are out of the question once this way has failed so. */
  #outAfter(failure: WayFailure): (model: VoiceModel) => ReadonlySet<string | null> {
    const scope = scopeOf(failure);
    const { model: failed, account, endpoint } = this.#way;
    return (model) => {
      const out = new Set(this.#triedOf(model));
      if (model.provider.name !== failed.provider.name) return out;
      if (scope === "account" || (scope === "rate" && model === failed)) out.add(account);
      const named = namesOf(model);
      if (scope === "model" && model === failed) for (const one of named) out.add(one);
      if (scope === "address" || (scope === "service" && model === failed))
        for (const one of named)
          if (model.accounts.endpointOf(one)?.baseUrl === endpoint.baseUrl) out.add(one);
      return out;
    };
  }

  #keepTried(failure: WayFailure): void {
    const outOf = this.#outAfter(failure);
    for (const model of this.#models) this.#tried.set(model, outOf(model));
  }

  #triedOf(model: VoiceModel): ReadonlySet<string | null> {
    return this.#tried.get(model) ?? NONE;
  }

  #note(outcome: ReturnType<typeof outcomeOf>): void {
    const { model, account } = this.#way;
    this.#health.note({ provider: model.provider.name, credential: account }, KIND, outcome);
  }
}

const NONE: ReadonlySet<string | null> = new Set();

function namesOf({ accounts, providerModel }: VoiceModel): (string | null)[] {
  return accountsFor(accounts, providerModel).map((account) => account?.name ?? null);
}

function noAccount(model: string): ApiError {
  return new ApiError(
    "provider_unavailable",
    `No account of this gateway may be used for ${model}. Whoever runs it has to look at the accounts' models.`,
    { shouldRetry: false },
  );
}

function wayOf(model: VoiceModel, account: string | null): VoiceWay {
  const endpoint = model.accounts.endpointOf(account);
  if (endpoint === null)
    throw new Error(`The account ${account} of ${model.accounts.name} is not configured`);
  return { model, account, endpoint };
}
