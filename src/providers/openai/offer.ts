/** What OpenAI offers, for the catalogue. */

import type { ProviderOffer } from "../catalogue.ts";
import type { OfferContext } from "../offer-context.ts";
import { accountsOf } from "../provider-settings.ts";
import { hasAccount } from "../upstream/calls/account.ts";
import { OPENAI_MODELS } from "./models.ts";
import { createImagesApi } from "./provider.ts";

const NAME = "openai";
const BASE_URL = "https://api.openai.com/v1";

/** OpenAI's image models; nothing without a key. */
export function openAiOffers({ settings, clock, fetch, download }: OfferContext): readonly ProviderOffer[] {
  const { openai } = settings.providers;
  if (openai === undefined) return [];
  const accounts = accountsOf(openai);
  if (!hasAccount(accounts)) return [];
  const provider = createImagesApi({
    name: NAME,
    title: "OpenAI",
    accounts,
    usualBaseUrl: BASE_URL,
    models: OPENAI_MODELS,
    clock,
    fetch,
    download,
    maxFileBytes: settings.media.maxFileBytes,
  });
  const models = OPENAI_MODELS.map(({ name, capabilities, created }) => ({
    providerModel: name,
    capabilities,
    created,
    aliases: [name],
  }));
  return [{ provider, models }];
}
