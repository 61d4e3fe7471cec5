/**
 * The CORS headers of the API and of media files. The browser enforces; a caller without `Origin` sees none of this.
 */

import type { HttpContext } from "../exchange.ts";
import type { OriginPolicy } from "./origin-policy.ts";

const METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
/** The name of a header (RFC 9110 §5.1); longer ones are no client's. */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9a-z-]{1,128}$/i;
/** Header names granted to one preflight; clients in the field ask for about twenty. */
const MAX_GRANTED_HEADERS = 64;
/**
 * With credentials a browser takes no wildcard here, so `x-ratelimit-*` and `x-conduit-*` are spelled out. OpenAI's library in a page
 * repeats a POST unless it can read `x-should-retry`.
 */
const EXPOSED_HEADERS = [
  "x-request-id",
  "retry-after",
  "x-ratelimit-limit-requests",
  "x-ratelimit-remaining-requests",
  "x-ratelimit-reset-requests",
  "idempotent-replayed",
  "x-conduit-after",
  "x-conduit-cost",
  "x-conduit-reserved",
  "x-should-retry",
  "location",
  "preference-applied",
  "etag",
].join(", ");
/**
 * Seconds a browser may remember a preflight: saves a round trip a call, and a change of the list is seen soon enough.
 */
const PREFLIGHT_SECONDS = "600";

const MEDIA_EXPOSED_HEADERS = "accept-ranges, content-length, content-range, etag, x-request-id";

/** The headers of an answer to `origin`; set before the handler runs, so that errors carry them too. */
export function allowOrigin(c: HttpContext, origin: string, policy: OriginPolicy): void {
  c.header("vary", "origin");
  if (!policy.allows(origin, c.req.raw)) return;
  c.header("access-control-allow-origin", origin);
  c.header("access-control-allow-credentials", "true");
  c.header("access-control-expose-headers", EXPOSED_HEADERS);
}

/** The answer to a preflight; without the allowing headers for an origin that is not on the list. */
export function answerPreflight(c: HttpContext, origin: string, policy: OriginPolicy): Response {
  allowOrigin(c, origin, policy);
  if (policy.allows(origin, c.req.raw)) {
    c.header("access-control-allow-methods", METHODS);
    grantHeaders(c);
    c.header("access-control-max-age", PREFLIGHT_SECONDS);
  }
  return c.body(null, 204);
}

/** Media is public to everyone with its path: every page may load it, without credentials. */
export function allowAnyOrigin(c: HttpContext): void {
  c.header("access-control-allow-origin", "*");
  c.header("access-control-expose-headers", MEDIA_EXPOSED_HEADERS);
  // A page that is cross-origin isolated may show it as well.
  c.header("cross-origin-resource-policy", "cross-origin");
}

/** The answer to a preflight for a media file: players send `Range`, and SDKs the key they have. */
export function answerMediaPreflight(c: HttpContext): Response {
  allowAnyOrigin(c);
  c.header("access-control-allow-methods", "GET, HEAD, OPTIONS");
  grantHeaders(c);
  c.header("access-control-max-age", PREFLIGHT_SECONDS);
  return c.body(null, 204);
}

/**
 * Grants the headers a preflight asks for: clients add ones that nobody could list here (`x-stainless-*`, `traceparent`,
 * `sentry-trace`, `user-agent`, …), and none of them gives a page more than its origin does.
 */
function grantHeaders(c: HttpContext): void {
  c.header("vary", "access-control-request-headers", { append: true });
  const asked = c.req.raw.headers.get("access-control-request-headers")?.split(",") ?? [];
  const names = asked.map((name) => name.trim()).filter((name) => HEADER_NAME.test(name));
  if (names.length > 0)
    c.header("access-control-allow-headers", names.slice(0, MAX_GRANTED_HEADERS).join(", "));
}
