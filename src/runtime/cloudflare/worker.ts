/**
 * The Worker: the same application on Cloudflare. It serves health and models; the routes that need a task store are
 * not mounted, because no store exists for this host yet.
 */

import type { Hono } from "hono";
import { createAdminCheck } from "../../accounts/admin-key.ts";
import { Authenticator } from "../../accounts/authenticator.ts";
import { bootstrapKeyOnly } from "../../accounts/bootstrap-key.ts";
import { createApp } from "../../app.ts";
import { ConfigError, loadConfig } from "../../config.ts";
import type { HttpEnv } from "../../http/exchange.ts";
import { plainHost } from "../../http/host.ts";
import { createOriginPolicy } from "../../http/origin-policy.ts";
import { JsonLog } from "../../logging/json-log.ts";
import { MetricsRegistry } from "../../metrics/registry.ts";
import { Catalogue } from "../../providers/catalogue.ts";
import { createLocalOffer } from "../../providers/local/offer.ts";
import { systemClock } from "../../tasks/clock.ts";
import type { Log } from "../../tasks/log.ts";

/** Variables and secrets are texts; other bindings come with the features that use them. */
type Bindings = Readonly<Record<string, unknown>>;

/** An isolate keeps its bindings for life, and with them the application. */
const apps = new WeakMap<Bindings, Hono<HttpEnv>>();

export default {
  fetch(request: Request, bindings: Bindings): Response | Promise<Response> {
    let app = apps.get(bindings);
    if (app === undefined) {
      app = assemble(bindings);
      apps.set(bindings, app);
    }
    return app.fetch(request);
  },
};

function assemble(bindings: Bindings): Hono<HttpEnv> {
  const variables = Object.fromEntries(
    Object.entries(bindings).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
  try {
    const { settings, warnings } = loadConfig({ env: variables });
    const { bootstrap, admin } = settings.keys;
    const log = new JsonLog({
      level: settings.logging.level,
      write: (line) => console.log(line.trimEnd()),
      now: Date.now,
      secrets: [bootstrap, admin].filter((secret) => secret !== null),
    });
    for (const warning of warnings) log.warn(warning);
    return application(settings, log, missingSecrets(bootstrap, admin));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    const { settings } = loadConfig({ env: {} });
    const log = new JsonLog({ level: "info", write: (line) => console.log(line.trimEnd()), now: Date.now });
    return application(
      settings,
      log,
      "The gateway's configuration is wrong; its log says which setting and why.",
    );
  }
}

function application(
  settings: ReturnType<typeof loadConfig>["settings"],
  log: Log,
  closed: string | null,
): Hono<HttpEnv> {
  return createApp({
    settings,
    host: plainHost,
    origins: createOriginPolicy(settings.cors.origins),
    models: new Catalogue({
      offers: [createLocalOffer({ clock: systemClock })],
      aliases: settings.models.aliases,
    }),
    keys: new Authenticator({
      store: bootstrapKeyOnly(settings.keys.bootstrap ?? ""),
      clock: systemClock,
      knownMs: settings.keys.cacheMs,
    }),
    isAdmin: createAdminCheck(settings.keys.admin),
    health: {
      ready: async () => closed === null,
      parts: async () => ({
        store: { status: "degraded", detail: "no task store on this host: tasks are not offered" },
        providers: { status: "ok", offered: "local" },
      }),
    },
    metrics: new MetricsRegistry(),
    clock: systemClock,
    log,
    closed,
  });
}

/** What a new deployment answers until its keys are set; null when they are. */
function missingSecrets(bootstrap: string | null, admin: string | null): string | null {
  const missing = [
    ...(bootstrap === null ? ["CONDUIT_BOOTSTRAP_KEY"] : []),
    ...(admin === null ? ["CONDUIT_ADMIN_KEY"] : []),
  ];
  if (missing.length === 0) return null;
  const commands = missing.map((name) => `\`npx wrangler secret put ${name}\``).join(" and ");
  return `This gateway has no keys yet. Set them with ${commands}.`;
}
