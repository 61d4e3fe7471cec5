/** What stands around the routes of every application: the front door, the answers to errors and unknown paths, the probes. */

import { Hono } from "hono";
import type { HttpEnv } from "../http/exchange.ts";
import { EVERY_PATH, frontDoor } from "../http/middleware/front-door.ts";
import { noRoute } from "../http/middleware/method-not-allowed.ts";
import type { OriginPolicy } from "../http/middleware/origin-policy.ts";
import { RequestMetrics } from "../http/middleware/request-metrics.ts";
import { routedPath } from "../http/request/path.ts";
import { errorResponse } from "../http/response/error-response.ts";
import { type Health, mountProbes } from "../http/routes/health.ts";
import type { MetricsRegistry } from "../metrics/registry.ts";
import type { Clock } from "../tasks/ports/clock.ts";
import type { Log } from "../tasks/ports/log.ts";

export type AppFrameDependencies = {
  readonly origins: OriginPolicy;
  readonly health: Pick<Health, "ready">;
  readonly metrics: MetricsRegistry;
  readonly clock: Clock;
  readonly log: Log;
};

/** An application without routes but for the probes. */
export function createAppFrame({
  origins,
  health,
  metrics,
  clock,
  log,
}: AppFrameDependencies): Hono<HttpEnv> {
  const app = new Hono<HttpEnv>({ getPath: routedPath });
  app.use(
    EVERY_PATH,
    frontDoor({
      origins,
      log,
      clock,
      metrics: new RequestMetrics(metrics),
      makeRequestId: () => crypto.randomUUID(),
      logRequests: true,
    }),
  );
  app.onError((thrown, c) => errorResponse(thrown, c, log));
  app.notFound((c) => {
    try {
      return noRoute(app, c);
    } catch (thrown) {
      // Thrown on, it would pass by the front door, which logs and counts, where no other middleware stands in between.
      return errorResponse(thrown, c, log);
    }
  });
  mountProbes(app, health);
  return app;
}
