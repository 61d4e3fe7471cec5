/**
 * A fingerprint of bytes that pass by, whose whole is never in memory: the SHA-256 of the SHA-256s of its blocks. The
 * platform's own digest takes nothing but a whole.
 */

const BLOCK_BYTES = 256 * 1024;
const DIGEST_BYTES = 32;

export class BlockHash {
  readonly #block = new Uint8Array(BLOCK_BYTES);
  readonly #digests: Uint8Array[] = [];
  #filled = 0;

  async update(bytes: Uint8Array): Promise<void> {
    for (let start = 0; start < bytes.byteLength; ) {
      const part = bytes.subarray(start, start + BLOCK_BYTES - this.#filled);
      this.#block.set(part, this.#filled);
      this.#filled += part.byteLength;
      start += part.byteLength;
      if (this.#filled === BLOCK_BYTES) await this.#close();
    }
  }

  /** Lower-case hex. Nothing may be added afterwards. */
  async digest(): Promise<string> {
    await this.#close();
    const list = new Uint8Array(this.#digests.length * DIGEST_BYTES);
    for (const [index, digest] of this.#digests.entries()) list.set(digest, index * DIGEST_BYTES);
    return new Uint8Array(await crypto.subtle.digest("SHA-256", list)).toHex();
  }

  async #close(): Promise<void> {
    const digest = await crypto.subtle.digest("SHA-256", this.#block.subarray(0, this.#filled));
    this.#digests.push(new Uint8Array(digest));
    this.#filled = 0;
  }
}
