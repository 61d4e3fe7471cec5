/** Whether a caller sits on this machine: such a one may read health and metrics without the admin key. */

import type { Host } from "../host.ts";

/**
 * True only for a direct connection from a loopback address. A request that a proxy forwarded comes from wherever the
 * proxy says, and from elsewhere when the proxy is not trusted: a tunnel on this machine makes no caller local.
 */
export function isLoopbackCaller(request: Request, host: Host, trustProxy: boolean): boolean {
  const { headers } = request;
  const forwardedFor = headers.get("x-forwarded-for");
  const forwarded = forwardedFor !== null || headers.has("forwarded") || headers.has("x-real-ip");
  if (!forwarded) return isLoopbackAddress(host.peerAddress(request));
  if (!trustProxy || forwardedFor === null) return false;
  return isLoopbackAddress(forwardedFor.slice(forwardedFor.lastIndexOf(",") + 1).trim());
}

/** IPv4 127.0.0.0/8, IPv6 ::1, and IPv4 mapped into IPv6. */
export function isLoopbackAddress(address: string | null): boolean {
  if (address === null) return false;
  return address === "::1" || /^(?:::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/i.test(address);
}
