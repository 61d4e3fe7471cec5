/**
 * The same offers as `createOffers` makes, for hosts that read their program from files: of the adapters only those are
 * loaded that have an account, because all of them are a tenth of a start.
 */

import type { ProviderOffer } from "./catalogue.ts";
import { localOffers } from "./local/offer.ts";
import type { OfferContext } from "./offer-context.ts";
import { type OfferSource, offersOf } from "./offer-source.ts";
import { accountsOf } from "./provider-settings.ts";
import { hasAccount } from "./upstream/calls/account.ts";

/** In the order of `offers.ts`. */
const ADAPTERS: Readonly<Record<string, () => Promise<OfferSource>>> = {
  openai: async () => (await import("./openai/offer.ts")).openAiOffers,
  gemini: async () => (await import("./gemini/offer.ts")).geminiOffers,
  minimax: async () => (await import("./minimax/offer.ts")).miniMaxOffers,
  replicate: async () => (await import("./replicate/offer.ts")).replicateOffers,
  openrouter: async () => (await import("./openrouter/offer.ts")).openRouterOffers,
  stability: async () => (await import("./stability/offer.ts")).stabilityOffers,
  bfl: async () => (await import("./bfl/offer.ts")).fluxOffers,
  fal: async () => (await import("./fal/offer.ts")).falOffers,
};

/** The providers of a deployment with their models and accounts, the built-in one first. */
export async function loadOffers(context: OfferContext): Promise<ProviderOffer[]> {
  const { providers } = context.settings;
  const adapters = Object.entries(ADAPTERS).flatMap(([name, load]) => {
    const settings = providers[name];
    return settings !== undefined && hasAccount(accountsOf(settings)) ? [load()] : [];
  });
  const compatible = Object.values(providers).some(({ kind }) => kind === "openai-compatible")
    ? [import("./openai/compatible.ts").then(({ compatibleOffers }) => compatibleOffers)]
    : [];
  return offersOf([localOffers, ...(await Promise.all([...adapters, ...compatible]))], context);
}
