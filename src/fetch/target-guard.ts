/**
 * Which addresses may be fetched because a caller named them, or because what a caller named led to them. What is known of
 * an address before anything is asked is judged here; what a name stands for is judged where it is resolved.
 */

import { FetchError } from "./fetch-error.ts";
import { isAddress, isPublicAddress } from "./public-address.ts";

export type TargetPolicy = {
  /** Whether `http:` is taken besides `https:`. */
  readonly allowHttp: boolean;
  /** Hosts, names or addresses in lower case, that are taken whatever network they are in. */
  readonly allowedHosts: ReadonlySet<string>;
};

/** Longer addresses are in the field only where a picture is written into its own address. */
const MAX_URL_CHARACTERS = 8_192;
/**
 * Names that resolve inside a network or a machine (RFC 6761, 6762, 7686, 8375, 9476), and the ones that networks give
 * themselves, also when a resolver claims to know an address for them.
 */
const SPECIAL_NAMES = [
  "alt",
  "arpa",
  "corp",
  "example",
  "home",
  "internal",
  "intranet",
  "invalid",
  "lan",
  "local",
  "localdomain",
  "localhost",
  "onion",
  "private",
  "test",
];

export type Target = {
  readonly url: URL;
  /** An operator's exception: nothing is asked of the address behind the name. */
  readonly anyAddress: boolean;
};

/**
 * The address as it may be fetched. Throws `FetchError` "refused" for what is no web address, is not https, carries
 * credentials, or names a host that is not one of the public internet, as far as that can be said without resolving it.
 */
export function requireTarget(address: string | URL, policy: TargetPolicy): Target {
  const text = String(address);
  if (text.length > MAX_URL_CHARACTERS)
    throw refused(`is longer than ${MAX_URL_CHARACTERS} characters, which no address may be`);
  if (!URL.canParse(text)) throw refused(`is not a web address such as ${example(policy)}`);
  const url = new URL(text);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && policy.allowHttp))
    throw refused(`must begin with ${policy.allowHttp ? "https:// or http://" : "https://"}`);
  if (url.username !== "" || url.password !== "") throw refused("must not carry a user name or a password");
  url.hash = "";
  const host = hostOf(url);
  if (policy.allowedHosts.has(host)) return { url, anyAddress: true };
  if (isAddress(host) ? !isPublicAddress(host) : isSpecialName(host)) throw notPublic();
  return { url, anyAddress: false };
}

/** The refusal of a host that is not one of the public internet, or leads to none. */
export function notPublic(): FetchError {
  return refused("does not lead to a host of the public internet, and no other is called");
}

/** Host of a URL in lower case, without the brackets of IPv6 and the dot that ends a full name. */
export function hostOf({ hostname }: URL): string {
  const host = hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
  return host.endsWith(".") ? host.slice(0, -1) : host;
}

/** A name without a dot is looked up inside the network. */
function isSpecialName(host: string): boolean {
  const labels = host.split(".");
  return labels.length < 2 || SPECIAL_NAMES.includes(labels.at(-1) ?? "");
}

function example({ allowHttp }: TargetPolicy): string {
  return `${allowHttp ? "http" : "https"}://example.com/path`;
}

function refused(message: string): FetchError {
  return new FetchError("refused", message);
}
