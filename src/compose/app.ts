/** The application: every route, over a host's core and what the host brings for clients. It names no platform. */

import type { Hono } from "hono";
import { createAdminCheck } from "../accounts/keys/admin-key.ts";
import type { RestingCheck } from "../accounts/route.ts";
import { creationParameters } from "../http/creation/creation-parameters.ts";
import type { HttpEnv, HttpMiddleware } from "../http/exchange.ts";
import type { IdleLimit } from "../http/idle-limit.ts";
import { adminOnly, authenticated } from "../http/middleware/credentials.ts";
import { EVERY_PATH } from "../http/middleware/front-door.ts";
import { operatorOnly } from "../http/middleware/operator.ts";
import type { PageFiles } from "../http/pages/page-files.ts";
import type { ResultFiles } from "../http/response/base64-images.ts";
import { mountAudit } from "../http/routes/admin/audit.ts";
import { mountAdminCustomers } from "../http/routes/admin/customers.ts";
import { mountAdminKeyTasks } from "../http/routes/admin/key-tasks.ts";
import { mountAdminKeys } from "../http/routes/admin/keys.ts";
import { mountAdminProviders } from "../http/routes/admin/providers.ts";
import { mountAdminUsage } from "../http/routes/admin/usage.ts";
import { mountBetaSecrets, mountClientSecrets } from "../http/routes/auth/client-secrets.ts";
import { mountEphemeralKeys } from "../http/routes/auth/ephemeral-keys.ts";
import { mountBatches } from "../http/routes/batches.ts";
import { mountCancelTasks } from "../http/routes/cancel-tasks.ts";
import { mountEstimates } from "../http/routes/estimates.ts";
import { mountEvents } from "../http/routes/events.ts";
import { type Health, mountHealth } from "../http/routes/health.ts";
import { mountHooks } from "../http/routes/hooks.ts";
import { mountImages } from "../http/routes/images.ts";
import { mountMcp } from "../http/routes/mcp.ts";
import { mountMedia } from "../http/routes/media.ts";
import { mountMetrics } from "../http/routes/metrics.ts";
import { mountAdminModels, mountModels } from "../http/routes/models.ts";
import { mountOpenAiVideos } from "../http/routes/openai-videos.ts";
import { mountOwnKey } from "../http/routes/own-key.ts";
import { mountReference } from "../http/routes/reference.ts";
import { mountTasks } from "../http/routes/tasks.ts";
import { mountUnsupported } from "../http/routes/unsupported.ts";
import { mountUsage } from "../http/routes/usage.ts";
import { mountVideos } from "../http/routes/videos.ts";
import { mountDeliveries } from "../http/routes/webhooks/deliveries.ts";
import { mountWebhookEndpoints } from "../http/routes/webhooks/endpoints.ts";
import { mountWelcome } from "../http/routes/welcome.ts";
import type { ConnectionSlots } from "../http/streams/connection-limits.ts";
import { createEventEncodings, type EventEncodings } from "../http/streams/event-encodings.ts";
import type { EventSockets } from "../http/streams/event-sockets.ts";
import type { StreamHeartbeat } from "../http/streams/event-stream.ts";
import { contentTypeOf } from "../media/content-types.ts";
import { MetricsRegistry } from "../metrics/registry.ts";
import { ApiError } from "../protocol/error.ts";
import type { WireVoiceModel } from "../protocol/model.ts";
import type { UsualDurations } from "../tasks/engine/usual-durations.ts";
import type { Thumbnails } from "../tasks/ports/thumbnails.ts";
import type { Previews } from "../tasks/previews.ts";
import { createAppFrame } from "./app-frame.ts";
import type { Core } from "./core.ts";
import type { EventsReport } from "./events.ts";
import {
  type BuildInfo,
  type MetricsSources,
  type ProcessGauges,
  registerMetrics,
} from "./operations/metrics.ts";
import { providerReport } from "./operations/provider-report.ts";
import { urlOptions } from "./options.ts";

