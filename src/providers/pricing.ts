/** What a paid model is reckoned at until prices are looked up in a table of their own. */

import type { Pricing } from "../tasks/ports/model-catalogue.ts";

/** The dearest picture or film of a provider, in micro-dollars: what is held back for each. */
const PER_IMAGE_MICROS: Readonly<Record<string, number>> = {
  // 13,000 image tokens at $30 a million: the largest size at the highest quality.
  openai: 400_000,
  // 15 seconds of film in 4K at $0.30 each.
  gemini: 4_500_000,
  // Fifteen seconds at $0.13.
  minimax: 1_950_000,
  // Twelve seconds of film in 1080p at $0.15.
  replicate: 1_800_000,
  // 20 seconds of film at the dearest list price of $0.60 each.
  openrouter: 12_000_000,
  stability: 80_000,
  // Four megapixels by the dearest model, from eight pictures of as many.
  bfl: 1_200_000,
  fal: 1_800_000,
};

/** The price of a provider's model. Throws for a provider without one: a mistake of ours. */
export function provisionalPricing(provider: string, model: string): Pricing {
  const micros = PER_IMAGE_MICROS[provider];
  if (micros === undefined) throw new Error(`There is no price for ${provider}/${model}`);
  return { kind: "per_image", micros };
}
