/** What is held back for a request: the dearest that may come of it. */

import type { JobPrice, TokenPrice } from "../../tasks/ports/price.ts";
import { totalMicros } from "./amount.ts";
import type { PricedRequest } from "./priced-request.ts";
import { imageMegapixels, imageRate, imageTokens, secondRate, videoRate } from "./rates.ts";

/** Tokens that a service adds to a prompt of its own accord. */
const PROMPT_OVERHEAD_TOKENS = 200;

/** Whole micro-dollars, rounded up; `n` times the dearest result that the request may mean. */
export function reservationFor(price: JobPrice, request: PricedRequest): number {
  const { n } = request;
  switch (price.kind) {
    case "free":
      return 0;
    case "per_image":
      return totalMicros([[n, imageRate(price, request)]]);
    case "per_token":
      return totalMicros([
        [n * request.frames * imageTokens(price, request), outputRate(price)],
        [n * inputTokens(price, request), inputRate(price)],
      ]);
    case "per_megapixel":
      return totalMicros([
        [n, price.firstMicros ?? price.micros],
        [n * (imageMegapixels(price, request) - 1), price.micros],
        [n * request.inputs, price.inputMicros ?? 0],
      ]);
    case "per_second":
      return totalMicros([[n * (request.seconds ?? price.longestSeconds), secondRate(price, request)]]);
    case "per_video":
      return totalMicros([[n, videoRate(price, request)]]);
  }
}

/** Input tokens of one call, at most. */
export function inputTokens({ most }: TokenPrice, { promptBytes, inputs }: PricedRequest): number {
  return promptBytes + PROMPT_OVERHEAD_TOKENS + inputs * most.input;
}

/** The dearest kind of input token; the dearest of all where none has a rate. */
export function inputRate({ rates }: TokenPrice): number {
  const { textInput = 0, cachedTextInput = 0, imageInput = 0, cachedImageInput = 0 } = rates;
  return Math.max(textInput, cachedTextInput, imageInput, cachedImageInput);
}

/** The dearest kind of output token. */
export function outputRate({ rates }: TokenPrice): number {
  return Math.max(rates.textOutput ?? 0, rates.imageOutput ?? 0);
}
