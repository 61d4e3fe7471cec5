/** Who handles webhooks: the key itself, and none of the keys that were made from it. */

import type { Context } from "hono";
import { ApiError } from "../../../protocol/error.ts";
import { type HttpEnv, principalOfExchange } from "../../exchange.ts";

/** The id of the key. Throws `permission_denied` for an ephemeral key: what it holds is known to a browser. */
export function webhookOwner(c: Context<HttpEnv>): string {
  const { keyId, tenant } = principalOfExchange(c);
  if (tenant.subject === "") return keyId;
  throw new ApiError(
    "permission_denied",
    "Webhooks are handled with the key itself, from a server; this is an ephemeral key.",
  );
}
