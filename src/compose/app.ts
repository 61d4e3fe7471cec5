/**
 * The application: every route and what stands before it, from its dependencies. It names no platform; a host hands
 * in what it has. Routes whose dependencies do not exist yet are not mounted.
 */

import { Hono } from "hono";
import { getPath } from "hono/utils/url";
import type { KeyService } from "../accounts/keys.ts";
import type { Settings } from "../config/schema.ts";
import type { HttpEnv, HttpMiddleware } from "../http/exchange.ts";
import type { Host } from "../http/host.ts";
import { type AdminCheck, adminOnly, authenticated, type KeyLookup } from "../http/middleware/credentials.ts";
import { EVERY_PATH, frontDoor } from "../http/middleware/front-door.ts";
import { noRoute } from "../http/middleware/method-not-allowed.ts";
import { operatorOnly } from "../http/middleware/operator.ts";
import type { OriginPolicy } from "../http/middleware/origin-policy.ts";
import { RequestMetrics } from "../http/middleware/request-metrics.ts";
import { errorResponse } from "../http/response/error-response.ts";
import { mountAdminKeys } from "../http/routes/admin-keys.ts";
import { type Health, mountHealth, mountProbes } from "../http/routes/health.ts";
import { mountImages } from "../http/routes/images.ts";
import { mountMedia } from "../http/routes/media.ts";
import { mountMetrics } from "../http/routes/metrics.ts";
import { mountAdminModels, mountModels } from "../http/routes/models.ts";
import { mountOwnKey } from "../http/routes/own-key.ts";
import { mountTasks } from "../http/routes/tasks.ts";
import { mountVideos } from "../http/routes/videos.ts";
import { mountWelcome } from "../http/routes/welcome.ts";
import type { MetricsRegistry } from "../metrics/registry.ts";
import { ApiError } from "../protocol/error.ts";
import type { Clock } from "../tasks/ports/clock.ts";
import type { Log } from "../tasks/ports/log.ts";
import type { MediaStore } from "../tasks/ports/media-store.ts";
import type { ModelCatalogue } from "../tasks/ports/model-catalogue.ts";
import type { TaskService } from "../tasks/service.ts";
import type { WireContext } from "../tasks/wire.ts";

/** The settings that the HTTP surface reads. */
export type AppSettings = Pick<
  Settings,
  "server" | "limits" | "imageGeneration" | "idempotency" | "events" | "metrics"
>;

/** What needs a store behind it. */
export type Gateway = {
  tasks: TaskService;
  keys: KeyService;
  media: Pick<MediaStore, "get">;
  wireContext: WireContext;
  /** Mounts the event streams; the middleware takes a key from the query too, which only streams may. */
  mountStreams(app: Hono<HttpEnv>, key: HttpMiddleware): void;
  /** Mounts the routes of an outside queue, which take no key; absent where there is none. */
  mountQueue?(app: Hono<HttpEnv>): void;
};

export type AppDependencies = {
  settings: AppSettings;
  host: Host;
  origins: OriginPolicy;
  models: ModelCatalogue;
  keys: KeyLookup;
  isAdmin: AdminCheck;
  health: Health;
  metrics: MetricsRegistry;
  clock: Clock;
  log: Log;
  /** Default: random UUIDs. */
  makeRequestId?: () => string;
  /** Why everything but the probes answers 503; null when nothing is amiss. */
  closed?: string | null;
  /** Absent where no store exists yet. */
  gateway?: Gateway;
};

/** Assembles the application. */
export function createApp(dependencies: AppDependencies): Hono<HttpEnv> {
  const { settings, host, origins, log, clock, isAdmin, keys, models, health } = dependencies;
  const { trustProxy } = settings.server;
  const app = new Hono<HttpEnv>({ getPath: pathOf });

  app.use(
    EVERY_PATH,
    frontDoor({
      origins,
      log,
      clock,
      metrics: new RequestMetrics(dependencies.metrics),
      makeRequestId: dependencies.makeRequestId ?? (() => crypto.randomUUID()),
      logRequests: true,
    }),
  );
  app.onError((thrown, c) => errorResponse(thrown, c, log));
  app.notFound((c) => noRoute(app, c));

  mountProbes(app, health);
  const { closed } = dependencies;
  if (typeof closed === "string") {
    app.use(EVERY_PATH, () => {
      throw new ApiError("overloaded", closed, { shouldRetry: false });
    });
  }
  mountWelcome(app);
  const operator = operatorOnly({ isAdmin, host, trustProxy, open: settings.metrics.public });
  mountHealth(app, operator, health);
  mountMetrics(app, operator, dependencies.metrics);

  const key = authenticated(keys);
  const admin = adminOnly(isAdmin, keys);
  mountModels(app, key, models);
  mountAdminModels(app, admin, models);
  mountOwnKey(app, key);
  if (dependencies.gateway !== undefined) mountGateway(app, key, admin, dependencies, dependencies.gateway);
  return app;
}

function mountGateway(
  app: Hono<HttpEnv>,
  key: HttpMiddleware,
  admin: HttpMiddleware,
  { settings, host, clock, models, keys }: AppDependencies,
  gateway: Gateway,
): void {
  const { server, limits, idempotency, events, imageGeneration } = settings;
  const { tasks, media, wireContext } = gateway;
  const shared = {
    tasks,
    media,
    wireContext,
    models,
    host,
    limits,
    urls: { publicUrl: server.publicUrl ?? null, trustProxy: server.trustProxy },
    idempotency: { keyMs: idempotency.keyHours * 3_600_000, repeatMs: idempotency.repeatSeconds * 1000 },
  };
  mountImages(app, key, {
    ...shared,
    clock,
    syncTimeoutMs: imageGeneration.timeoutSeconds * 1000,
    heartbeatMs: events.heartbeatMs,
  });
  mountVideos(app, key, shared);
  mountTasks(app, key, shared);
  mountMedia(app, media);
  mountAdminKeys(app, admin, { keys: gateway.keys, maxBodyBytes: limits.jsonBodyBytes });
  gateway.mountStreams(app, authenticated(keys, true));
  gateway.mountQueue?.(app);
}

/** The path of a request. One without a usable Host header has a URL that is nothing but path and query. */
function pathOf(request: Request): string {
  return request.url.startsWith("/") ? (request.url.split("?", 1)[0] ?? "/") : getPath(request);
}
