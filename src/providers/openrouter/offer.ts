/** What OpenRouter offers, for the catalogue. */

import type { ProviderOffer } from "../catalogue.ts";
import type { OfferContext } from "../offer-context.ts";
import { accountsOf } from "../provider-settings.ts";
import { hasAccount } from "../upstream/calls/account.ts";
import { optionFault } from "../upstream/requests/fields.ts";
import { FILM_MODELS } from "./models.ts";
import { createOpenRouter } from "./provider.ts";

/** The films of OpenRouter's models; nothing without a key. */
export function openRouterOffers({ settings, ...context }: OfferContext): readonly ProviderOffer[] {
  const { openrouter } = settings.providers;
  if (openrouter === undefined) return [];
  const accounts = accountsOf(openrouter);
  if (!hasAccount(accounts)) return [];
  const provider = createOpenRouter({ ...context, accounts, maxFileBytes: settings.media.maxFileBytes });
  const models = FILM_MODELS.map(({ name, capabilities, created, ratios }) => ({
    providerModel: name,
    capabilities,
    created,
    checkOptions: (options: Parameters<typeof optionFault>[0]) =>
      optionFault(options, { aspect_ratio: { kind: "word", words: ratios } }),
    aliases: [name],
  }));
  return [{ provider, models }];
}
