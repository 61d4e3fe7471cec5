/** `GET /metrics`: the registry in Prometheus' text format. */

import type { Hono } from "hono";
import type { MetricsRegistry } from "../../metrics/registry.ts";
import type { HttpEnv, HttpMiddleware } from "../exchange.ts";

const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Mounts the route; `operator` lets only operators pass. */
export function mountMetrics(app: Hono<HttpEnv>, operator: HttpMiddleware, metrics: MetricsRegistry): void {
  app.get("/metrics", operator, async (c) =>
    c.body(await metrics.render(), 200, { "content-type": CONTENT_TYPE }),
  );
}
