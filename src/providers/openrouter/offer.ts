/** What OpenRouter offers, for the catalogue. */

import type { ProviderOffer } from "../catalogue.ts";
import type { OfferContext } from "../offer-context.ts";
import { provisionalPricing } from "../pricing.ts";
import { accountsOf } from "../provider-settings.ts";
import { hasAccount } from "../upstream/account.ts";
import { FILM_MODELS } from "./models.ts";
import { createOpenRouter, OPENROUTER } from "./provider.ts";

/** The films of OpenRouter's models; nothing without a key. */
export function openRouterOffers({ settings, ...context }: OfferContext): readonly ProviderOffer[] {
  const { openrouter } = settings.providers;
  if (openrouter === undefined) return [];
  const accounts = accountsOf(openrouter);
  if (!hasAccount(accounts)) return [];
  const provider = createOpenRouter({ ...context, accounts, maxFileBytes: settings.media.maxFileBytes });
  const models = FILM_MODELS.map(({ name, capabilities, created }) => ({
    providerModel: name,
    capabilities,
    created,
    pricing: provisionalPricing(OPENROUTER, name),
    aliases: [name],
  }));
  return [{ provider, models }];
}
