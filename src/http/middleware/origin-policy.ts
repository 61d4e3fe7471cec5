/** Which web pages may call: the list of `cors.origins`, used for CORS headers and for the `Origin` of WebSockets. */

import { ApiError } from "../../protocol/error.ts";
import { type BaseUrlOptions, requestHost } from "../request/base-url.ts";

/** Every origin, `null` too. */
const ANY = "*";
/** The scheme of an origin, and what follows it: host and port, or whatever an app has in their place. */
const ORIGIN = /^([a-z][a-z0-9+.-]*):\/\/([^/]*)$/;
/** A name, an IPv4 address or an IPv6 address in brackets, and the port. */
const AUTHORITY = /^(\[[0-9a-f:.]+\]|[^:]+)(?::(\d{1,5}))?$/;
/** What leads to this machine whoever answers for names. */
const LOOPBACK_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/;
/** The ports that an origin, or a `Host`, leaves out. */
const DEFAULT_PORTS: Readonly<Record<string, string>> = { http: "80", ws: "80", https: "443", wss: "443" };

export interface OriginPolicy {
  /** Whether a page of `origin` may make this request. */
  allows(origin: string, request: Request): boolean;
}

export interface StrictOriginPolicy extends OriginPolicy {
  /**
   * The same where the gateway's own origin may not be taken from any `Host`: a name that an attacker's DNS leads to this machine
   * is the host of the attacker's page too. Only the machine's own names count then, and `CONDUIT_PUBLIC_URL`.
   */
  allowsRebound(origin: string, request: Request): boolean;
}

/**
 * A policy from a list of origins: exact ones (`https://app.example`, `app://obsidian.md`, `null`), any host below a
 * name (`https://*.app.example`), any port (`http://localhost:*`), anything of an app's scheme (`vscode-webview://*`),
 * and `*`.
 *
 * The gateway's own origin is always allowed, whatever the scheme: a page behind a proxy that ends TLS opens `wss://`
 * to its own host, while the request says `http`; React Native sends its target as `Origin`.
 */
export function createOriginPolicy(entries: readonly string[], own: BaseUrlOptions): StrictOriginPolicy {
  const patterns = entries.map(patternOf);
  const anyOrigin = entries.includes(ANY);
  const publicOrigin = own.publicUrl === null ? null : new URL(own.publicUrl).origin;
  const lists = (origin: string) =>
    anyOrigin || origin === publicOrigin || patterns.some((pattern) => pattern.test(origin));
  return {
    allows(asked, request) {
      const origin = asked.toLowerCase();
      return lists(origin) || isHost(origin, requestHost(request, own.trustProxy));
    },
    allowsRebound(asked, request) {
      const origin = asked.toLowerCase();
      const host = requestHost(request, own.trustProxy);
      return lists(origin) || (host !== null && LOOPBACK_HOST.test(host) && isHost(origin, host));
    },
  };
}

/**
 * Throws `permission_denied` for a WebSocket that a page of a foreign origin opens, which could use the visitor's
 * network place: CORS does not cover WebSockets. Callers that are no browsers send no `Origin`.
 */
export function requireSocketOrigin(request: Request, origins: OriginPolicy): void {
  const origin = request.headers.get("origin");
  if (origin === null || origins.allows(origin, request)) return;
  throw new ApiError(
    "permission_denied",
    "Pages of this origin may not open sockets here. An operator can add it to cors.origins.",
    { param: "Origin" },
  );
}

/** The origins an entry stands for. */
function patternOf(entry: string): RegExp {
  const [, scheme = "", rest = ""] = /^(.*:\/\/)?(.*?)\/?$/.exec(entry.toLowerCase()) ?? [];
  const [, host = "", port = ""] = /^(.*?)(:\*)?$/.exec(rest) ?? [];
  const hosts =
    host === ANY
      ? "[^/]*"
      : host.startsWith("*.")
        ? `(?:[a-z0-9_-]+\\.)+${RegExp.escape(host.slice(2))}`
        : RegExp.escape(host);
  return new RegExp(`^${RegExp.escape(scheme)}${hosts}${port === "" ? "" : "(?::\\d{1,5})?"}$`);
}

/** Whether an origin's host and port are those of a `Host`; a port that one leaves out is the scheme's. */
function isHost(origin: string, host: string | null): boolean {
  if (host === null) return false;
  const [, scheme = "", authority = ""] = ORIGIN.exec(origin) ?? [];
  const ofPage = AUTHORITY.exec(authority);
  const ofRequest = AUTHORITY.exec(host);
  if (ofPage === null || ofRequest === null || ofPage[1] !== ofRequest[1]) return false;
  const usual = DEFAULT_PORTS[scheme];
  return (ofPage[2] ?? usual) === (ofRequest[2] ?? usual);
}
