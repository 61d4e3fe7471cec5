/** What Black Forest Labs offers, for the catalogue. */

import type { ProviderOffer } from "../catalogue.ts";
import type { OfferContext } from "../offer-context.ts";
import { accountsOf } from "../provider-settings.ts";
import { hasAccount } from "../upstream/calls/account.ts";
import { optionFault } from "../upstream/requests/fields.ts";
import { FLUX_MODELS } from "./models.ts";
import { createFlux } from "./provider.ts";

/** The FLUX.2 models; nothing without a key. */
export function fluxOffers({ settings, ...context }: OfferContext): readonly ProviderOffer[] {
  const { bfl } = settings.providers;
  if (bfl === undefined) return [];
  const accounts = accountsOf(bfl);
  if (!hasAccount(accounts)) return [];
  const models = FLUX_MODELS.map(({ name, capabilities, created, fields }) => ({
    providerModel: name,
    capabilities,
    created,
    checkOptions: (options: Parameters<typeof optionFault>[0]) => optionFault(options, fields),
    aliases: [name],
  }));
  const provider = createFlux({ ...context, accounts, maxFileBytes: settings.media.maxFileBytes });
  return [{ provider, models }];
}
