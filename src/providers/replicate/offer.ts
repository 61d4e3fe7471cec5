/** What Replicate offers, for the catalogue. */

import type { ProviderOffer } from "../catalogue.ts";
import type { OfferContext } from "../offer-context.ts";
import { accountsOf } from "../provider-settings.ts";
import { hasAccount } from "../upstream/calls/account.ts";
import { offerOf } from "../upstream/requests/model-table.ts";
import { REPLICATE_MODELS } from "./models.ts";
import { createReplicate } from "./provider.ts";

/** The models of Replicate that have a table; nothing without a token. */
export function replicateOffers({ settings, ...context }: OfferContext): readonly ProviderOffer[] {
  const { replicate } = settings.providers;
  if (replicate === undefined) return [];
  const accounts = accountsOf(replicate);
  if (!hasAccount(accounts)) return [];
  const provider = createReplicate({ ...context, accounts, maxFileBytes: settings.media.maxFileBytes });
  const models = REPLICATE_MODELS.map(offerOf);
  return [{ provider, models }];
}
