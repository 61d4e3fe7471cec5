/**
 * The addresses at which providers may say that something happened to a task's job. Nobody can guess one: the task's id is
 * followed by a MAC of it and of the provider. Nothing is stored, so an address is judged without a look into the store, by
 * every process that has the secret, and after any restart.
 */

const PATH = "/v1/hooks";
const ID_BYTES = 16;
/** Half of a SHA-256: 128 bits are not guessed over a network. */
const MAC_BYTES = 16;
const TOKEN = /^[A-Za-z0-9_-]{43}$/;
const DASHES_AFTER = [8, 12, 16, 20];

export type HookAddressesOptions = {
  /** Scheme, host and path prefix under which the gateway is reached from outside. */
  readonly publicUrl: string;
  /** Known to every process of the deployment and to nobody else. */
  readonly secret: string;
};

export class HookAddresses {
  readonly #base: string;
  readonly #key: Promise<CryptoKey>;

  constructor({ publicUrl, secret }: HookAddressesOptions) {
    this.#base = `${publicUrl.replace(/\/+$/, "")}${PATH}`;
    this.#key = crypto.subtle.importKey(
      "raw",
      new TextEncoder().encode(`conduit provider hooks\n${secret}`),
      { name: "HMAC", hash: "SHA-256" },
      false,
      ["sign"],
    );
  }

  /** The address that is given to a provider for a task. */
  async urlOf(provider: string, taskId: string): Promise<string> {
    const token = new Uint8Array(ID_BYTES + MAC_BYTES);
    token.set(Uint8Array.fromHex(taskId.replaceAll("-", "")));
    token.set(await this.#mac(provider, taskId), ID_BYTES);
    return `${this.#base}/${provider}/${token.toBase64({ alphabet: "base64url", omitPadding: true })}`;
  }

  /** The task an address was made for; null for one that was not made here, or for another provider. */
  async taskOf(provider: string, token: string): Promise<string | null> {
    if (!TOKEN.test(token)) return null;
    const bytes = Uint8Array.fromBase64(token, { alphabet: "base64url" });
    const hex = bytes.subarray(0, ID_BYTES).toHex();
    const taskId = [0, ...DASHES_AFTER].map((from, part) => hex.slice(from, DASHES_AFTER[part])).join("-");
    const mac = await this.#mac(provider, taskId);
    let difference = 0;
    for (const [index, byte] of mac.entries()) difference |= byte ^ (bytes[ID_BYTES + index] ?? 0);
    return difference === 0 ? taskId : null;
  }

  async #mac(provider: string, taskId: string): Promise<Uint8Array> {
    const text = new TextEncoder().encode(`${provider}\n${taskId}`);
    return new Uint8Array(await crypto.subtle.sign("HMAC", await this.#key, text)).subarray(0, MAC_BYTES);
  }
}
