/** What Google offers, for the catalogue. */

import type { ProviderOffer } from "../catalogue.ts";
import type { OfferContext } from "../offer-context.ts";
import { provisionalPricing } from "../pricing.ts";
import { accountsOf } from "../provider-settings.ts";
import { hasAccount } from "../upstream/account.ts";
import { GEMINI_IMAGE_MODELS, GEMINI_VIDEO_MODELS } from "./models.ts";
import { createGemini, GEMINI } from "./provider.ts";

/** Google's image and video models; nothing without a key. */
export function geminiOffers({ settings, ...context }: OfferContext): readonly ProviderOffer[] {
  const { gemini } = settings.providers;
  if (gemini === undefined) return [];
  const accounts = accountsOf(gemini);
  if (!hasAccount(accounts)) return [];
  const provider = createGemini({ ...context, accounts, maxFileBytes: settings.media.maxFileBytes });
  const models = [...GEMINI_IMAGE_MODELS, ...GEMINI_VIDEO_MODELS].map(({ name, capabilities, created }) => ({
    providerModel: name,
    capabilities,
    created,
    pricing: provisionalPricing(GEMINI, name),
    aliases: [name],
  }));
  return [{ provider, models }];
}