const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** What a host brings besides its core. */
export type HostSurface = {
  readonly build: BuildInfo;
  readonly host: IdleLimit;
  readonly adminKey: string | null;
  readonly health: Health;
  /** Absent where figures of one process say nothing. */
  readonly gauges?: ProcessGauges;
  /** Whether a model's provider takes no jobs at the moment, where calls are made by this process. */
  readonly isResting?: RestingCheck;
  /** How the outbox of domain events is; absent without a sink. */
  readonly events?: EventsReport | undefined;
  /** What the store knows of voice sessions, where no process has figures of its own. */
  readonly storedVoice?: MetricsSources["storedVoice"];
  /** How long jobs usually take, as far as this host knows. */
  readonly durations: Pick<UsualDurations, "usualMs">;
  readonly slots: ConnectionSlots;
  /** Of pictures that this process makes itself; absent where they are made elsewhere. */
  readonly previews?: Pick<Previews, "watch">;
  /** Reads the results of tasks that a request waited for. Default: the media store. */
  readonly results?: ResultFiles;
  /** Absent where no small copies of pictures are made. */
  readonly thumbnails?: Thumbnails;
  /** The web pages that come with the gateway; absent where there are none. */
  readonly pages?: PageFiles;
  /** True once the host takes no new work because it stops; it still answers meanwhile. */
  readonly stopping?: () => boolean;
  readonly heartbeat: Pick<StreamHeartbeat, "add" | "remove">;
  /** Serves event streams over WebSockets. */
  sockets(encodings: EventEncodings): EventSockets;
  /** Mounts the hubs; `key` takes a key from the query too, which only streams may. */
  mountHubs(app: Hono<HttpEnv>, key: HttpMiddleware): void;
  /** The models of voice sessions; absent where there are none. */
  readonly voices?: readonly WireVoiceModel[];
  /** Mounts the routes of voice sessions; absent where there are none. */
  mountRealtime?(app: Hono<HttpEnv>, key: HttpMiddleware, admin: HttpMiddleware): void;
  /** Mounts the routes of an outside queue, which take no key; absent where there is none. */
  mountQueue?(app: Hono<HttpEnv>): void;
};

