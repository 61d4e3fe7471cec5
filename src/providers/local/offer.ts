/** What the built-in provider offers, for the catalogue. */

import type { ProviderOffer } from "../catalogue.ts";
import { CANVAS_CAPABILITIES, CANVAS_MODEL } from "./capabilities.ts";
import { parseCanvasOptions } from "./options.ts";
import { createLocalProvider, type LocalProviderOptions } from "./provider.ts";

/** When the model became available, Unix seconds: 22 November 2026. */
const CREATED = 1_795_305_600;

/** The provider `local` with its models. */
export function createLocalOffer(options: LocalProviderOptions): ProviderOffer {
  return {
    provider: createLocalProvider(options),
    models: [
      {
        providerModel: CANVAS_MODEL,
        capabilities: CANVAS_CAPABILITIES,
        pricing: { kind: "free" },
        created: CREATED,
        checkOptions: (options) => {
          const parsed = parseCanvasOptions(options);
          return typeof parsed === "string" ? parsed : null;
        },
      },
    ],
  };
}
