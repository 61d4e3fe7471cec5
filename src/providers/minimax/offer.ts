/** What MiniMax offers, for the catalogue. */

import type { ProviderOffer } from "../catalogue.ts";
import type { OfferContext } from "../offer-context.ts";
import { accountsOf } from "../provider-settings.ts";
import { hasAccount } from "../upstream/account.ts";
import { optionFault } from "../upstream/fields.ts";
import { MINIMAX_IMAGE_MODELS, MINIMAX_VIDEO_MODELS } from "./models.ts";
import { createMiniMax } from "./provider.ts";

/** MiniMax's image and video models; nothing without a key. */
export function miniMaxOffers({ settings, ...context }: OfferContext): readonly ProviderOffer[] {
  const { minimax } = settings.providers;
  if (minimax === undefined) return [];
  const accounts = accountsOf(minimax);
  if (!hasAccount(accounts)) return [];
  const provider = createMiniMax({ ...context, accounts, maxFileBytes: settings.media.maxFileBytes });
  const models = [...MINIMAX_IMAGE_MODELS, ...MINIMAX_VIDEO_MODELS].map(
    ({ name, capabilities, created, fields }) => ({
      providerModel: name,
      capabilities,
      created,
      checkOptions: (options: Parameters<typeof optionFault>[0]) => optionFault(options, fields),
      aliases: [name],
    }),
  );
  return [{ provider, models }];
}
