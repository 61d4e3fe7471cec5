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

/** Decimal notation, without an exponent and without needless noughts: `0.000001`, `5`. Whole micro-dollars. */
export function dollarText(micros: number): string {
  if (micros < 0) return `-${dollarText(-micros)}`;
  const rest = micros % MICROS_PER_DOLLAR;
  const whole = String((micros - rest) / MICROS_PER_DOLLAR);
  if (rest === 0) return whole;
  const digits = String(rest).padStart(DECIMALS, "0");
  let end = DECIMALS;
  while (digits[end - 1] === "0") end -= 1;
  return `${whole}.${digits.slice(0, end)}`;
}
