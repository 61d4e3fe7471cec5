/** Access to health and metrics: with the admin key, from this machine, or for everyone where the settings say so. */

import { ApiError } from "../../protocol/error.ts";
import type { HttpMiddleware } from "../exchange.ts";
import type { Host } from "../host.ts";
import { isLoopbackCaller } from "../request/loopback.ts";
import { type AdminCheck, presentedKey } from "./credentials.ts";

export type OperatorOptions = {
  isAdmin: AdminCheck;
  host: Host;
  trustProxy: boolean;
  /** `metrics.public` */
  open: boolean;
};

/** Lets only operators pass. */
export function operatorOnly({ isAdmin, host, trustProxy, open }: OperatorOptions): HttpMiddleware {
  return async (c, next) => {
    const { raw } = c.req;
    if (!open && !isLoopbackCaller(raw, host, trustProxy)) {
      const key = presentedKey(raw);
      if (key === null)
        throw new ApiError("missing_api_key", "Send the admin key as `Authorization: Bearer …`.");
      if (!isAdmin(key))
        throw new ApiError("permission_denied", "This route takes the admin key (CONDUIT_ADMIN_KEY).");
    }
    await next();
  };
}
