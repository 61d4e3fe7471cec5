/** Every provider that the settings allow. A new provider is a new folder beside this file, and a line in the table. */

import { fluxOffers } from "./bfl/offer.ts";
import type { ProviderOffer } from "./catalogue.ts";
import { falOffers } from "./fal/offer.ts";
import { geminiOffers } from "./gemini/offer.ts";
import { createLocalOffer } from "./local/offer.ts";
import { miniMaxOffers } from "./minimax/offer.ts";
import type { OfferContext } from "./offer-context.ts";
import { compatibleOffers } from "./openai/compatible.ts";
import { openAiOffers } from "./openai/offer.ts";
import { openRouterOffers } from "./openrouter/offer.ts";
import { credentialsOf } from "./provider-settings.ts";
import { replicateOffers } from "./replicate/offer.ts";
import { stabilityOffers } from "./stability/offer.ts";

/** Answers nothing for a provider without an account. */
type OfferSource = (context: OfferContext) => readonly ProviderOffer[];

const SOURCES: readonly OfferSource[] = [
  (context) => [createLocalOffer(context)],
  openAiOffers,
  geminiOffers,
  miniMaxOffers,
  replicateOffers,
  openRouterOffers,
  stabilityOffers,
  fluxOffers,
  falOffers,
  compatibleOffers,
];

/** The providers of a deployment with their models and accounts, the built-in one first. */
export function createOffers(context: OfferContext): ProviderOffer[] {
  return SOURCES.flatMap((source) => source(context)).map((offer) => withAccounts(offer, context));
}

/** The provider with the accounts among which the engine chooses, where an operator lists them. */
function withAccounts(offer: ProviderOffer, { settings }: OfferContext): ProviderOffer {
  const { provider } = offer;
  const configured = settings.providers[provider.name];
  const accounts = configured === undefined ? [] : credentialsOf(configured);
  if (accounts.length === 0) return offer;
  const { name } = provider;
  return {
    ...offer,
    provider: {
      name,
      accounts,
      resubmitSafe: (type) => provider.resubmitSafe(type),
      submit: (job, io) => provider.submit(job, io),
      poll: (job, state, io) => provider.poll(job, state, io),
      cancel: (job, state, signal) => provider.cancel(job, state, signal),
      ...(provider.hook && { hook: provider.hook.bind(provider) }),
    },
  };
}
