/** Which IP addresses belong to the public internet: everything else may be a machine of the operator's own. */

import ipaddr from "ipaddr.js";

/** Where IPv6 addresses of the public internet lie; what the registry has not given out elsewhere leads nowhere good. */
const GLOBAL_UNICAST: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse("2000::"), 3];
/** Answers every virtual machine on Azure with what that machine may know, at an address that looks public. */
const AZURE_WIRE_SERVER = "168.63.129.16";

/**
 * Whether an address, in any spelling of IPv4 or IPv6, is one of the public internet. False for what is private, loopback,
 * link-local, shared (RFC 6598), multicast, reserved or set aside, for metadata services, for IPv6 that carries an IPv4
 * address within it (mapped, NAT64, 6to4, Teredo), and for what is no address.
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== "unicast") return false;
  return parsed.kind() === "ipv4"
    ? parsed.toString() !== AZURE_WIRE_SERVER
    : parsed.match(GLOBAL_UNICAST[0], GLOBAL_UNICAST[1]);
}

/** Whether a host of a URL, brackets taken off, is an address and no name. */
export function isAddress(host: string): boolean {
  return ipaddr.isValid(host);
}
