/** The path a request is routed by, where clients spell it differently. */

import { getPath } from "hono/utils/url";

/** Hubs are also found in another letter case, as ASP.NET's routing does: clients in the field rely on it. */
const HUB = /^\/hubs\//i;

/** The path without a slash at its end, and of a hub in lower case. */
export function routedPath(request: Request): string {
  const path = pathOf(request);
  const trimmed = path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
  return HUB.test(trimmed) ? trimmed.toLowerCase() : trimmed;
}

/** Below it stand addresses that are secrets between the gateway and a provider. */
export const HOOKS_PREFIX = "/v1/hooks/";

/** The path as it may be logged. */
export function loggedPath(path: string): string {
  return path.startsWith(HOOKS_PREFIX) ? path.replace(/^(\/v1\/hooks\/[^/]*).*$/, "$1/…") : path;
}

/** A request without a usable Host header has a URL that is nothing but path and query. */
function pathOf(request: Request): string {
  return request.url.startsWith("/") ? (request.url.split("?", 1)[0] ?? "/") : getPath(request);
}
