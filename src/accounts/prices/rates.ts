/** The rate that counts among the lines of a price: the dearest of all that may be meant. */

import type {
  ImagePrice,
  MegapixelPrice,
  SecondPrice,
  TokenPrice,
  VideoPrice,
} from "../../tasks/ports/price.ts";
import { type PricedRequest, pixelsOf, shortSideOf } from "./priced-request.ts";

/** A megapixel as image services count it. */
const MEGAPIXEL = 1_024 * 1_024;
const MILLION = 1_000_000;

/** Micro-dollars of one picture. */
export function imageRate(
  { micros, by = [] }: ImagePrice,
  { sizes, qualities }: Pick<PricedRequest, "sizes" | "qualities">,
): number {
  if (by.length === 0) return Math.max(0, micros ?? 0);
  const unnamed = micros ?? dearest(by.map((line) => line.micros));
  return dearest(
    orAny(sizes).flatMap((size) =>
      orAny(qualities).map((quality) => {
        const fitting = by.filter((line) => mayBe(line.size, size) && mayBe(line.quality, quality));
        if (fitting.length === 0) return unnamed;
        const certain = fitting.some((line) => isSure(line.size, size) && isSure(line.quality, quality));
        return dearest([...fitting.map((line) => line.micros), certain ? 0 : (micros ?? 0)]);
      }),
    ),
  );
}

/** Output tokens of one picture, at most. */
export function imageTokens(
  { most }: TokenPrice,
  { sizes, qualities }: Pick<PricedRequest, "sizes" | "qualities">,
): number {
  const pixels = orAny(sizes).map((size) => (size === null ? null : pixelsOf(size)));
  const megapixels = dearest(pixels.map((count) => (count === null ? most.megapixels : count / MILLION)));
  const lines = orAny(qualities).flatMap((quality) => {
    const fitting = most.image.filter((line) => mayBe(line.quality, quality));
    return fitting.length > 0 ? fitting : most.image;
  });
  return Math.ceil(dearest(lines.map(({ tokens, perMegapixel = 0 }) => tokens + perMegapixel * megapixels)));
}

/** Whole megapixels of one picture, at most. */
export function imageMegapixels(price: MegapixelPrice, { sizes }: Pick<PricedRequest, "sizes">): number {
  return dearest(
    orAny(sizes).map((size) => {
      const pixels = size === null ? null : pixelsOf(size);
      return pixels === null ? Math.ceil(price.megapixels) : wholeMegapixels(pixels);
    }),
  );
}

export function wholeMegapixels(pixels: number): number {
  return Math.max(1, Math.ceil(pixels / MEGAPIXEL));
}

/** Micro-dollars of one second of film. */
export function secondRate(
  { micros, by = [] }: SecondPrice,
  { sizes }: Pick<PricedRequest, "sizes">,
): number {
  const all = [...by.map((line) => line.micros), ...(micros === undefined ? [] : [micros])];
  return dearest(
    orAny(sizes).map((size) => {
      const side = size === null ? null : shortSideOf(size);
      if (side === null) return dearest(all);
      const reaching = by.filter((line) => line.upTo >= side).sort((one, other) => one.upTo - other.upTo);
      return reaching[0]?.micros ?? micros ?? dearest(all);
    }),
  );
}

/** Micro-dollars of one film. What is left open is tried at every bound that a line has. */
export function videoRate(
  { micros, by = [] }: VideoPrice,
  { sizes, seconds }: Pick<PricedRequest, "sizes" | "seconds">,
): number {
  const unreached = micros ?? dearest(by.map((line) => line.micros));
  const rates = orAny(sizes).flatMap((size) => {
    const side = size === null ? null : shortSideOf(size);
    const sides = side === null ? by.map((line) => line.upTo ?? 0) : [side];
    const durations = seconds === null ? by.map((line) => line.seconds ?? 0) : [seconds];
    const named = sides.flatMap((upTo) =>
      durations.map((duration) => {
        const reaching = by.filter((line) => reaches(line.seconds, duration) && reaches(line.upTo, upTo));
        return reaching.length === 0 ? unreached : Math.min(...reaching.map((line) => line.micros));
      }),
    );
    const open = side === null || seconds === null;
    return open && micros !== undefined ? [...named, micros] : named;
  });
  return dearest(rates.length === 0 ? [unreached] : rates);
}

/** What a line says of a thing that may be anything. */
function mayBe(line: string | undefined, asked: string | null): boolean {
  return line === undefined || asked === null || line.toLowerCase() === asked.toLowerCase();
}

/** Whether a line that fits cannot but be meant. */
function isSure(line: string | undefined, asked: string | null): boolean {
  return line === undefined || asked !== null;
}

/** A line without a bound reaches everything. */
function reaches(bound: number | undefined, asked: number): boolean {
  return bound === undefined || asked <= bound;
}

function orAny(values: readonly string[]): readonly (string | null)[] {
  return values.length > 0 ? values : [null];
}

function dearest(rates: readonly number[]): number {
  return Math.max(0, ...rates);
}
