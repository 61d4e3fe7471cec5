/** The hubs' routes, as the Worker passes them on. */

import type { Hono } from "hono";
import type { Settings } from "../../config.ts";
import type { HttpEnv, HttpMiddleware } from "../../http/exchange.ts";
import type { OriginPolicy } from "../../http/origin-policy.ts";
import type { Bindings } from "./bindings.ts";

export type HubGateDependencies = {
  readonly bindings: Pick<Bindings, "HUB_SHARD">;
  readonly settings: Settings;
  readonly origins: OriginPolicy;
};

export function mountHubGate(
  _app: Hono<HttpEnv>,
  _key: HttpMiddleware,
  _dependencies: HubGateDependencies,
): void {}
