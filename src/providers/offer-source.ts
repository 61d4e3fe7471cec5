/** Where the offers of one provider come from, and how they get the accounts that an operator lists. */

import type { ProviderOffer } from "./catalogue.ts";
import type { OfferContext } from "./offer-context.ts";
import { credentialsOf } from "./provider-settings.ts";

/** Answers nothing for a provider without an account. */
export type OfferSource = (context: OfferContext) => readonly ProviderOffer[];

/** What these sources offer, in their order. */
export function offersOf(sources: readonly OfferSource[], context: OfferContext): ProviderOffer[] {
  return sources.flatMap((source) => source(context)).map((offer) => withAccounts(offer, context));
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
