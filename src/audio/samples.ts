/** Sound as 16-bit samples: decoding and coding PCM and G.711 (ITU-T G.711). Pure. */

import type { AudioFormat } from "../protocol/realtime.ts";
import { decodePcm, encodePcm } from "./pcm.ts";

export function rateOf(format: AudioFormat): number {
  return format.type === "audio/pcm" ? format.rate : 8_000;
}

/** Samples of a piece of sound, on the same memory where that can be. An odd last byte of PCM is dropped. */
export function decodeAudio(bytes: Uint8Array, format: AudioFormat): Int16Array {
  if (format.type === "audio/pcm") return decodePcm(bytes);
  const table = format.type === "audio/pcmu" ? ULAW : ALAW;
  const samples = new Int16Array(bytes.length);
  for (let i = 0; i < samples.length; i += 1) samples[i] = table[bytes[i] as number] as number;
  return samples;
}

export function encodeAudio(samples: Int16Array, format: AudioFormat): Uint8Array<ArrayBuffer> {
  if (format.type === "audio/pcm") return encodePcm(samples);
  const encode = format.type === "audio/pcmu" ? toUlaw : toAlaw;
  const bytes = new Uint8Array(samples.length);
  for (let i = 0; i < samples.length; i += 1) bytes[i] = encode(samples[i] ?? 0);
  return bytes;
}

const ULAW_BIAS = 0x84;
const ULAW_CLIP = 32_635;

function toUlaw(sample: number): number {
  const sign = sample < 0 ? 0x80 : 0;
  const value = Math.min(ULAW_CLIP, Math.abs(sample)) + ULAW_BIAS;
  const exponent = Math.max(0, 31 - Math.clz32(value) - 7);
  const mantissa = (value >> (exponent + 3)) & 0x0f;
  return ~(sign | (exponent << 4) | mantissa) & 0xff;
}

function fromUlaw(byte: number): number {
  const value = ~byte & 0xff;
  const exponent = (value >> 4) & 0x07;
  const sample = (((value & 0x0f) << 3) + ULAW_BIAS) << exponent;
  return value & 0x80 ? ULAW_BIAS - sample : sample - ULAW_BIAS;
}

const ALAW_MASK = 0x55;

function toAlaw(sample: number): number {
  const sign = sample >= 0 ? 0x80 : 0;
  const value = Math.min(32_767, sample >= 0 ? sample : -sample - 1) >> 3;
  const exponent = Math.max(0, 31 - Math.clz32(value | 1) - 4);
  const mantissa = exponent === 0 ? (value >> 1) & 0x0f : (value >> exponent) & 0x0f;
  return (sign | (exponent << 4) | mantissa) ^ ALAW_MASK;
}

function fromAlaw(byte: number): number {
  const value = byte ^ ALAW_MASK;
  const exponent = (value >> 4) & 0x07;
  const mantissa = value & 0x0f;
  const sample = exponent === 0 ? (mantissa << 4) + 8 : ((mantissa << 4) + 0x108) << (exponent - 1);
  return value & 0x80 ? sample : -sample;
}

const ULAW = Int16Array.from({ length: 256 }, (_, byte) => fromUlaw(byte));
const ALAW = Int16Array.from({ length: 256 }, (_, byte) => fromAlaw(byte));
