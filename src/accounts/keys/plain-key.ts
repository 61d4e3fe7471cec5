/** The plain form of keys, `condt_` (virtual) or `ek_` (ephemeral) and letters and digits: how it is made, recognised and hashed. */

import { cryptoRandom, type RandomFill, randomToken } from "../../tasks/ids.ts";

const PREFIX = "condt_";
const EPHEMERAL_PREFIX = "ek_";
/** Letters and digits after the prefix of a key we make: 43 × 5.95 bits are 256 bits. */
const RANDOM_CHARACTERS = 43;
/** Fewer could be guessed; more is no key of this gateway and would only cost hashing. */
const MIN_CHARACTERS = 32;
const MAX_CHARACTERS = 256;
const SHAPE = new RegExp(`^${PREFIX}[A-Za-z0-9]{${MIN_CHARACTERS},${MAX_CHARACTERS}}$`);
const EPHEMERAL_SHAPE = new RegExp(`^${EPHEMERAL_PREFIX}[A-Za-z0-9]{${RANDOM_CHARACTERS}}$`);

/** Said wherever a person gave something else. */
export const PLAIN_KEY_SHAPE = `${PREFIX} followed by ${MIN_CHARACTERS} to ${MAX_CHARACTERS} letters or digits`;

/** A new plain key; it is a legal subprotocol token, so that browsers can present it on a WebSocket. */
export function makePlainKey(random: RandomFill = cryptoRandom): string {
  return PREFIX + randomToken(RANDOM_CHARACTERS, random);
}

/** Whether `text` is spelled like a virtual key. */
export function isPlainKey(text: string): boolean {
  return SHAPE.test(text);
}

/** A new plain ephemeral key; a legal subprotocol token too. */
export function makeEphemeralPlainKey(random: RandomFill = cryptoRandom): string {
  return EPHEMERAL_PREFIX + randomToken(RANDOM_CHARACTERS, random);
}

/** Whether `text` is spelled like an ephemeral key of this gateway. */
export function isEphemeralPlainKey(text: string): boolean {
  return EPHEMERAL_SHAPE.test(text);
}

/** SHA-256 of the plain key, lower-case hex: what the store keeps. */
export async function hashKey(plain: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(plain));
  return new Uint8Array(digest).toHex();
}
