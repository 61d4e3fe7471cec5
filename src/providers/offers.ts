/** Every provider that the settings allow. A new provider is a new folder beside this file, and a line in the table. */

import type { Clock } from "../tasks/ports/clock.ts";
import type { Log } from "../tasks/ports/log.ts";
import type { ProviderOffer } from "./catalogue.ts";
import { createLocalOffer } from "./local/offer.ts";
import type { ProvidersSettings } from "./provider-settings.ts";
import type { Download } from "./upstream/download.ts";
import type { Fetch } from "./upstream/upstream-client.ts";

/** What a host brings for its providers. */
export type OfferContext = {
  readonly settings: {
    readonly providers: ProvidersSettings;
    readonly media: { readonly maxFileBytes: number };
  };
  readonly clock: Clock;
  readonly log: Log;
  /** Calls a provider's API at its configured address. */
  readonly fetch: Fetch;
  /** Fetches results from addresses that a provider names. */
  readonly download: Download;
};

/** Answers nothing for a provider without an account. */
type OfferSource = (context: OfferContext) => readonly ProviderOffer[];

const SOURCES: readonly OfferSource[] = [(context) => [createLocalOffer(context)]];

/** The providers of a deployment with their models, the built-in one first. */
export function createOffers(context: OfferContext): ProviderOffer[] {
  return SOURCES.flatMap((source) => source(context));
}
