/** What fal offers, for the catalogue. */

import type { ProviderOffer } from "../catalogue.ts";
import type { OfferContext } from "../offer-context.ts";
import { accountsOf } from "../provider-settings.ts";
import { hasAccount } from "../upstream/calls/account.ts";
import { offerOf } from "../upstream/requests/model-table.ts";
import { FAL_MODELS } from "./models.ts";
import { createFal } from "./provider.ts";

/** The models of fal that have a table; nothing without a key. */
export function falOffers({ settings, ...context }: OfferContext): readonly ProviderOffer[] {
  const { fal } = settings.providers;
  if (fal === undefined) return [];
  const accounts = accountsOf(fal);
  if (!hasAccount(accounts)) return [];
  const provider = createFal({ ...context, accounts, maxFileBytes: settings.media.maxFileBytes });
  const models = FAL_MODELS.map(offerOf);
  return [{ provider, models }];
}
