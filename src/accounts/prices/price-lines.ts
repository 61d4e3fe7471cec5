/** What a line of the price table is, and the short forms in which its prices are written. Amounts are dollars in here. */

import type { MegapixelPrice, Price } from "../../tasks/ports/price.ts";

export type PriceLine = {
  /** `<provider>/<the provider's own name>`. */
  readonly model: string;
  readonly price: Price;
  /** Who said so. */
  readonly source: string;
  /** When it was looked up, `YYYY-MM-DD` or `YYYY-MM`. */
  readonly date: string;
  /** True for what was read at second hand, assumed in part or is an upper bound: look it up before relying on it. */
  readonly uncertain: boolean;
};

const MICROS_PER_DOLLAR = 1_000_000;

export function priceLine(
  model: string,
  price: Price,
  source: string,
  date: string,
  certainty?: "uncertain",
): PriceLine {
  return { model, price, source, date, uncertain: certainty === "uncertain" };
}

/** Whole micro-dollars. */
export function usd(dollars: number): number {
  return Math.round(dollars * MICROS_PER_DOLLAR);
}

export function perImage(dollars: number): Price {
  return { kind: "per_image", micros: usd(dollars) };
}

/** The first megapixel of a picture, each further one, and an input picture at most. */
export function perMegapixel(first: number, further: number, input: number): MegapixelPrice {
  return {
    kind: "per_megapixel",
    firstMicros: usd(first),
    micros: usd(further),
    inputMicros: usd(input),
    megapixels: 4,
  };
}

/** A second of film up to each height, lowest first. */
export function perSecond(
  longestSeconds: number,
  ...tiers: readonly [upTo: number, dollars: number][]
): Price {
  return {
    kind: "per_second",
    by: tiers.map(([upTo, dollars]) => ({ upTo, micros: usd(dollars) })),
    longestSeconds,
  };
}
