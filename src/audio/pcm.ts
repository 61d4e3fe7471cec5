/** Sound as 16-bit PCM, little-endian, one channel. Pure. */

/** Whether this machine has the lower byte of a number first, as PCM has it. */
const LOWER_FIRST = new Uint8Array(new Int16Array([1]).buffer)[0] === 1;

/** Samples of a piece of sound, on the same memory where that can be. An odd last byte is dropped. */
export function decodePcm(bytes: Uint8Array): Int16Array {
  if (LOWER_FIRST && bytes.byteOffset % 2 === 0)
    return new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length >> 1);
  const samples = new Int16Array(bytes.length >> 1);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0; i < samples.length; i += 1) samples[i] = view.getInt16(i * 2, true);
  return samples;
}

/** The bytes of samples, on the same memory where that can be. */
export function encodePcm(samples: Int16Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = samples;
  if (LOWER_FIRST && buffer instanceof ArrayBuffer) return new Uint8Array(buffer, byteOffset, byteLength);
  const bytes = new Uint8Array(samples.length * 2);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < samples.length; i += 1) view.setInt16(i * 2, samples[i] ?? 0, true);
  return bytes;
}

/** Root mean square of the samples, 0 to 1. */
export function levelOf(samples: Int16Array): number {
  if (samples.length === 0) return 0;
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return Math.sqrt(sum / samples.length) / 32_768;
}
