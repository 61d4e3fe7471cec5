/**
 * The models this process offers, by every name that leads to them: their own names, names their provider declares,
 * the operator's aliases, and the example names of the field.
 */

import { listPrice } from "../accounts/prices/table.ts";
import { wirePrice } from "../accounts/prices/wire-price.ts";
import { ApiError } from "../protocol/error.ts";
import type { ModelCapabilities } from "../protocol/model.ts";
import type { TaskType } from "../protocol/task.ts";
import type { MediaProvider } from "../tasks/ports/media-provider.ts";
import type {
  ListedModel,
  ModelCatalogue,
  OfferedModel,
  OptionCheck,
  RequestCheck,
  UnofferedModel,
} from "../tasks/ports/model-catalogue.ts";
import { isJobPrice, type Price } from "../tasks/ports/price.ts";
import { EXAMPLE_NAMES, type ExampleName } from "./example-names.ts";

/** One model in a provider's table. */
export type ModelOffer = {
  /** The provider's own name of it. */
  readonly providerModel: string;
  readonly capabilities: ModelCapabilities;
  /** Absent: that of the table (accounts/prices). The operator's overrules both; a model without any is not offered. */
  readonly pricing?: Price;
  /** When it became available, Unix seconds. */
  readonly created: number;
  /** Finds fault with `provider_options` before a task is made of them; default: none but unknown names. */
  readonly checkOptions?: OptionCheck;
  /** Finds fault with a request that fits the capabilities; default: none. */
  readonly checkRequest?: RequestCheck;
  /** Names besides `<provider>/<providerModel>`: usually the provider's own, bare. */
  readonly aliases?: readonly string[];
};

/** A provider with what it offers. A provider without its key is not registered. */
export type ProviderOffer = { readonly provider: MediaProvider; readonly models: readonly ModelOffer[] };

export type CatalogueOptions = {
  offers: readonly ProviderOffer[];
  /** `models.aliases`: other name → model name or another alias. */
  aliases?: Readonly<Record<string, string>>;
  /** `models.fallbacks`: model name → names of models that stand in for it. */
  fallbacks?: Readonly<Record<string, readonly string[]>>;
  /** `prices`: a model's full name → its price. */
  prices?: Readonly<Record<string, Price | null>>;
  /** Full names of models that are offered by another part, such as voices: their prices are not idle. */
  pricedElsewhere?: ReadonlySet<string>;
};

/** The provider that is always there; while it is the only one, example names lead to its models. */
export const BUILT_IN_PROVIDER = "local";

/** An alias of an alias of an alias is a circle or a mistake. */
const MAX_ALIAS_STEPS = 8;
/** Longer names are cut in messages. */
const SHOWN_CHARACTERS = 100;
/** Models named in a message; the list route has the rest. */
const SHOWN_MODELS = 5;
const MADE = { image: "images", video: "videos", realtime: "speech" } as const satisfies Record<
  ExampleName["type"],
  string
>;

export class Catalogue implements ModelCatalogue {
  /** By provider name: what the engine runs steps with. */
  readonly providers: ReadonlyMap<string, MediaProvider>;
  /** What the operator should know, one sentence each. */
  readonly warnings: readonly string[];
  readonly #models = new Map<string, OfferedModel>();
  readonly #aliases = new Map<string, OfferedModel>();
  /** By a model's full name: what stands in for it. */
  readonly #fallbacks = new Map<string, readonly OfferedModel[]>();
  /** Example names that lead nowhere here. */
  readonly #examples = new Map<string, ExampleName>();
  /** Full names of models that are not offered for want of a price, with what is wrong and how to put it right. */
  readonly #unpriced = new Map<string, string>();
  readonly #list: readonly ListedModel[];

