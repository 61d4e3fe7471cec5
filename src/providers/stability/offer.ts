/** What Stability offers, for the catalogue. */

import type { ProviderOffer } from "../catalogue.ts";
import type { OfferContext } from "../offer-context.ts";
import { accountsOf } from "../provider-settings.ts";
import { hasAccount } from "../upstream/calls/account.ts";
import { optionFault } from "../upstream/requests/fields.ts";
import { STABILITY_MODELS } from "./models.ts";
import { createStability } from "./provider.ts";

/** Stability's image models; nothing without a key. */
export function stabilityOffers({ settings, clock, fetch }: OfferContext): readonly ProviderOffer[] {
  const { stability } = settings.providers;
  if (stability === undefined) return [];
  const accounts = accountsOf(stability);
  if (!hasAccount(accounts)) return [];
  const models = STABILITY_MODELS.map(({ name, capabilities, created, fields }) => ({
    providerModel: name,
    capabilities,
    created,
    checkOptions: (options: Parameters<typeof optionFault>[0]) => optionFault(options, fields),
    // `ultra` and `core` alone say too little to be names of their own.
    aliases: name.startsWith("sd") ? [name] : [`stable-image-${name}`],
  }));
  return [{ provider: createStability({ accounts, clock, fetch }), models }];
}