/** Assembles the application. */
export function createApp(core: Core, surface: HostSurface): Hono<HttpEnv> {
  const { settings, store, catalogue, keys, authenticator, tasks, media, wireContext, clock } = core;
  const { limits, idempotency, events, imageGeneration } = settings;
  const { host, health, voices = [] } = surface;
  const metrics = new MetricsRegistry();
  const { build, gauges: process, events: outbox, storedVoice } = surface;
  registerMetrics(metrics, { build, store, process, events: outbox, storedVoice });
  const app = createAppFrame({ ...core, health, metrics });

  mountWelcome(app, { pages: surface.pages ?? null, urls: urlOptions(settings) });
  mountReference(app, {
    document: { version: surface.build.version, publicUrl: settings.server.publicUrl, limits },
    pages: surface.pages ?? null,
    urls: urlOptions(settings),
  });
  const isAdmin = createAdminCheck(surface.adminKey);
  const operator = operatorOnly({ isAdmin, open: settings.metrics.public });
  mountHealth(app, operator, health);
  mountMetrics(app, operator, metrics);

  const { stopping } = surface;
  if (stopping !== undefined) app.use(EVERY_PATH, refuseNewWork(stopping));

  const key = authenticated(authenticator);
  const admin = adminOnly(isAdmin, authenticator);
  const parameters = creationParameters(limits);
  mountModels(app, key, catalogue, parameters, voices);
  mountAdminModels(app, admin, catalogue, parameters, voices);
  mountAdminProviders(app, admin, () =>
    providerReport({ providers: catalogue.providers, catalogue, accounts: surface.gauges?.accounts }),
  );
  mountOwnKey(app, key, store);
  mountUsage(app, key, store, clock);
  mountAdminUsage(app, admin, store, clock);
  const minting = { ephemeralKeys: core.ephemeralKeys, maxBodyBytes: limits.jsonBodyBytes };
  mountEphemeralKeys(app, key, minting);
  mountClientSecrets(app, key, minting);
  mountBetaSecrets(app, key, minting);

  const shared = {
    tasks,
    media,
    wireContext,
    models: catalogue,
    isResting: surface.isResting,
    inputs: core.inputs,
    ephemeralKeys: core.ephemeralKeys,
    host,
    limits,
    urls: urlOptions(settings),
    webhookTargets: core.webhooks.targets,
    idempotency: {
      keyMs: idempotency.keyHours * HOUR_MS,
      repeatMs: idempotency.repeatSeconds * SECOND_MS,
    },
  };
  mountImages(app, key, {
    ...shared,
    media: surface.results ?? media,
    clock,
    syncTimeoutMs: imageGeneration.timeoutSeconds * SECOND_MS,
    heartbeatMs: events.heartbeatMs,
    previews: surface.previews ?? null,
  });
  mountVideos(app, key, shared);
  mountCancelTasks(app, key, { tasks, maxBodyBytes: limits.jsonBodyBytes });
  mountEstimates(app, key, { ...shared, durations: surface.durations });
  mountOpenAiVideos(app, key, { ...shared, mediaMs: settings.retention.mediaDays * DAY_MS });
  mountTasks(app, key, shared);
  mountBatches(app, key, { ...shared, batches: core.batches, clock });
  mountWebhooks(app, core, { key, admin, host });
  mountUnsupported(app, key);
  mountMedia(app, media, surface.thumbnails ?? null);
  if (core.hooks !== null)
    mountHooks(app, { addresses: core.hooks, providers: catalogue.providers, tasks, log: core.log });
  mountAudit(app, admin, store);
  mountAdminKeys(app, admin, {
    keys,
    secrets: core.webhooks.secrets,
    tasks,
    maxBodyBytes: limits.jsonBodyBytes,
    keepAnswersMs: shared.idempotency.keyMs,
  });
  mountAdminKeyTasks(app, admin, shared);
  mountAdminCustomers(app, admin, { ledger: store, maxBodyBytes: limits.jsonBodyBytes });
  const encodings = createEventEncodings(wireContext);
  mountStreams(app, core, surface, encodings);
  mountMcp(app, key, {
    tasks,
    rooms: core.rooms,
    origins: core.origins,
    encoding: encodings.socket,
    host,
    dispatch: (request) => app.fetch(request),
    urls: shared.urls,
    version: surface.build.version,
    limits,
    tasksMs: settings.retention.tasksDays * DAY_MS,
    results: { mediaMs: settings.retention.mediaDays * DAY_MS, typeOfExtension: contentTypeOf },
    log: core.log,
  });
  surface.mountRealtime?.(app, key, admin);
  surface.mountQueue?.(app);
  return app;
}

function mountWebhooks(
  app: Hono<HttpEnv>,
  { webhooks, settings, store, tasks, doorbell, clock }: Core,
  { key, admin, host }: { key: HttpMiddleware; admin: HttpMiddleware; host: IdleLimit },
): void {
  const { endpoints, secrets } = webhooks;
  const maxBodyBytes = settings.limits.jsonBodyBytes;
  mountWebhookEndpoints(app, key, { endpoints, secrets, host, maxBodyBytes });
  mountDeliveries(app, key, admin, {
    store,
    tasks,
    ring: (id) => doorbell.ring("image", clock.now(), { id, fence: clock.now() }),
  });
}

/** What a client posts to a hub belongs to a connection that there is already. */
function refuseNewWork(stopping: () => boolean): HttpMiddleware {
  return (c, next) => {
    if (!stopping() || c.req.method !== "POST" || c.req.path.startsWith("/hubs/")) return next();
    throw new ApiError("overloaded", "The server is shutting down. Send the request again.", {
      retryAfterSeconds: 1,
    });
  };
}

function mountStreams(app: Hono<HttpEnv>, core: Core, surface: HostSurface, encodings: EventEncodings): void {
  const { tasks, rooms, origins, authenticator } = core;
  const { host, heartbeat, slots } = surface;
  const key = authenticated(authenticator, true);
  const sockets = surface.sockets(encodings);
  mountEvents(app, key, { tasks, rooms, encodings, heartbeat, slots, sockets, origins, host });
  surface.mountHubs(app, key);
}
