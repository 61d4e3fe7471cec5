/** Who the customer of a request is: the end user of the key's owner, opaque to the gateway. */

import type { Tenant } from "../../tasks/task.ts";

/** Names the customer where the body of a request names none. */
export const CUSTOMER_HEADER = "x-conduit-customer";

/** A longer name is kept as its SHA-256 in lower-case hex. */
export const MAX_CUSTOMER_CHARACTERS = 128;

/**
 * The customer of what a tenant asks for: the subject of an ephemeral key, whatever the request says; else the first of the
 * names that is a text and not empty; null where there is none.
 */
export async function customerOf({ subject }: Tenant, names: readonly unknown[]): Promise<string | null> {
  const name = subject || names.find((one) => typeof one === "string" && one !== "");
  return typeof name === "string" ? storedCustomer(name) : null;
}

/** The name by which a customer is kept. */
export async function storedCustomer(name: string): Promise<string> {
  if (name.length <= MAX_CUSTOMER_CHARACTERS) return name.toWellFormed();
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(name));
  return new Uint8Array(digest).toHex();
}
