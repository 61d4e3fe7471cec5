/** What Google offers, for the catalogue. */

import type { ModelOffer, ProviderOffer } from "../catalogue.ts";
import type { OfferContext } from "../offer-context.ts";
import { accountsOf } from "../provider-settings.ts";
import { hasAccount } from "../upstream/calls/account.ts";
import { type FieldRules, optionFault } from "../upstream/requests/fields.ts";
import { GEMINI_IMAGE_MODELS, GEMINI_VIDEO_MODELS, type GeminiImageModel, VIDEO_RATIOS } from "./models.ts";
import { createGemini } from "./provider.ts";

/** Google's image and video models; nothing without a key. */
export function geminiOffers({ settings, ...context }: OfferContext): readonly ProviderOffer[] {
  const { gemini } = settings.providers;
  if (gemini === undefined) return [];
  const accounts = accountsOf(gemini);
  if (!hasAccount(accounts)) return [];
  const provider = createGemini({ ...context, accounts, maxFileBytes: settings.media.maxFileBytes });
  const images = GEMINI_IMAGE_MODELS.map(({ ratios, ...model }) => offerOf(model, ratios));
  const films = GEMINI_VIDEO_MODELS.map((model) => offerOf(model, VIDEO_RATIOS));
  return [{ provider, models: [...images, ...films] }];
}

function offerOf(
  { name, capabilities, created }: Pick<GeminiImageModel, "name" | "capabilities" | "created">,
  ratios: readonly string[],
): ModelOffer {
  const rules: FieldRules = { aspect_ratio: { kind: "word", words: ratios } };
  return {
    providerModel: name,
    capabilities,
    created,
    checkOptions: (options) => optionFault(options, rules),
    aliases: [name],
  };
}
