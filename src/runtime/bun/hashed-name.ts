/** Names of the files of a page: another file has another name, so that browsers may keep what they have. */

const HASH_CHARACTERS = 8;

export function hashedName(name: string, extension: string, bytes: Uint8Array): string {
  const hash = new Bun.CryptoHasher("sha256").update(bytes).digest("hex").slice(0, HASH_CHARACTERS);
  return `${name}-${hash}.${extension}`;
}
