/** How long audio in base64 is, without decoding it. */

import type { AudioFormat } from "../protocol/realtime.ts";

const PCM_BYTES = 2;
const G711_RATE = 8_000;

/** Bytes of one millisecond of sound. */
export function bytesPerMs(format: AudioFormat): number {
  return format.type === "audio/pcm" ? (format.rate * PCM_BYTES) / 1_000 : G711_RATE / 1_000;
}

/** Milliseconds of sound in this many base64 characters; padding counts as sound, which is at most two bytes. */
export function msOfBase64(characters: number, format: AudioFormat): number {
  return (characters * 3) / 4 / bytesPerMs(format);
}

/** The format that a session's `audio.input.format` or `audio.output.format` names; null for what is none. */
export function audioFormatOf(value: unknown): AudioFormat | null {
  if (typeof value !== "object" || value === null) return null;
  const { type, rate } = value as { type?: unknown; rate?: unknown };
  if (type === "audio/pcmu" || type === "audio/pcma") return { type };
  if (type !== "audio/pcm") return null;
  return { type, rate: typeof rate === "number" && rate >= 8_000 && rate <= 48_000 ? rate : 24_000 };
}

/** Null for what is no base64. */
export function decodedBase64(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.fromBase64(text);
  } catch {
    return null;
  }
}
