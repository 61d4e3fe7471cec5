/** The models of voice sessions, by every name that leads to them, and where each provider is reached. */

import { ApiError } from "../protocol/error.ts";
import type { VoiceAccounts } from "./routing/voice-accounts.ts";
import type { RealtimeProvider } from "./translator.ts";
import type { VoicePrice } from "./usage/session-price.ts";

/** One provider as a deployment has it. */
export type VoiceOffer = {
  readonly provider: RealtimeProvider;
  readonly accounts: VoiceAccounts;
  readonly models: readonly VoiceModelOffer[];
  /** Whether further names that begin so are taken as the provider's own, such as agents; null: only `models`. */
  readonly openEnded: {
    readonly pattern: RegExp;
    priceOf(providerModel: string): VoicePrice | null;
  } | null;
};

export type VoiceModelOffer = { readonly providerModel: string; readonly price: VoicePrice | null };

export type VoiceModel = {
  /** `<provider>/<providerModel>`. */
  readonly name: string;
  readonly providerModel: string;
  readonly provider: RealtimeProvider;
  /** Where it is reached, and under which account. */
  readonly accounts: VoiceAccounts;
  readonly price: VoicePrice;
};

export type VoiceModelNames = {
  /** `models.aliases`: other name → model name or another alias. */
  readonly aliases: Readonly<Record<string, string>>;
  /** Names of the field that lead to a model where nobody says otherwise. */
  readonly examples: Readonly<Record<string, string>>;
  /** `models.fallbacks`: model name → names of models that stand in for it; names of models of other kinds are passed over. */
  readonly fallbacks?: Readonly<Record<string, readonly string[]>>;
};

/** An alias of an alias of an alias is a circle or a mistake. */
const MAX_ALIAS_STEPS = 8;
/** Longer names are cut in messages. */
const SHOWN_CHARACTERS = 100;

export class VoiceModels {
  readonly #offers: ReadonlyMap<string, VoiceOffer>;
  readonly #aliases: Readonly<Record<string, string>>;
  readonly #examples: Readonly<Record<string, string>>;
  /** By a model's full name. */
  readonly #fallbacks = new Map<string, readonly VoiceModel[]>();
  /** What the operator should know, one sentence each. */
  readonly warnings: readonly string[];

  /** Earlier aliases overrule the built-in example names, which come in `examples`. */
  constructor(offers: readonly VoiceOffer[], { aliases, examples, fallbacks = {} }: VoiceModelNames) {
    this.#offers = new Map(offers.map((offer) => [offer.provider.name, offer]));
    this.#aliases = { ...examples, ...aliases };
    this.#examples = examples;
    this.warnings = [
      ...offers.flatMap(unpriced),
      ...Object.entries(fallbacks).flatMap(([name, others]) => this.#addFallbacks(name, others)),
    ];
  }

  get providers(): string[] {
    return [...this.#offers.keys()];
  }

  /** The names under which the setting `prices` may have a price; `*` stands for any further model of a provider. */
  get pricedNames(): string[] {
    return [...this.#offers.values()].flatMap(({ provider, models, openEnded }) => [
      ...models.map(({ providerModel }) => `${provider.name}/${providerModel}`),
      ...(openEnded === null ? [] : [`${provider.name}/*`]),
    ]);
  }

  /** A provider and its accounts; null when it is not configured. */
  providerNamed(name: string): Pick<VoiceOffer, "provider" | "accounts"> | null {
    return this.#offers.get(name) ?? null;
  }

  /** Every model that is listed by name. */
  list(): VoiceModel[] {
    return [...this.#offers.values()].flatMap((offer) =>
      offer.models.flatMap((model) => {
        const found = modelOf(offer, model.providerModel, model.price);
        return found === null ? [] : [found];
      }),
    );
  }

  /** Names that lead to a listed model, with it. */
  aliases(): { name: string; model: VoiceModel }[] {
    return Object.keys(this.#aliases).flatMap((name) => {
      const model = this.#find(name);
      return model === null ? [] : [{ name, model }];
    });
  }

