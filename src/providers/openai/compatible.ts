/** Providers that an operator adds by their address: whatever speaks OpenAI's images API, with the models the settings name. */

import type { SizeRule } from "../../protocol/model.ts";
import type { Price } from "../../tasks/ports/price.ts";
import type { ModelOffer, ProviderOffer } from "../catalogue.ts";
import type { OfferContext } from "../offer-context.ts";
import { accountsOf, type ConfiguredModel, type ProviderSettings } from "../provider-settings.ts";
import { PICTURE_TYPES } from "../upstream/requests/input-pictures.ts";
import { type ImageModelSpec, MAX_INPUT_PICTURES } from "./models.ts";
import { createImagesApi } from "./provider.ts";

const MICROS_PER_DOLLAR = 1_000_000;
/** Of a model whose sizes nobody named: the server refuses what it cannot make. */
const ANY_SIZE: SizeRule = {
  kind: "range",
  minSide: 16,
  maxSide: 8_192,
  multipleOf: 1,
  default: "1024x1024",
};
/** OpenAI's two names for the caller's own user, the newer one first. */
const USER_FIELDS = ["safety_identifier", "user"] as const;

/** One offer for each added provider. It needs no key: a server of one's own seldom has one. */
export function compatibleOffers(context: OfferContext): readonly ProviderOffer[] {
  return Object.entries(context.settings.providers).flatMap(([name, provider]) =>
    provider.kind === "openai-compatible" && provider.baseUrl !== null
      ? [offerOf(name, provider, provider.baseUrl, context)]
      : [],
  );
}

function offerOf(
  name: string,
  settings: ProviderSettings,
  baseUrl: string,
  context: OfferContext,
): ProviderOffer {
  const { clock, fetch, download } = context;
  const models = settings.models.flatMap((model) =>
    model.name === null ? [] : [{ ...model, name: model.name }],
  );
  const specs = models.map((model) => specOf(model));
  const provider = createImagesApi({
    name,
    title: name,
    accounts: accountsOf(settings),
    usualBaseUrl: baseUrl,
    models: specs,
    clock,
    fetch,
    download,
    maxFileBytes: context.settings.media.maxFileBytes,
  });
  const offers = models.map(
    (model, index): ModelOffer => ({
      providerModel: model.name,
      capabilities: (specs[index] as ImageModelSpec).capabilities,
      pricing: priceOf(model),
      // Nobody knows since when; OpenAI's shape wants a number.
      created: 0,
      aliases: model.aliases,
    }),
  );
  return { provider, models: offers };
}

function specOf(model: ConfiguredModel & { readonly name: string }): ImageModelSpec {
  const { sizes, furtherFields } = model;
  return {
    name: model.name,
    capabilities: {
      type: "image",
      maxN: model.maxN,
      sizes: sizes.length === 0 ? ANY_SIZE : { kind: "listed", sizes },
      qualities: model.qualities,
      styles: model.styles,
      backgrounds: model.backgrounds,
      outputFormats: model.outputFormats,
      seed: model.seed,
      durations: null,
      fps: null,
      inputs: model.edits
        ? { images: MAX_INPUT_PICTURES, mask: true, types: PICTURE_TYPES }
        : { images: 0, mask: false },
      measuredProgress: false,
      providerOptions: furtherFields,
      furtherFields,
    },
    imagesPerCall: model.imagesPerCall,
    responseFormat: model.responseFormat === "none" ? null : model.responseFormat,
    userField: USER_FIELDS.find((field) => furtherFields.includes(field)) ?? null,
    edits: model.edits,
    streaming: model.streaming,
    qualityWords: {},
    fitSize: (size) => size,
  };
}

/** The settings were checked: a model has a price, or is free. */
function priceOf({ pricePerImage }: ConfiguredModel): Price {
  return pricePerImage === null
    ? { kind: "free" }
    : { kind: "per_image", micros: Math.round(pricePerImage * MICROS_PER_DOLLAR) };
}
