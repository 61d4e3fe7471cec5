/** What a finished job costs: by the price that was agreed, by what came of it and by what the provider says it used. */

import type { Bill, DoneOutcome } from "../../tasks/ports/billing.ts";
import type { Usage } from "../../tasks/ports/media-provider.ts";
import type {
  ImagePrice,
  JobPrice,
  MegapixelPrice,
  SecondPrice,
  TokenKind,
  TokenPrice,
} from "../../tasks/ports/price.ts";
import type { MediaItem } from "../../tasks/task.ts";
import { type Term, totalMicros } from "./amount.ts";
import { inputRate, inputTokens, outputRate } from "./dearest-price.ts";
import type { PricedRequest } from "./priced-request.ts";
import { imageMegapixels, imageRate, secondRate, videoRate, wholeMegapixels } from "./rates.ts";

/** The terms under which a job was accepted. */
export type Terms = {
  readonly price: JobPrice;
  /** What was held back by this price. */
  readonly reservedMicros: number;
  /** The operator set the price: it decides what is charged, whatever the provider says that it bills. */
  readonly own: boolean;
};

/** What one way of pricing comes to. */
type Reckoned = {
  readonly terms: readonly Term[];
  /** The quantities are the provider's own word, so that they may be more than was reserved for. */
  readonly told: boolean;
};

/**
 * Both amounts are whole micro-dollars, each rounded up once. A provider that says what it bills is believed, but for nothing:
 * a paid result is never free because an answer said so or said too little. Where neither the request nor the answer tells
 * a quantity, the results that came cost their share of the reservation. The charge is at most `heldMicros`: of a task that may be made
 * in several ways, what was held back for the dearest of them.
 */
export function settledBill(
  terms: Terms,
  request: PricedRequest,
  outcome: Omit<DoneOutcome, "kind">,
  heldMicros = terms.reservedMicros,
): Bill {
  const { price, reservedMicros, own } = terms;
  const said = isAmount(outcome.costMicros)
    ? Math.min(Number.MAX_SAFE_INTEGER, Math.ceil(outcome.costMicros))
    : null;
  if (price.kind === "free") return { chargedMicros: 0, upstreamMicros: said ?? 0 };
  const { items, usage = {} } = outcome;
  if (items.length === 0) return { chargedMicros: 0, upstreamMicros: said ?? 0 };
  const share = shareOf(reservedMicros, items.length, request.n);
  const reckoned = (images: number): number => {
    const found = reckon(price, request, items, usage, images);
    if (found === null) return share;
    const micros = totalMicros(found.terms);
    return found.told ? micros : Math.min(micros, reservedMicros);
  };
  const byPrice = reckoned(items.length);
  const billed = said ?? reckoned(Math.max(items.length, amount(usage.images)));
  return {
    chargedMicros: Math.min(heldMicros, own ? byPrice : (said ?? byPrice)),
    upstreamMicros: billed,
  };
}

/** What `came` of `asked` results cost of a reservation, rounded up. */
export function shareOf(reservedMicros: number, came: number, asked: number): number {
  return Math.min(reservedMicros, Math.ceil((reservedMicros * came) / Math.max(1, asked)));
}

/** Null where a quantity is not known. `images` is how many pictures are counted. */
function reckon(
  price: Exclude<JobPrice, { kind: "free" }>,
  request: PricedRequest,
  items: readonly MediaItem[],
  usage: Usage,
  images: number,
): Reckoned | null {
  switch (price.kind) {
    case "per_image":
      return { terms: pictures(price, request, items, images), told: images > items.length };
    case "per_token":
      return tokens(price, request, usage.tokens ?? {});
    case "per_megapixel":
      return megapixels(price, request, items, usage, images);
    case "per_second":
      return seconds(price, request, items, usage);
    case "per_video":
      return { terms: [[items.length, videoRate(price, request)]], told: false };
  }
}

