/** `/health*`: whether the process runs, takes work, and the state of its parts. */

import type { Hono } from "hono";
import { ApiError } from "../../protocol/error.ts";
import type { HttpEnv, HttpMiddleware } from "../exchange.ts";

export type HealthStatus = "ok" | "degraded" | "down";

/** The state of one part; `detail` is for operators. */
export type HealthPart = {
  status: HealthStatus;
  detail?: string;
  [figure: string]: string | number | boolean | null | undefined;
};

export interface Health {
  /** Whether requests should be sent here: false while starting, stopping or without a store. MUST NOT reject. */
  ready(): Promise<boolean>;
  /** Every part by name: store, queue, rooms, providers. MUST NOT reject. */
  parts(): Promise<Readonly<Record<string, HealthPart>>>;
}

/** From best to worst: the whole is as its worst part. */
const ORDER: readonly HealthStatus[] = ["ok", "degraded", "down"];
const READY_RETRY_SECONDS = 1;

/** Mounts the open probes, which answer yes or no. */
export function mountProbes(app: Hono<HttpEnv>, health: Pick<Health, "ready">): void {
  app.get("/health/live", (c) => c.json({ status: "live" }));
  app.get("/health/ready", async (c) => {
    if (await health.ready()) return c.json({ status: "ready" });
    throw new ApiError("overloaded", "Not ready.", { retryAfterSeconds: READY_RETRY_SECONDS });
  });
}

/** Mounts the report of the parts; `operator` lets only operators pass. */
export function mountHealth(
  app: Hono<HttpEnv>,
  operator: HttpMiddleware,
  health: Pick<Health, "parts">,
): void {
  app.get("/health", operator, async (c) => {
    const parts = await health.parts();
    const worst = Math.max(0, ...Object.values(parts).map(({ status }) => ORDER.indexOf(status)));
    const status = ORDER[worst] ?? "down";
    c.header("cache-control", "no-store");
    return c.json({ status, parts }, status === "down" ? 503 : 200);
  });
}
