/** Sound as the session's events carry it: 16-bit PCM in base64. */

import { decodePcm, encodePcm } from "../../audio/pcm.ts";

/** Arguments that one call takes everywhere. */
const AT_ONCE = 8_192;

export function toBase64(samples: Int16Array): string {
  const bytes = encodePcm(samples);
  let text = "";
  for (let at = 0; at < bytes.length; at += AT_ONCE)
    text += String.fromCharCode(...bytes.subarray(at, at + AT_ONCE));
  return btoa(text);
}

/** What is no base64 is no sound. */
export function fromBase64(text: string): Int16Array {
  try {
    return decodePcm(Uint8Array.from(atob(text), (character) => character.charCodeAt(0)));
  } catch {
    return new Int16Array(0);
  }
}
