/** Which web pages may call: the list of `cors.origins`, used for CORS headers and for the `Origin` of WebSockets. */

import { ApiError } from "../../protocol/error.ts";
import { requestOrigin } from "../request/base-url.ts";

/** Every origin. */
const ANY = "*";
/** At the end of an entry; stands for every port, or none. */
const ANY_PORT = ":*";

export interface OriginPolicy {
  /** Whether a page of `origin` may call a server that was addressed as `ownOrigin` (null when unknown). */
  allows(origin: string, ownOrigin: string | null): boolean;
}

/**
 * A policy from a list of exact origins (`https://app.example`), origins with any port (`http://localhost:*`) and `*`.
 * A page that was served from the gateway's own origin is always allowed.
 */
export function createOriginPolicy(entries: readonly string[]): OriginPolicy {
  const exact = new Set<string>();
  const anyPort: string[] = [];
  for (const entry of entries) {
    if (entry.endsWith(ANY_PORT)) anyPort.push(entry.slice(0, -ANY_PORT.length).toLowerCase());
    else exact.add(entry.replace(/\/$/, "").toLowerCase());
  }
  const anyOrigin = exact.has(ANY);
  return {
    allows(origin, ownOrigin) {
      if (anyOrigin || origin === ownOrigin || exact.has(origin)) return true;
      return anyPort.some((base) => origin === base || isPort(origin, base));
    },
  };
}

/**
 * Throws `permission_denied` for a WebSocket that a page of a foreign origin opens, which could use the visitor's
 * network place: CORS does not cover WebSockets. Callers that are no browsers send no `Origin`.
 */
export function requireSocketOrigin(request: Request, origins: OriginPolicy): void {
  const origin = request.headers.get("origin");
  if (origin === null || origins.allows(origin, requestOrigin(request))) return;
  throw new ApiError(
    "permission_denied",
    "Pages of this origin may not open sockets here. An operator can add it to cors.origins.",
    { param: "Origin" },
  );
}

function isPort(origin: string, base: string): boolean {
  return origin.startsWith(`${base}:`) && /^\d{1,5}$/.test(origin.slice(base.length + 1));
}
