/**
 * Every provider that the settings allow, for hosts whose program is one file. A new provider is a new folder beside this
 * file, a line in this table, and one in `needed-offers.ts`.
 */

import { fluxOffers } from "./bfl/offer.ts";
import type { ProviderOffer } from "./catalogue.ts";
import { falOffers } from "./fal/offer.ts";
import { geminiOffers } from "./gemini/offer.ts";
import { localOffers } from "./local/offer.ts";
import { miniMaxOffers } from "./minimax/offer.ts";
import type { OfferContext } from "./offer-context.ts";
import { type OfferSource, offersOf } from "./offer-source.ts";
import { compatibleOffers } from "./openai/compatible.ts";
import { openAiOffers } from "./openai/offer.ts";
import { openRouterOffers } from "./openrouter/offer.ts";
import { replicateOffers } from "./replicate/offer.ts";
import { stabilityOffers } from "./stability/offer.ts";

const SOURCES: readonly OfferSource[] = [
  localOffers,
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
  return offersOf(SOURCES, context);
}
