/** What MiniMax offers, for the catalogue. */

import type { RequestCheck } from "../../tasks/ports/model-catalogue.ts";
import type { JobRequest } from "../../tasks/task.ts";
import type { ProviderOffer } from "../catalogue.ts";
import type { OfferContext } from "../offer-context.ts";
import { accountsOf } from "../provider-settings.ts";
import { hasAccount } from "../upstream/calls/account.ts";
import { UpstreamError } from "../upstream/calls/upstream-error.ts";
import { optionFault } from "../upstream/requests/fields.ts";
import {
  MINIMAX_IMAGE_MODELS,
  MINIMAX_VIDEO_MODELS,
  type MiniMaxImageModel,
  type MiniMaxVideoModel,
} from "./models.ts";
import { createMiniMax } from "./provider.ts";
import { shapeOf } from "./videos.ts";

/** MiniMax's image and video models; nothing without a key. */
export function miniMaxOffers({ settings, ...context }: OfferContext): readonly ProviderOffer[] {
  const { minimax } = settings.providers;
  if (minimax === undefined) return [];
  const accounts = accountsOf(minimax);
  if (!hasAccount(accounts)) return [];
  const provider = createMiniMax({ ...context, accounts, maxFileBytes: settings.media.maxFileBytes });
  const offerOf = ({ name, capabilities, created, fields }: MiniMaxImageModel | MiniMaxVideoModel) => ({
    providerModel: name,
    capabilities,
    created,
    checkOptions: (options: Parameters<typeof optionFault>[0]) => optionFault(options, fields),
    aliases: [name],
  });
  const films = MINIMAX_VIDEO_MODELS.map((model) => ({
    ...offerOf(model),
    checkRequest: (request: JobRequest) => shapeFault(request, model),
  }));
  return [{ provider, models: [...MINIMAX_IMAGE_MODELS.map(offerOf), ...films] }];
}

/** A resolution that the model does not make, or not for so many seconds. */
function shapeFault(request: JobRequest, model: MiniMaxVideoModel): ReturnType<RequestCheck> {
  try {
    shapeOf({ request }, model);
    return null;
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error;
    const { message } = error;
    return { param: message.startsWith("resolution") ? "resolution" : "duration", message };
  }
}
