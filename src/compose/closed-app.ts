/** What a deployment answers that cannot work: it lives, is not ready, and says why. */

import type { Hono } from "hono";
import { createAdminCheck } from "../accounts/admin-key.ts";
import { Authenticator } from "../accounts/authenticator.ts";
import { loadConfig, type Settings } from "../config/load.ts";
import type { HttpEnv } from "../http/exchange.ts";
import { plainHost } from "../http/host.ts";
import { createOriginPolicy } from "../http/middleware/origin-policy.ts";
import { MetricsRegistry } from "../metrics/registry.ts";
import { Catalogue } from "../providers/catalogue.ts";
import { systemClock } from "../tasks/ports/clock.ts";
import type { Log } from "../tasks/ports/log.ts";
import { createApp } from "./app.ts";

/** An application of which only the probes work; everything else answers 503 with `reason`. */
export function closedApp(reason: string, logFor: (settings: Settings) => Log): Hono<HttpEnv> {
  const { settings } = loadConfig({ env: {}, host: "worker" });
  return createApp({
    settings,
    host: plainHost,
    origins: createOriginPolicy(settings.cors.origins),
    models: new Catalogue({ offers: [] }),
    keys: new Authenticator({ store: { findKeyByHash: async () => null }, clock: systemClock }),
    isAdmin: createAdminCheck(null),
    health: { ready: async () => false, parts: async () => ({}) },
    metrics: new MetricsRegistry(),
    clock: systemClock,
    log: logFor(settings),
    closed: reason,
  });
}
