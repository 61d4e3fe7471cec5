/** The two checksums of a PNG file: CRC-32 of its chunks, Adler-32 of its zlib stream. */

const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});
const ADLER_MODULUS = 65521;
/** How many bytes can be summed before the sums outgrow 32 bits (RFC 1950's own figure). */
const ADLER_RUN = 5552;

/** CRC-32 as PNG wants it, of 0 to 2^32-1. */
export function crc32(...parts: readonly Uint8Array[]): number {
  let crc = -1;
  for (const part of parts) {
    for (let index = 0; index < part.length; index++)
      crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ part[index]!) & 255]!;
  }
  return ~crc >>> 0;
}

/** Adler-32 of a stream; begin with 1 and hand the last value on. */
export function adler32(previous: number, bytes: Uint8Array): number {
  let low = previous & 0xffff;
  let high = previous >>> 16;
  for (let start = 0; start < bytes.length; start += ADLER_RUN) {
    const end = Math.min(bytes.length, start + ADLER_RUN);
    for (let index = start; index < end; index++) {
      low += bytes[index]!;
      high += low;
    }
    low %= ADLER_MODULUS;
    high %= ADLER_MODULUS;
  }
  return ((high << 16) | low) >>> 0;
}
