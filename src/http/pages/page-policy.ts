/** What a page that comes with the gateway may load: itself, the gateway, and results wherever they are kept. */

import { type BaseUrlOptions, requestHost } from "../request/base-url.ts";

/** The value of `content-security-policy` for the page that this request asks for. */
export function pagePolicy(request: Request, urls: BaseUrlOptions): string {
  const results = [urls.publicUrl, urls.mediaBaseUrl ?? null]
    .filter((address) => address !== null)
    .map((address) => new URL(address).origin);
  const media = ["'self'", "data:", "blob:", ...new Set(results)].join(" ");
  const host = requestHost(request, urls.trustProxy);
  // Some browsers do not count a socket to the page's own host as its own.
  const sockets = host === null ? [] : [`ws://${host}`, `wss://${host}`];
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "font-src 'self'",
    `img-src ${media}`,
    `media-src ${media}`,
    `connect-src ${["'self'", ...sockets].join(" ")}`,
    "worker-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}
