/** `GET /v1/key`: what the presented key may do. */

import type { Hono } from "hono";
import type { WireOwnKey } from "../../protocol/key.ts";
import { isoTime } from "../../tasks/wire.ts";
import { type HttpEnv, type HttpMiddleware, principalOfExchange } from "../exchange.ts";

/** Mounts the route; `key` authenticates. */
export function mountOwnKey(app: Hono<HttpEnv>, key: HttpMiddleware): void {
  app.get("/v1/key", key, (c) => {
    const principal = principalOfExchange(c);
    c.header("cache-control", "no-store");
    const answer: WireOwnKey = {
      id: principal.keyId,
      name: principal.keyName,
      enabled: true,
      expiresAt: principal.expiresAt === null ? null : isoTime(principal.expiresAt),
      allowedModels: principal.allowedModels,
      maxConcurrentTasks: principal.maxConcurrentTasks,
      maxPriority: principal.maxPriority,
      permissions: principal.permissions,
    };
    return c.json(answer);
  });
}
