/**
 * The CORS headers of the API and of media files. The browser enforces; a caller without `Origin` sees none of this.
 */

import type { HttpContext } from "../exchange.ts";
import { requestOrigin } from "../request/base-url.ts";
import type { OriginPolicy } from "./origin-policy.ts";

const METHODS = "GET, POST, PATCH, DELETE, OPTIONS";
/**
 * What the clients in the field send: SignalR's, OpenAI's (with its Stainless telemetry), EventSource polyfills and our
 * own.
 */
const REQUEST_HEADERS = [
  "accept",
  "api-key",
  "authorization",
  "cache-control",
  "content-type",
  "idempotency-key",
  "last-event-id",
  "openai-beta",
  "openai-organization",
  "openai-project",
  "prefer",
  "x-api-key",
  "x-request-id",
  "x-requested-with",
  "x-signalr-user-agent",
  "x-stainless-arch",
  "x-stainless-async",
  "x-stainless-custom-poll-interval",
  "x-stainless-helper-method",
  "x-stainless-lang",
  "x-stainless-os",
  "x-stainless-package-version",
  "x-stainless-poll-helper",
  "x-stainless-retry-count",
  "x-stainless-runtime",
  "x-stainless-runtime-version",
  "x-stainless-timeout",
].join(", ");
/**
 * With credentials a browser takes no wildcard here, so `x-ratelimit-*` is spelled out. OpenAI's library in a page
 * repeats a POST unless it can read `x-should-retry`.
 */
const EXPOSED_HEADERS = [
  "x-request-id",
  "retry-after",
  "x-ratelimit-limit-requests",
  "x-ratelimit-remaining-requests",
  "x-ratelimit-reset-requests",
  "idempotent-replayed",
  "preference-applied",
  "x-should-retry",
].join(", ");
/**
 * Seconds a browser may remember a preflight: saves a round trip a call, and a change of the list is seen soon enough.
 */
const PREFLIGHT_SECONDS = "600";

const MEDIA_REQUEST_HEADERS = "range, if-range, if-none-match, if-modified-since";
const MEDIA_EXPOSED_HEADERS = "accept-ranges, content-length, content-range, etag, x-request-id";

/** The headers of an answer to `origin`; set before the handler runs, so that errors carry them too. */
export function allowOrigin(c: HttpContext, origin: string, policy: OriginPolicy): void {
  c.header("vary", "origin");
  if (!policy.allows(origin, requestOrigin(c.req.raw))) return;
  c.header("access-control-allow-origin", origin);
  c.header("access-control-allow-credentials", "true");
  c.header("access-control-expose-headers", EXPOSED_HEADERS);
}

/** The answer to a preflight; without the allowing headers for an origin that is not on the list. */
export function answerPreflight(c: HttpContext, origin: string, policy: OriginPolicy): Response {
  allowOrigin(c, origin, policy);
  if (policy.allows(origin, requestOrigin(c.req.raw))) {
    c.header("access-control-allow-methods", METHODS);
    c.header("access-control-allow-headers", REQUEST_HEADERS);
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

/** The answer to a preflight for a media file: players send `Range`. */
export function answerMediaPreflight(c: HttpContext): Response {
  allowAnyOrigin(c);
  c.header("access-control-allow-methods", "GET, HEAD, OPTIONS");
  c.header("access-control-allow-headers", MEDIA_REQUEST_HEADERS);
  c.header("access-control-max-age", PREFLIGHT_SECONDS);
  return c.body(null, 204);
}
