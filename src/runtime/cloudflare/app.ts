/** The application of a deployment: every route, over the deployment's parts. */

import { waitUntil } from "cloudflare:workers";
import { createAdminCheck } from "../../accounts/admin-key.ts";
import { Authenticator } from "../../accounts/authenticator.ts";
import { createApp } from "../../compose/app.ts";
import { EdgeHealth } from "../../compose/edge-health.ts";
import { registerQueueMetrics } from "../../compose/gateway-metrics.ts";
import { plainHost } from "../../http/host.ts";
import { createOriginPolicy } from "../../http/middleware/origin-policy.ts";
import { mountEvents } from "../../http/routes/events.ts";
import { mountQueueSteps } from "../../http/routes/queue-steps.ts";
import { ConnectionSlots } from "../../http/streams/connection-limits.ts";
import { createEventEncodings } from "../../http/streams/event-encodings.ts";
import { RequestHeartbeat } from "../../http/streams/request-heartbeat.ts";
import { MetricsRegistry } from "../../metrics/registry.ts";
import { describeError } from "../../tasks/ports/log.ts";
import type { Bindings } from "./bindings.ts";
import { closeHubs, mountHubProxy } from "./clients/hub-proxy.ts";
import { RemoteEventSockets } from "./clients/remote-event-sockets.ts";
import type { EdgeParts } from "./parts.ts";

export type EdgeApp = { fetch(request: Request): Response | Promise<Response> };

/** Paths that are answered although the bootstrap key could not be looked after. */
const PROBES = "/health";

export function createEdgeApp(parts: EdgeParts, bindings: Bindings): EdgeApp {
  const { settings, log, clock, store, media, catalogue, keys, tasks, rooms, wireContext } = parts;
  const { queue, stepWorker } = parts;
  const { bootstrap, admin } = settings.keys;
  const origins = createOriginPolicy(settings.cors.origins);
  const authenticator = new Authenticator({
    store,
    clock,
    knownMs: settings.keys.cacheMs,
    sharedLookups: false,
  });
  keys.onKeyChanged(({ keyId, alive }) => {
    authenticator.forget(keyId);
    if (alive) return;
    // A shard that is not told finds out by itself before long.
    waitUntil(
      closeHubs(bindings, settings, keyId).catch((error: unknown) => {
        log.warn("hub connections could not be ended", { keyId, cause: describeError(error) });
      }),
    );
  });
  const metrics = new MetricsRegistry();
  registerQueueMetrics(metrics, store);
  const slots = new ConnectionSlots(settings.events);
  const app = createApp({
    settings,
    host: plainHost,
    origins,
    models: catalogue,
    keys: authenticator,
    isAdmin: createAdminCheck(admin),
    health: new EdgeHealth(parts),
    metrics,
    clock,
    log,
    gateway: {
      tasks,
      keys,
      media,
      wireContext,
      mountStreams: (target, key) => {
        mountEvents(target, key, {
          tasks,
          rooms,
          encodings: createEventEncodings(wireContext),
          heartbeat: new RequestHeartbeat(clock, settings.events.heartbeatMs),
          slots,
          sockets: new RemoteEventSockets(bindings),
          origins,
          host: plainHost,
        });
        mountHubProxy(target, key, { bindings, settings, keys: store, clock });
      },
      mountQueue: (target) => {
        if (queue === null) return;
        const { doorbell: rings, signatures: deliveries } = queue;
        mountQueueSteps(target, { deliveries, steps: stepWorker, rings, host: plainHost, clock, log });
      },
    },
  });

  let bootstrapped = bootstrap === null;
  return {
    async fetch(request) {
      if (!bootstrapped && bootstrap !== null && !new URL(request.url).pathname.startsWith(PROBES)) {
        try {
          await keys.ensureBootstrapKey(bootstrap);
          bootstrapped = true;
        } catch (error) {
          // Without the store nothing else works either, and the request's own answer says so.
          log.warn("the bootstrap key could not be looked after", { cause: describeError(error) });
        }
      }
      return app.fetch(request);
    },
  };
}
