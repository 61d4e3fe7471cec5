/** Which addresses that a provider named may be called with the account's key. */

/**
 * Whether the address is the provider's own: of the account's base URL, or https at one of `hosts` or below it. A bad
 * answer must not be able to send a key elsewhere.
 */
export function isOwnAddress(url: string, baseUrl: string, hosts: readonly string[]): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname, port, username, password, origin } = new URL(url);
  if (username !== "" || password !== "") return false;
  if (URL.canParse(baseUrl) && origin === new URL(baseUrl).origin) return true;
  if (protocol !== "https:" || port !== "") return false;
  return hosts.some((host) => hostname === host || hostname.endsWith(`.${host}`));
}
