/** What the built-in provider offers, for the catalogue. */

import type { OptionCheck } from "../../tasks/ports/model-catalogue.ts";
import type { ProviderOffer } from "../catalogue.ts";
import type { OfferContext } from "../offer-context.ts";
import { CANVAS_CAPABILITIES, CANVAS_MODEL, MOTION_CAPABILITIES, MOTION_MODEL } from "./capabilities.ts";
import { createLazyLocalProvider } from "./lazy-provider.ts";
import { parseRehearsalOptions } from "./options.ts";
import type { LocalProviderOptions } from "./provider.ts";

/** When the models became available, Unix seconds: 22 and 30 November 2026. */
const CANVAS_CREATED = 1_795_305_600;
const MOTION_CREATED = 1_795_996_800;

/** The provider `local` with its models: pictures, and films where there is a studio to draw them. */
export function createLocalOffer(options: LocalProviderOptions): ProviderOffer {
  const canvas = {
    providerModel: CANVAS_MODEL,
    capabilities: CANVAS_CAPABILITIES,
    pricing: { kind: "free" },
    created: CANVAS_CREATED,
    checkOptions,
  } as const;
  const motion = {
    providerModel: MOTION_MODEL,
    capabilities: MOTION_CAPABILITIES,
    pricing: { kind: "free" },
    created: MOTION_CREATED,
    checkOptions,
  } as const;
  return {
    provider: createLazyLocalProvider(options),
    models: options.studio === undefined ? [canvas] : [canvas, motion],
  };
}

/** The built-in provider is always offered. */
export function localOffers(context: OfferContext): readonly ProviderOffer[] {
  return [createLocalOffer(context)];
}

const checkOptions: OptionCheck = (options) => {
  const parsed = parseRehearsalOptions(options);
  return typeof parsed === "string" ? parsed : null;
};
