/** What a provider's offer is made from. */

import type { Clock } from "../tasks/ports/clock.ts";
import type { Log } from "../tasks/ports/log.ts";
import type { FilmStudio } from "./local/film-studio.ts";
import type { Pacer } from "./local/pacer.ts";
import type { ProvidersSettings } from "./provider-settings.ts";
import type { Download } from "./upstream/answers/download.ts";
import type { Fetch } from "./upstream/calls/upstream-client.ts";

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
  /** What pictures and films are drawn by turns with, and where films are drawn; without a studio no films are offered. */
  readonly pacer?: Pacer;
  readonly studio?: FilmStudio;
  /** Fetches results from addresses that a provider names. */
  readonly download: Download;
};