/** Each at the size it has, where the request left that open and the price knows it. */
function pictures(
  price: ImagePrice,
  request: PricedRequest,
  items: readonly MediaItem[],
  images: number,
): Term[] {
  const rate = imageRate(price, request);
  const own = items.map(({ width, height }): Term => {
    const size = `${width}x${height}`;
    const listed = price.by?.some((line) => line.size === size) === true;
    return [1, request.sizes.length !== 1 && listed ? imageRate(price, { ...request, sizes: [size] }) : rate];
  });
  return [...own, [images - items.length, rate]];
}

/**
 * Tokens whose kind is not told cost as much as the dearest of their direction. An answer without output tokens tells nothing,
 * for there are results; one without input tokens is priced by the length of its prompt.
 */
function tokens(
  price: TokenPrice,
  request: PricedRequest,
  told: NonNullable<Usage["tokens"]>,
): Reckoned | null {
  const count = (kind: keyof NonNullable<Usage["tokens"]>) => amount(told[kind]);
  const output = Math.max(count("output"), count("textOutput") + count("imageOutput"));
  if (output === 0) return null;
  const text = Math.max(count("textInput"), count("cachedTextInput"));
  const image = Math.max(count("imageInput"), count("cachedImageInput"));
  const input = Math.max(count("input"), text + image);
  const dearestIn = inputRate(price);
  const dearestOut = outputRate(price);
  const rate = (kind: TokenKind, otherwise: number) => price.rates[kind] ?? otherwise;
  const textIn = rate("textInput", dearestIn);
  const imageIn = rate("imageInput", dearestIn);
  const terms: Term[] = [
    [text - count("cachedTextInput"), textIn],
    [count("cachedTextInput"), rate("cachedTextInput", textIn)],
    [image - count("cachedImageInput"), imageIn],
    [count("cachedImageInput"), rate("cachedImageInput", imageIn)],
    [input === 0 ? inputTokens(price, request) : input - text - image, dearestIn],
    [count("textOutput"), rate("textOutput", dearestOut)],
    [count("imageOutput"), rate("imageOutput", dearestOut)],
    [output - count("textOutput") - count("imageOutput"), dearestOut],
  ];
  return { terms, told: true };
}

function megapixels(
  price: MegapixelPrice,
  request: PricedRequest,
  items: readonly MediaItem[],
  usage: Usage,
  images: number,
): Reckoned | null {
  const told = amount(usage.megapixels);
  const whole =
    told > 0
      ? Math.ceil(told)
      : items.reduce((sum, item) => sum + megapixelsOf(item, price, request), 0) +
        (images - items.length) * imageMegapixels(price, request);
  const terms: Term[] = [
    [images, price.firstMicros ?? price.micros],
    [Math.max(0, whole - images), price.micros],
    [images * request.inputs, price.inputMicros ?? 0],
  ];
  return { terms, told: told > 0 || images > items.length };
}

function megapixelsOf({ width = 0, height = 0 }: MediaItem, price: MegapixelPrice, request: PricedRequest) {
  return width > 0 && height > 0 ? wholeMegapixels(width * height) : imageMegapixels(price, request);
}

/** By what the provider says, else by what was asked for, else by the films themselves, which may be some frames longer. */
function seconds(
  price: SecondPrice,
  request: PricedRequest,
  items: readonly MediaItem[],
  usage: Usage,
): Reckoned | null {
  const rate = secondRate(price, request);
  const told = amount(usage.seconds);
  if (told > 0) return { terms: [[told, rate]], told: true };
  if (request.seconds !== null) return { terms: [[items.length * request.seconds, rate]], told: false };
  const films = items.map(({ durationSeconds }) => Math.min(amount(durationSeconds), price.longestSeconds));
  return films.some((length) => length === 0)
    ? null
    : { terms: films.map((length): Term => [length, rate]), told: false };
}

/** What is no amount counts as not told. */
function amount(value: number | undefined): number {
  return isAmount(value) ? value : 0;
}

function isAmount(value: number | undefined): value is number {
  return value !== undefined && Number.isFinite(value) && value > 0;
}
