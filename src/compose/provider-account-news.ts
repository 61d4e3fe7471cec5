/** Tells the log when the account of a provider falls out, and when it is back. */

import type { AccountNews } from "../tasks/engine/provider-health.ts";
import type { Log } from "../tasks/ports/log.ts";

export function providerAccountNews(log: Pick<Log, "info" | "warn">): AccountNews {
  return ({ provider, credential }, trouble) => {
    const account = credential === null ? {} : { account: credential };
    if (trouble === null) log.info("provider is used again", { provider, ...account });
    else log.warn("provider is not used for a while", { provider, ...account, code: trouble });
  };
}
