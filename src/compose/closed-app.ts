/** What a deployment answers that cannot work: it lives, is not ready, and says why. */

import type { Hono } from "hono";
import { type ConfigError, loadConfig, type Settings } from "../config/load.ts";
import type { HttpEnv } from "../http/exchange.ts";
import { EVERY_PATH } from "../http/middleware/front-door.ts";
import { createOriginPolicy } from "../http/middleware/origin-policy.ts";
import { MetricsRegistry } from "../metrics/registry.ts";
import { ApiError } from "../protocol/error.ts";
import { systemClock } from "../tasks/ports/clock.ts";
import type { Log } from "../tasks/ports/log.ts";
import { createAppFrame } from "./app-frame.ts";
import { urlOptions } from "./options.ts";

/** An application of which only the probes work; everything else answers 503 with `reason`. */
export function closedApp(reason: string, logFor: (settings: Settings) => Log): Hono<HttpEnv> {
  const { settings } = loadConfig({ env: {}, host: "worker" });
  const app = createAppFrame({
    origins: createOriginPolicy(settings.cors.origins, urlOptions(settings)),
    health: { ready: async () => false },
    metrics: new MetricsRegistry(),
    clock: systemClock,
    log: logFor(settings),
  });
  app.use(EVERY_PATH, () => {
    throw new ApiError("overloaded", reason, { shouldRetry: false });
  });
  return app;
}

/** Which settings are wrong and what was expected; what came stays in the log. */
export function wrongSettings({ problems }: ConfigError): string {
  const faults = problems.map(({ name, expected }) => `${name}: expected ${expected}`);
  return `This gateway's configuration is wrong. ${faults.join("; ")}.`;
}

/** What a new deployment answers until its keys are set; null when they are. */
export function missingKeys({ keys: { bootstrap, admin } }: Pick<Settings, "keys">): string | null {
  const missing = [
    ...(bootstrap === null ? ["CONDUIT_BOOTSTRAP_KEY"] : []),
    ...(admin === null ? ["CONDUIT_ADMIN_KEY"] : []),
  ];
  if (missing.length === 0) return null;
  const commands = missing.map((name) => `\`npx wrangler secret put ${name}\``).join(" and ");
  return `This gateway has no keys yet. Set them with ${commands}.`;
}
