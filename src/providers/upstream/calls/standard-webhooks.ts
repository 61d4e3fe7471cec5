/** Verifying calls that are signed by Standard Webhooks: HMAC-SHA256 over id, time and body, with a shared secret. */

/** How far the signer's clock may be off, in both directions, seconds. */
export const TOLERANCE_SECONDS = 300;
const PREFIX = "whsec_";
/** While a secret is changed there are two signatures; more are a caller's play. */
const MAX_SIGNATURES = 8;

export type SignedCall = { readonly headers: Headers; readonly body: Uint8Array<ArrayBuffer> };

/** Whether the call was signed with the secret (`whsec_…`) and lately; `now` is the wall clock. */
export async function isSignedBy(
  { headers, body }: SignedCall,
  secret: string,
  now: number,
): Promise<boolean> {
  const id = headers.get("webhook-id");
  const time = headers.get("webhook-timestamp");
  const list = headers.get("webhook-signature");
  const key = bytesOf(secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret);
  if (id === null || list === null || key === null || !isRecent(time, now)) return false;
  const hmac = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", key, hmac, false, ["verify"]);
  const head = new TextEncoder().encode(`${id}.${time}.`);
  const signed = new Uint8Array(head.length + body.length);
  signed.set(head);
  signed.set(body, head.length);
  for (const entry of list.split(" ").slice(0, MAX_SIGNATURES)) {
    const [version, text = ""] = entry.split(",");
    const signature = version === "v1" ? bytesOf(text) : null;
    // Compares in a time that does not depend on how much of a guess was right.
    if (signature !== null && (await crypto.subtle.verify("HMAC", imported, signature, signed))) return true;
  }
  return false;
}

/** Whether a time in seconds, as a header has it, is within the tolerance. */
export function isRecent(time: string | null, now: number): time is string {
  return (
    time !== null && /^\d{1,12}$/.test(time) && Math.abs(now / 1_000 - Number(time)) <= TOLERANCE_SECONDS
  );
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.fromBase64(base64);
  } catch {
    return null;
  }
}
