/**
 * Access to health and metrics: with the admin key, or for everyone where the settings say so. Where a request comes from
 * proves nothing: the peer of a request through a reverse proxy is the proxy, on this machine often enough.
 */

import { ApiError } from "../../protocol/error.ts";
import type { HttpMiddleware } from "../exchange.ts";
import { type AdminCheck, presentedKey } from "./credentials.ts";

export type OperatorOptions = {
  isAdmin: AdminCheck;
  /** `metrics.public` */
  open: boolean;
};

/** Lets only operators pass. */
export function operatorOnly({ isAdmin, open }: OperatorOptions): HttpMiddleware {
  return async (c, next) => {
    const { raw } = c.req;
    if (!open) {
      const key = presentedKey(raw);
      if (key === null)
        throw new ApiError("missing_api_key", "Send the admin key as `Authorization: Bearer …`.");
      if (!isAdmin(key))
        throw new ApiError("permission_denied", "This route takes the admin key (CONDUIT_ADMIN_KEY).");
    }
    await next();
  };
}
