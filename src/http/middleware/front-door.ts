/**
 * The outermost middleware, one for everything that holds for every request: its id, CORS, the log line and the
 * metrics. One hop instead of four, because each is paid on the hot path.
 */

import { matchedRoutes } from "hono/route";
import type { Clock } from "../../tasks/ports/clock.ts";
import type { Log } from "../../tasks/ports/log.ts";
import type { Exchange, HttpContext, HttpMiddleware } from "../exchange.ts";
import { loggedPath } from "../request/path.ts";
import { chooseRequestId } from "../request/request-id.ts";
import { MCP_PATH } from "../routes/mcp.ts";
import { MEDIA_PREFIX } from "../routes/media.ts";
import { allowAnyOrigin, allowOrigin, answerMediaPreflight, answerPreflight } from "./cors.ts";
import type { OriginPolicy } from "./origin-policy.ts";
import type { RequestMetrics } from "./request-metrics.ts";

export type FrontDoorDependencies = {
  origins: OriginPolicy;
  log: Log;
  metrics: RequestMetrics;
  clock: Pick<Clock, "monotonic">;
  makeRequestId: () => string;
  /** Whether lines about successful requests are logged; errors of ours always are. */
  logRequests: boolean;
};

const REQUEST_ID = "x-request-id";
const LENGTH = "content-length";
/** The pattern of middleware for everything, such as this one: what matched nothing else is counted under one name. */
export const EVERY_PATH = "/*";
const UNMATCHED = "unmatched";
/** Methods by name in the metrics; callers can invent any number of others. */
const COUNTED_METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
const SWITCHING_PROTOCOLS = 101;
/** Below it stand the addresses that say whether all is well. */
const PROBES = "/health/";
const FIRST_ERROR = 400;

/** Makes the middleware; mount it first, on `EVERY_PATH`. */
export function frontDoor(dependencies: FrontDoorDependencies): HttpMiddleware {
  const { clock, makeRequestId } = dependencies;
  return async (c, next) => {
    const exchange: Exchange = {
      requestId: chooseRequestId(c.req.raw.headers.get(REQUEST_ID), makeRequestId),
      startedAt: clock.monotonic(),
      principal: null,
      taskId: null,
      accepted: false,
    };
    c.set("exchange", exchange);
    c.header(REQUEST_ID, exchange.requestId);
    const preflight = handleOrigin(c, dependencies.origins);
    if (preflight === null) await next();
    else c.res = preflight;
    if (c.req.raw.method === "HEAD") await measure(c);
    if (c.res.status !== SWITCHING_PROTOCOLS) keepHeaders(c, exchange, dependencies.origins);
    record(c, exchange, dependencies);
  };
}

/** Sets the CORS headers of the answer to come; answers a preflight at once. */
function handleOrigin(c: HttpContext, origins: OriginPolicy): Response | null {
  const { headers, method } = c.req.raw;
  const { path } = c.req;
  const isPreflight = method === "OPTIONS" && headers.has("access-control-request-method");
  if (path.startsWith(MEDIA_PREFIX)) {
    if (isPreflight) return answerMediaPreflight(c);
    allowAnyOrigin(c);
    return null;
  }
  const origin = headers.get("origin");
  const isOpen = path.startsWith("/v1/") || path.startsWith("/hubs/") || path === MCP_PATH;
  if (origin === null || !isOpen) return null;
  if (isPreflight) return answerPreflight(c, origin, origins);
  allowOrigin(c, origin, origins);
  return null;
}

/**
 * HEAD is answered by GET's handler and loses its body, which no host would count then. A body without a length is short,
 * or was left away by a handler that knows of HEAD.
 */
async function measure(c: HttpContext): Promise<void> {
  const { body, headers } = c.res;
  if (body === null || headers.has(LENGTH)) return;
  const { byteLength } = await c.res.arrayBuffer();
  c.res = new Response(null, c.res);
  c.header(LENGTH, String(byteLength));
}

/** A handler that made its own Response has lost the headers set before it. */
function keepHeaders(c: HttpContext, exchange: Exchange, origins: OriginPolicy): void {
  if (c.res.headers.has(REQUEST_ID)) return;
  c.header(REQUEST_ID, exchange.requestId);
  handleOrigin(c, origins);
}

function record(
  c: HttpContext,
  exchange: Exchange,
  { log, metrics, clock, logRequests }: FrontDoorDependencies,
): void {
  const { status } = c.res;
  const { method } = c.req.raw;
  const ms = clock.monotonic() - exchange.startedAt;
  metrics.count(routeOf(c), COUNTED_METHODS.has(method) ? method : "other", status, ms);
  if (!logRequests) return;
  // A balancer asks every second or two whether all is well.
  const isProbe = c.req.path.startsWith(PROBES) && status < FIRST_ERROR;
  log[isProbe ? "debug" : "info"]("request", {
    requestId: exchange.requestId,
    method,
    // Without its query, which may hold a key.
    path: loggedPath(c.req.path),
    status,
    ms: Math.round(ms * 100) / 100,
    keyId: exchange.principal?.keyId,
    taskId: exchange.taskId ?? undefined,
  });
}

/** The pattern of the route; middleware for everything may be mounted behind it. */
function routeOf(c: HttpContext): string {
  return matchedRoutes(c).findLast(({ path }) => path !== EVERY_PATH)?.path ?? UNMATCHED;
}
