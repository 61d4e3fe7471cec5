/** `/admin/v1/providers`: which providers there are, and how their accounts are doing. */

import type { Hono } from "hono";
import type { WireProvider, WireProviderList } from "../../../protocol/provider.ts";
import type { HttpEnv, HttpMiddleware } from "../../exchange.ts";

/** Mounts the route; `admin` authenticates, `report` describes the providers as they are now. */
export function mountAdminProviders(
  app: Hono<HttpEnv>,
  admin: HttpMiddleware,
  report: () => WireProvider[],
): void {
  app.get("/admin/v1/providers", admin, (c) => {
    c.header("cache-control", "no-store");
    return c.json<WireProviderList>({ object: "list", data: report() });
  });
}
