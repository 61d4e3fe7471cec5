/** Signing by Standard Webhooks: HMAC-SHA256 over id, time and body, once with each secret that counts. */

const PREFIX = "whsec_";

/**
 * The value of `webhook-signature`: `v1,` and Base64 for each secret (`whsec_…`), separated by blanks.
 * `timestamp` is in seconds, as `webhook-timestamp` has it.
 */
export async function signatureOf(
  { id, timestamp, body }: { id: string; timestamp: number; body: Uint8Array },
  secrets: readonly string[],
): Promise<string> {
  const head = new TextEncoder().encode(`${id}.${timestamp}.`);
  const signed = new Uint8Array(head.length + body.length);
  signed.set(head);
  signed.set(body, head.length);
  const signatures = secrets.map(async (secret) => {
    const bytes = Uint8Array.fromBase64(secret.slice(PREFIX.length));
    const hmac = { name: "HMAC", hash: "SHA-256" };
    const key = await crypto.subtle.importKey("raw", bytes, hmac, false, ["sign"]);
    return `v1,${new Uint8Array(await crypto.subtle.sign("HMAC", key, signed)).toBase64()}`;
  });
  return (await Promise.all(signatures)).join(" ");
}
