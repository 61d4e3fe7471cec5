/**
 * Integer mathematics of the painter. Every host must paint the same bytes, so nothing here (or in the painter)
 * uses functions whose last digit an engine may choose, like `Math.sin`.
 */

/** Angles are counted in 4096ths of a turn. */
export const TURN = 4096;
/** `sine` and `cosine` answer -SINE_ONE..SINE_ONE. */
export const SINE_ONE = 4096;
/** Positions inside the picture are counted in 256ths of a pixel. */
export const SUBPIXEL = 256;

/** Sine of an angle in 4096ths of a turn, after Bhaskara's rational formula: within 0.2 %. */
export function sine(angle: number): number {
  const turn = ((angle % TURN) + TURN) % TURN;
  const half = turn % (TURN / 2);
  const product = half * (TURN / 2 - half);
  const value = Math.floor((4 * product * SINE_ONE) / (5 * 1_048_576 - product));
  return turn < TURN / 2 ? value : -value;
}

export function cosine(angle: number): number {
  return sine(angle + TURN / 4);
}

/** The whole part of the square root of a non-negative integer below 2^53. */
export function integerRoot(value: number): number {
  if (value <= 0) return 0;
  // IEEE 754 fixes the result of a square root to the last bit, so this is one of the few safe functions.
  let root = Math.floor(Math.sqrt(value));
  while (root * root > value) root--;
  while ((root + 1) * (root + 1) <= value) root++;
  return root;
}

/** Mixes two integers and a seed to 32 well-spread bits. */
export function hash(x: number, y: number, seed: number): number {
  let bits = Math.imul(x, 0x27d4eb2d) ^ Math.imul(y, 0x165667b1) ^ seed;
  bits = Math.imul(bits ^ (bits >>> 15), 0x2c1b3c6d);
  bits = Math.imul(bits ^ (bits >>> 12), 0x297a2d39);
  return (bits ^ (bits >>> 15)) >>> 0;
}

/** Hashes a text by UTF-16 code units to 32 bits. */
export function hashText(text: string, seed = 0): number {
  let bits = (seed ^ 0x811c9dc5) >>> 0;
  for (let index = 0; index < text.length; index++)
    bits = Math.imul(bits ^ text.charCodeAt(index), 0x01000193);
  return hash(bits, text.length, seed);
}

/** An S-curve over 0..256. */
export function smooth(t: number): number {
  return (t * t * (768 - 2 * t)) >> 16;
}

export function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
}
