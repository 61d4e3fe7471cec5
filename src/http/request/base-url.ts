/** Where the caller reached us: the base of the URLs we hand out when no public URL is configured. */

import { ApiError } from "../../protocol/error.ts";
import { MEDIA_PREFIX } from "../routes/media.ts";

/** A name or IPv4 address, or an IPv6 address in brackets, with an optional port. */
const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9.])?|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;

export type BaseUrlOptions = {
  /** Scheme and host, without a slash at the end; null takes the request's own. */
  publicUrl: string | null;
  /** Whether `X-Forwarded-Proto` and `-Host` count. */
  trustProxy: boolean;
  /** What stands before the paths of results in the links handed out, where that is not this gateway. */
  mediaBaseUrl?: string | null;
};

/**
 * Scheme and host of every URL handed out for this request, without a slash at the end.
 * Throws `invalid_parameter` when the request names no usable host.
 */
export function baseUrl(request: Request, options: BaseUrlOptions): string {
  if (options.publicUrl !== null) return options.publicUrl;
  const origin = (options.trustProxy ? forwardedOrigin(request) : null) ?? requestOrigin(request);
  if (origin !== null) return origin;
  throw new ApiError(
    "invalid_parameter",
    "The request names no usable host: send a Host header like `gateway.example:8787`, or let the operator set CONDUIT_PUBLIC_URL.",
    { param: "Host" },
  );
}

/** What stands before a path in every address under which this request's caller may know our media. */
export function ownMediaBases(request: Request, options: BaseUrlOptions): string[] {
  const origins = [baseUrl(request, options), requestOrigin(request)].filter((origin) => origin !== null);
  const bases = origins.map((origin) => `${origin}${MEDIA_PREFIX}`);
  const { mediaBaseUrl = null } = options;
  return [...new Set(mediaBaseUrl === null ? bases : [...bases, `${mediaBaseUrl}/`])];
}

/** Host and port as the caller addressed us, lower case; null when the Host header is missing or malformed. */
export function requestHost(request: Request, trustProxy: boolean): string | null {
  const forwarded = trustProxy ? lastItem(request.headers.get("x-forwarded-host")) : null;
  if (forwarded !== null && HOST.test(forwarded)) return forwarded.toLowerCase();
  return (
    requestOrigin(request)
      ?.replace(/^.*:\/\//, "")
      .toLowerCase() ?? null
  );
}

/** Scheme and host as the request was addressed; null when its Host header is missing or malformed. */
export function requestOrigin(request: Request): string | null {
  const { url } = request;
  const scheme = url.indexOf("://");
  if (scheme < 0) return null;
  const end = url.indexOf("/", scheme + 3);
  const origin = end < 0 ? url : url.slice(0, end);
  return HOST.test(origin.slice(scheme + 3)) ? origin : null;
}

/** What the nearest proxy has written into the header; null when that is nothing, or malformed. */
function forwardedOrigin(request: Request): string | null {
  const host = lastItem(request.headers.get("x-forwarded-host")) ?? request.headers.get("host");
  const scheme = lastItem(request.headers.get("x-forwarded-proto"));
  if (scheme !== "http" && scheme !== "https") return null;
  return host !== null && HOST.test(host) ? `${scheme}://${host.toLowerCase()}` : null;
}

/** Proxies append: the last item of a list is the one our own proxy wrote. */
function lastItem(header: string | null): string | null {
  return header === null ? null : header.slice(header.lastIndexOf(",") + 1).trim();
}
