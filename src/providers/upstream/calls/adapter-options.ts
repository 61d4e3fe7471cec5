/** What an adapter of a provider is made from. */

import type { Clock } from "../../../tasks/ports/clock.ts";
import type { Log } from "../../../tasks/ports/log.ts";
import type { Download } from "../answers/download.ts";
import type { ProviderAccounts } from "./account.ts";
import type { Fetch } from "./upstream-client.ts";

/** Of a provider whose results are links that the gateway fetches. */
export type LinkAdapterOptions = {
  readonly accounts: ProviderAccounts;
  readonly clock: Clock;
  /** Told of status words that are not known. */
  readonly log: Pick<Log, "warn">;
  /** Calls the provider's API. */
  readonly fetch: Fetch;
  /** Fetches a result from the address the provider names. */
  readonly download: Download;
  /** Of one result; a larger one fails the task. */
  readonly maxFileBytes: number;
};
