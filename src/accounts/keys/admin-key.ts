/** The admin key: one secret, compared in a time that does not depend on how much of a guess was right. */

/** A check for presented admin keys; without a configured key nothing passes. */
export function createAdminCheck(adminKey: string | null): (presented: string) => boolean {
  return (presented) => adminKey !== null && adminKey !== "" && sameText(adminKey, presented);
}

/** Hex digits of a fingerprint: enough to tell admin keys apart, far too few to try guesses against. */
const FINGERPRINT_DIGITS = 8;

/** The first digits of the key's SHA-256, lower-case hex: who an administrator was, in the audit log. */
export async function adminFingerprint(adminKey: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(adminKey));
  return new Uint8Array(digest).toHex().slice(0, FINGERPRINT_DIGITS);
}

/** Takes a time that depends on the presented text's length only. */
function sameText(secret: string, presented: string): boolean {
  let difference = secret.length ^ presented.length;
  for (let index = 0; index < presented.length; index += 1) {
    difference |= secret.charCodeAt(index % secret.length) ^ presented.charCodeAt(index);
  }
  return difference === 0;
}
