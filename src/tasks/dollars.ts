/** Micro-dollars, in which money is reckoned, as dollars, in which it is told. */

const MICROS_PER_DOLLAR = 1_000_000;
const DECIMALS = 6;

export function dollars(micros: number): number {
  return micros / MICROS_PER_DOLLAR;
}

/** The nearest whole micro-dollar. */
export function micros(amount: number): number {
  return Math.round(amount * MICROS_PER_DOLLAR);
}

/** Decimal notation, without an exponent and without needless noughts: `0.000001`, `5`. */
export function dollarText(micros: number): string {
  return dollars(micros)
    .toFixed(DECIMALS)
    .replace(/\.?0+$/, "");
}