  /** Throws when two providers have one name, or two models do: mistakes of ours. */
  constructor(options: CatalogueOptions) {
    const warnings: string[] = [];
    this.providers = new Map(options.offers.map(({ provider }) => [provider.name, provider]));
    if (this.providers.size !== options.offers.length) throw new Error("Two providers have the same name");
    const { prices = {} } = options;
    for (const offer of options.offers) warnings.push(...this.#register(offer, prices));
    warnings.push(...this.#idlePrices(prices, options.pricedElsewhere ?? new Set()));
    for (const offer of options.offers) this.#addDeclaredAliases(offer);
    this.#addExampleNames();
    for (const [alias, target] of Object.entries(options.aliases ?? {})) {
      warnings.push(...this.#addAlias(alias, target, options.aliases ?? {}));
    }
    for (const [name, others] of Object.entries(options.fallbacks ?? {}))
      warnings.push(...this.#addFallbacks(name, others));
    this.warnings = warnings;
    this.#list = Object.freeze([
      ...[...this.#models.values()].map((model) => describe(model.name, model)),
      ...[...this.#aliases]
        .sort(([one], [other]) => (one < other ? -1 : 1))
        .map(([alias, model]) => describe(alias, model)),
    ]);
  }

  resolve(name: string, type: TaskType): OfferedModel {
    const model = this.#models.get(name) ?? this.#aliases.get(name);
    if (model === undefined) throw this.#unknown(name, type);
    if (model.capabilities.type === type) return model;
    throw notFound(
      `The model ${shown(name)} makes ${MADE[model.capabilities.type]}, not ${MADE[type]}. ${this.#offered(type)}`,
    );
  }

  /** Example names that lead to built-in models, because no other provider is offered. */
  standIns(): string[] {
    return EXAMPLE_NAMES.filter(({ name }) => this.#aliases.get(name)?.provider === BUILT_IN_PROVIDER).map(
      ({ name }) => name,
    );
  }

  fallbacks({ name }: OfferedModel): readonly OfferedModel[] {
    return this.#fallbacks.get(name) ?? [];
  }

  list(): readonly ListedModel[] {
    return this.#list;
  }

  notOffered(): UnofferedModel[] {
    // Models of voice sessions have a list of their own.
    const examples = [...this.#examples.values()]
      .filter(({ type }) => type !== "realtime")
      .map(({ name, successor }) => ({
        id: name,
        reason: `it leads to ${successor}, which is not offered: that needs its provider's key.`,
      }));
    return [...this.#unpriced].map(([id, reason]) => ({ id, reason })).concat(examples);
  }

  /** Answers warnings. */
  #register({ provider, models }: ProviderOffer, prices: Readonly<Record<string, Price | null>>): string[] {
    const warnings: string[] = [];
    for (const { providerModel, capabilities, created, checkOptions = noFault, ...offer } of models) {
      const name = `${provider.name}/${providerModel}`;
      if (this.#models.has(name)) throw new Error(`Two models have the name ${name}`);
      const own = Object.hasOwn(prices, name) ? prices[name] : null;
      const pricing = own ?? offer.pricing ?? listPrice(name);
      const fault = faultOf(pricing, capabilities.type);
      if (pricing === null || fault !== null || !isJobPrice(pricing)) {
        const reason = `${fault}. Price it in the settings, such as {"prices":{"${name}":${SAMPLE_PRICES[capabilities.type]}}}, or declare it free with {"free":true}.`;
        this.#unpriced.set(name, reason);
        warnings.push(`${name} is not offered: ${reason}`);
        continue;
      }
      this.#models.set(name, {
        name,
        provider: provider.name,
        providerModel,
        capabilities,
        pricing,
        ownPrice: (own ?? null) !== null,
        created,
        checkOptions,
        checkRequest: offer.checkRequest,
      });
    }
    return warnings;
  }

  /** Warnings of prices that price nothing. */
  #idlePrices(prices: Readonly<Record<string, Price | null>>, elsewhere: ReadonlySet<string>): string[] {
    return Object.keys(prices)
      .filter((name) => !this.#models.has(name) && !this.#unpriced.has(name) && !elsewhere.has(name))
      .map(
        (name) =>
          `prices: ${shown(name)} is no model that is offered here; a price stands under a model's full name, as GET /v1/models has it.`,
      );
  }

  #addDeclaredAliases({ provider, models }: ProviderOffer): void {
    for (const { providerModel, aliases = [] } of models) {
      const model = this.#models.get(`${provider.name}/${providerModel}`);
      for (const alias of aliases) {
        // The first provider that declares a name keeps it; the others' models have their full names.
        if (model !== undefined && !this.#models.has(alias) && !this.#aliases.has(alias))
          this.#aliases.set(alias, model);
      }
    }
  }

  #addExampleNames(): void {
    const alone = [...this.providers.keys()].every((name) => name === BUILT_IN_PROVIDER);
    for (const example of EXAMPLE_NAMES) {
      if (this.#models.has(example.name) || this.#aliases.has(example.name)) continue;
      const model = alone
        ? [...this.#models.values()].find(({ capabilities }) => capabilities.type === example.type)
        : this.#models.get(example.successor);
      if (model === undefined) this.#examples.set(example.name, example);
      else this.#aliases.set(example.name, model);
    }
  }

  /** Answers warnings. */
  #addAlias(alias: string, target: string, aliases: Readonly<Record<string, string>>): string[] {
    if (this.#models.has(alias)) {
      return [`models.aliases: ${shown(alias)} is the name of a model; the alias is ignored.`];
    }
    let name = target;
    for (let steps = 0; steps < MAX_ALIAS_STEPS; steps += 1) {
      const next = Object.hasOwn(aliases, name) && !this.#models.has(name) ? aliases[name] : undefined;
      if (next === undefined) break;
      name = next;
    }
    const model =
      this.#models.get(name) ?? (Object.hasOwn(aliases, name) ? undefined : this.#aliases.get(name));
    if (model === undefined) {
      this.#aliases.delete(alias);
      return [
        `models.aliases: ${shown(alias)} leads to ${shown(target)}, which is not offered; it answers model_not_found.`,
      ];
    }
    this.#aliases.set(alias, model);
    return [];
  }

  /** Answers warnings. A fallback of a fallback is none of the model's. */
  #addFallbacks(name: string, others: readonly string[]): string[] {
    const find = (one: string) => this.#models.get(one) ?? this.#aliases.get(one);
    const model = find(name);
    if (model === undefined)
      return [
        `models.fallbacks: ${shown(name)} is no model that is offered here; its fallbacks are ignored.`,
      ];
    const warnings: string[] = [];
    const found = new Set<OfferedModel>();
    for (const other of others) {
      const fallback = find(other);
      if (
        fallback !== undefined &&
        fallback !== model &&
        fallback.capabilities.type === model.capabilities.type
      )
        found.add(fallback);
      else
        warnings.push(
          `models.fallbacks: ${shown(other)} cannot stand in for ${shown(name)}; it has to be another model that is offered and makes ${MADE[model.capabilities.type]}.`,
        );
    }
    this.#fallbacks.set(model.name, [...found]);
    return warnings;
  }

  #unknown(name: string, type: TaskType): ApiError {
    if (this.#unpriced.has(name))
      return notFound(
        `The model ${shown(name)} has no price here and is not offered before an operator sets prices.${name}. ${this.#offered(type)}`,
      );
    const example = this.#examples.get(name);
    const offered = this.#offered(type);
    if (example === undefined) return notFound(`There is no model ${shown(name)}. ${offered}`);
    if (example.type !== type) {
      return notFound(`The model ${shown(name)} makes ${MADE[example.type]}, not ${MADE[type]}. ${offered}`);
    }
    const alone = [...this.providers.keys()].every((provider) => provider === BUILT_IN_PROVIDER);
    if (alone) return notFound(`The model ${shown(name)} is not offered here. ${offered}`);
    return new ApiError(
      "model_retired",
      `The model ${shown(name)} is retired. Its successor is ${example.successor}, which is not offered here. ${offered}`,
      { param: "model" },
    );
  }

  /** The model to use instead. */
  #offered(type: TaskType): string {
    const names = [...this.#models.values()]
      .filter(({ capabilities }) => capabilities.type === type)
      .map(({ name }) => name);
    if (names.length === 0) return `No model that makes ${MADE[type]} is offered.`;
    const some = names.slice(0, SHOWN_MODELS).join(", ");
    return `Models that make ${MADE[type]}: ${some}. GET /v1/models lists every name.`;
  }
}

const noFault: OptionCheck = () => null;

const SAMPLE_PRICES = {
  image: '{"unit":"image","usd":0.04}',
  video: '{"unit":"second","usd":0.1,"longestSeconds":10}',
} as const satisfies Record<TaskType, string>;
/** Kinds of prices that say what a piece of work costs. */
const PRICED_BY = {
  image: ["free", "per_image", "per_token", "per_megapixel"],
  video: ["free", "per_second", "per_video", "per_token"],
} as const satisfies Record<TaskType, readonly Price["kind"][]>;

/** Why a model cannot be offered at a price; null when it can. */
function faultOf(price: Price | null, type: TaskType): string | null {
  if (price === null) return "its price is not known";
  const kinds: readonly Price["kind"][] = PRICED_BY[type];
  return kinds.includes(price.kind) ? null : `its price is not one for ${MADE[type]}`;
}

function describe(id: string, model: OfferedModel): ListedModel {
  return {
    id,
    object: "model",
    created: model.created,
    owned_by: model.provider,
    provider: model.provider,
    aliasOf: id === model.name ? null : model.name,
    capabilities: model.capabilities,
    pricing: wirePrice(model.pricing),
  };
}

function notFound(message: string): ApiError {
  return new ApiError("model_not_found", message, { param: "model" });
}

function shown(name: string): string {
  return JSON.stringify(name.length <= SHOWN_CHARACTERS ? name : `${name.slice(0, SHOWN_CHARACTERS)}…`);
}
