/**
 * Answers that hold a plain key, kept for the same request to get again. They are sealed under the admin key and the
 * request's idempotency key, of which the store has neither: who reads the store, or a backup of it, opens none.
 */

const UTF8 = new TextEncoder();
const SALT_BYTES = 16;
/** Of AES-GCM; each seal has a key of its own, drawn from its salt. */
const IV = new Uint8Array(12);
const ID_BITS = 256;

export type AnswerSeal = {
  /** Under which the answer is kept: it tells neither secret. */
  readonly id: string;
  seal(text: string): Promise<string>;
  /** Rejects when it was not sealed under the same secrets. */
  open(sealed: string): Promise<string>;
};

/** The seal of one request: `route` scopes its idempotency key. */
export async function createAnswerSeal(
  adminKey: string,
  route: string,
  idempotencyKey: string,
): Promise<AnswerSeal> {
  const secret = JSON.stringify([adminKey, route, idempotencyKey]);
  const material = await crypto.subtle.importKey("raw", UTF8.encode(secret), "HKDF", false, [
    "deriveBits",
    "deriveKey",
  ]);
  const id = await crypto.subtle.deriveBits(derivation("answer id", new Uint8Array()), material, ID_BITS);
  const keyOf = (salt: Uint8Array<ArrayBuffer>) =>
    crypto.subtle.deriveKey(derivation("answer", salt), material, { name: "AES-GCM", length: 256 }, false, [
      "encrypt",
      "decrypt",
    ]);
  return {
    id: new Uint8Array(id).toHex(),
    async seal(text) {
      const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
      const sealed = await crypto.subtle.encrypt(
        { name: "AES-GCM", iv: IV },
        await keyOf(salt),
        UTF8.encode(text),
      );
      return `${salt.toBase64()}.${new Uint8Array(sealed).toBase64()}`;
    },
    async open(sealed) {
      const [salt = "", body = ""] = sealed.split(".", 2).map((part) => Uint8Array.fromBase64(part));
      const text = await crypto.subtle.decrypt(
        { name: "AES-GCM", iv: IV },
        await keyOf(salt as Uint8Array<ArrayBuffer>),
        body as Uint8Array<ArrayBuffer>,
      );
      return new TextDecoder().decode(text);
    },
  };
}

function derivation(info: string, salt: Uint8Array<ArrayBuffer>): HkdfParams {
  return { name: "HKDF", hash: "SHA-256", salt, info: UTF8.encode(`conduit ${info}`) };
}