  /** The model that a name leads to. Throws `model_not_found`, or `model_retired`, with `param: "model"`. */
  resolve(name: string): VoiceModel {
    const model = this.#find(name);
    if (model !== null) return model;
    const shown = JSON.stringify(name.slice(0, SHOWN_CHARACTERS));
    const names = this.list().map((one) => one.name);
    const offered = `Offered are ${names.slice(0, 5).join(", ")}; GET /v1/models lists all.`;
    const successor = Object.hasOwn(this.#examples, name) ? this.#examples[name] : undefined;
    if (successor !== undefined)
      throw new ApiError(
        "model_retired",
        `The voice model ${shown} is retired. Its successor is ${successor}, which is not offered here. ${offered}`,
        { param: "model" },
      );
    throw new ApiError("model_not_found", `There is no voice model ${shown} here. ${offered}`, {
      param: "model",
    });
  }

  /** Whether the name leads to a voice model. */
  has(name: string): boolean {
    return this.#find(name) !== null;
  }

  /** What stands in for a model, in order. */
  fallbacks({ name }: Pick<VoiceModel, "name">): readonly VoiceModel[] {
    return this.#fallbacks.get(name) ?? [];
  }

  /** Answers warnings. A fallback of a fallback is none of the model's. */
  #addFallbacks(name: string, others: readonly string[]): string[] {
    const model = this.#find(name);
    if (model === null) return [];
    const found = new Map<string, VoiceModel>();
    const warnings: string[] = [];
    for (const other of others) {
      const fallback = this.#find(other);
      if (fallback !== null && fallback.name !== model.name) found.set(fallback.name, fallback);
      else
        warnings.push(
          `models.fallbacks: ${JSON.stringify(other.slice(0, SHOWN_CHARACTERS))} cannot stand in for ${model.name}; it has to be another voice model that is offered.`,
        );
    }
    this.#fallbacks.set(model.name, [...found.values()]);
    return warnings;
  }

  #find(asked: string): VoiceModel | null {
    let name = asked;
    for (let step = 0; step <= MAX_ALIAS_STEPS; step += 1) {
      const model = this.#named(name);
      if (model !== null) return model;
      const next = Object.hasOwn(this.#aliases, name) ? this.#aliases[name] : undefined;
      if (next === undefined) return null;
      name = next;
    }
    return null;
  }

  /** By its full name, or by a provider's own name of it. */
  #named(name: string): VoiceModel | null {
    const slash = name.indexOf("/");
    const offer = slash < 0 ? undefined : this.#offers.get(name.slice(0, slash));
    if (offer !== undefined) return offered(offer, name.slice(slash + 1));
    for (const one of this.#offers.values()) {
      const model = one.models.find(({ providerModel }) => providerModel === name);
      if (model !== undefined) return modelOf(one, name, model.price);
    }
    return null;
  }
}

function offered(offer: VoiceOffer, providerModel: string): VoiceModel | null {
  const listed = offer.models.find((model) => model.providerModel === providerModel);
  if (listed !== undefined) return modelOf(offer, providerModel, listed.price);
  const { openEnded } = offer;
  return openEnded?.pattern.test(providerModel)
    ? modelOf(offer, providerModel, openEnded.priceOf(providerModel))
    : null;
}

/** A sentence for each model that is named and not offered, because nobody has priced it. */
function unpriced({ provider, models }: VoiceOffer): string[] {
  return models
    .filter(({ price }) => price === null)
    .map(
      ({ providerModel }) =>
        `${provider.name}/${providerModel} is not offered: its price is not known. Price it in the settings, such as {"prices":{"${provider.name}/${providerModel}":{"unit":"session","minuteUsd":0.1}}}, or declare it free with {"free":true}.`,
    );
}

/** Null for a model that nobody has priced. */
function modelOf(
  { provider, accounts }: VoiceOffer,
  providerModel: string,
  price: VoicePrice | null,
): VoiceModel | null {
  return price === null
    ? null
    : { name: `${provider.name}/${providerModel}`, providerModel, provider, accounts, price };
}
