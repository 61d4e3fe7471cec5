/** Exact sums of money, and the one place where they are rounded. */

/** A quantity, and the micro-dollars of one of it. */
export type Term = readonly [quantity: number, micros: number];

/** Quantities and rates are taken to six decimals; the least amount there is, is a millionth. */
const SCALE = 1_000_000;
const SCALE_OF_PRODUCT = 1_000_000_000_000n;
const LARGEST = BigInt(Number.MAX_SAFE_INTEGER);

/**
 * The sum of the terms in whole micro-dollars, rounded up: what was used is never read as nothing, and is at most a
 * millionth of a dollar dearer. It does not depend on the order of the terms. What is no positive number is nothing.
 */
export function totalMicros(terms: readonly Term[]): number {
  return wholeTotal(terms) ?? scaledTotal(terms);
}

/** Of whole quantities and rates, which most are; null where one is not, or the sum is not exact as a number. */
function wholeTotal(terms: readonly Term[]): number | null {
  let total = 0;
  for (const [quantity, micros] of terms) {
    if (!(quantity > 0 && micros > 0)) continue;
    if (!(Number.isSafeInteger(quantity) && Number.isSafeInteger(micros))) return null;
    total += quantity * micros;
    if (!Number.isSafeInteger(total)) return null;
  }
  return total;
}

function scaledTotal(terms: readonly Term[]): number {
  let total = 0n;
  for (const [quantity, micros] of terms) total += scaled(quantity) * scaled(micros);
  const whole = (total + SCALE_OF_PRODUCT - 1n) / SCALE_OF_PRODUCT;
  return Number(whole < LARGEST ? whole : LARGEST);
}

function scaled(value: number): bigint {
  if (!(value > 0)) return 0n;
  return BigInt(Math.max(1, Math.round(Math.min(value, Number.MAX_SAFE_INTEGER) * SCALE)));
}
