/**
 * What providers ask for their models, as far as it is known: data with a source and a date for each line, to be looked at again
 * from time to time. A model without a line is offered only when its adapter or the operator prices it. Operators overrule lines
 * with the setting `prices`; docs/prices.md has the table for them.
 */

import type { Price, TokenPrice } from "../../tasks/ports/price.ts";
import { OPENROUTER_LINES } from "./openrouter-lines.ts";
import { type PriceLine, perImage, perMegapixel, perSecond, priceLine, usd } from "./price-lines.ts";
import { VOICE_LINES } from "./voice-lines.ts";

/** A million tokens cost as many dollars as one costs micro-dollars. */
const GPT_IMAGE_2_RATES: TokenPrice["rates"] = {
  textInput: 5,
  cachedTextInput: 1.25,
  imageInput: 8,
  cachedImageInput: 2,
  imageOutput: 30,
};
/** Lines that no published picture exceeds: 1024 × 1024 comes to $0.006, $0.053 and $0.211 of output. */
const GPT_IMAGE_2_TOKENS: TokenPrice["most"]["image"] = [
  { quality: "low", tokens: 128, perMegapixel: 64 },
  { quality: "medium", tokens: 1_152, perMegapixel: 576 },
  { quality: "high", tokens: 4_608, perMegapixel: 2_304 },
];
/** 3840 × 2160. */
const GPT_IMAGE_2_MEGAPIXELS = 8.3;
/** A picture of 12 million pixels is counted as fewer. */
const INPUT_PICTURE_TOKENS = 15_000;

const GPT_IMAGE_2: Price = {
  kind: "per_token",
  rates: GPT_IMAGE_2_RATES,
  most: { image: GPT_IMAGE_2_TOKENS, megapixels: GPT_IMAGE_2_MEGAPIXELS, input: INPUT_PICTURE_TOKENS },
};
/** Of the two further qualities no count is published: assumed are twice and four times the tokens of the highest known. */
const GPT_IMAGE_DEEPER: Price = {
  kind: "per_token",
  rates: GPT_IMAGE_2_RATES,
  most: {
    ...GPT_IMAGE_2.most,
    image: [
      ...GPT_IMAGE_2_TOKENS,
      { quality: "xhigh", tokens: 9_216, perMegapixel: 4_608 },
      { quality: "max", tokens: 18_432, perMegapixel: 9_216 },
    ],
  },
};

/** Tokens of an input picture. */
const GEMINI_INPUT = 1_300;

/** Dollars for a million tokens; `most`: output tokens of a picture, and what the model writes and thinks besides. */
function gemini(input: number, textOutput: number, imageOutput: number, most: number): Price {
  return {
    kind: "per_token",
    rates: { textInput: input, imageInput: input, textOutput, imageOutput },
    most: { image: [{ tokens: most }], megapixels: 16.8, input: GEMINI_INPUT },
  };
}

const HAILUO_768P = [
  { seconds: 6, upTo: 768, micros: usd(0.28) },
  { seconds: 10, upTo: 768, micros: usd(0.56) },
];
const HAILUO: Price = {
  kind: "per_video",
  by: [...HAILUO_768P, { seconds: 6, upTo: 1_080, micros: usd(0.49) }],
};

const OPENAI = "OpenAI's list by pydantic/genai-prices; pictures by OpenAI's guide";
const OPENAI_PAGE = "OpenAI's page of the model";
const RESELLERS = "resellers and blogs";
const MINIMAX = "MiniMax's price page of 2025-07, copied by another gateway";
const BFL = "docs.bfl.ai/quick_start/pricing and Black Forest Labs' own bfl-api skill";
const STABILITY = "developer.puter.com, quoting Stability's credits at $0.01";
const GEMINI =
  "xairouter.com and docs.ai.it.ufl.edu, quoting Google's list; pydantic/genai-prices says the same";

export const PRICE_TABLE: readonly PriceLine[] = [
  priceLine("openai/gpt-image-2", GPT_IMAGE_2, OPENAI, "2026-07-22"),
  ...["gpt-image-2.6-sunburst", "gpt-image-2.6-flare"].map((name) =>
    priceLine(`openai/${name}`, GPT_IMAGE_DEEPER, `${OPENAI_PAGE}, that of Sunburst`, "2026-11", "uncertain"),
  ),
  ...["gpt-image-2.5-sunburst", "gpt-image-2.5-flare"].map((name) =>
    priceLine(
      `openai/${name}`,
      GPT_IMAGE_DEEPER,
      `${OPENAI_PAGE}, quoted by others`,
      "2026-09-09",
      "uncertain",
    ),
  ),

  priceLine("minimax/image-01", perImage(0.0035), MINIMAX, "2025-07"),
  priceLine("minimax/MiniMax-Hailuo-02", HAILUO, MINIMAX, "2025-07"),
  priceLine("minimax/MiniMax-Hailuo-2.3", HAILUO, `${MINIMAX}: the model before it`, "2025-07", "uncertain"),
  priceLine("minimax/MiniMax-Hailuo-2.3-Fast", HAILUO, `${MINIMAX}: a dearer model`, "2025-07", "uncertain"),
  priceLine(
    "minimax/MiniMax-H3",
    perSecond(15, [768, 0.08], [1_440, 0.13]),
    RESELLERS,
    "2026-11-29",
    "uncertain",
  ),
  priceLine(
    "minimax/MiniMax-H3-Max",
    perSecond(15, [480, 0.05], [768, 0.08]),
    "OpenRouter's list of video models, which has it as hailuo-3-max; resellers say the same",
    "2026-10-09",
    "uncertain",
  ),
  priceLine("minimax/S2V-01", { kind: "per_video", micros: usd(0.65) }, MINIMAX, "2025-07"),

  priceLine(
    "replicate/black-forest-labs/flux-schnell",
    perImage(0.003),
    "workflowlab.dev",
    "2026-05-25",
    "uncertain",
  ),
  priceLine(
    "replicate/black-forest-labs/flux-dev",
    perImage(0.025),
    "workflowlab.dev",
    "2026-05-11",
    "uncertain",
  ),
  priceLine(
    "replicate/black-forest-labs/flux-1.1-pro",
    perImage(0.04),
    "HeyPuter/puter's table of Replicate's prices",
    "2026",
    "uncertain",
  ),
  priceLine(
    "replicate/black-forest-labs/flux-2-pro",
    perMegapixel(0.03, 0.015, 0.06),
    "HeyPuter/puter's table of Replicate's prices: a run, and each megapixel in and out",
    "2026",
    "uncertain",
  ),
  priceLine(
    "replicate/kwaivgi/kling-v2.5-turbo-pro",
    { kind: "per_second", micros: usd(0.07), longestSeconds: 10 },
    "a reseller's table of Replicate's prices",
    "2026",
    "uncertain",
  ),

  priceLine(
    "fal/fal-ai/flux/schnell",
    { kind: "per_megapixel", micros: usd(0.003), megapixels: 4 },
    "workflowlab.dev, toolchew.com",
    "2026-05-20",
    "uncertain",
  ),
  priceLine(
    "fal/fal-ai/flux/dev",
    { kind: "per_megapixel", micros: usd(0.025), megapixels: 4 },
    "runflow.io; another page says 0.003",
    "2026-05",
    "uncertain",
  ),
  priceLine(
    "fal/fal-ai/flux-2-pro",
    perMegapixel(0.03, 0.03, 0.06),
    "keigit.com: 0.03 to 0.045 a megapixel; taken is the most",
    "2026-05",
    "uncertain",
  ),
  priceLine(
    "fal/fal-ai/bytedance/seedance/v1/pro/text-to-video",
    perSecond(12, [480, 0.026], [720, 0.056], [1_080, 0.124]),
    "an application's table: 0.62 for 5 s of 1080p; the rest by pixels, as ByteDance counts them",
    "2025",
    "uncertain",
  ),
  priceLine(
    "fal/fal-ai/minimax/hailuo-2.3/standard/text-to-video",
    { kind: "per_video", by: HAILUO_768P },
    "crepal.ai, quoting fal.ai: 0.28 for 6 s; 10 s as MiniMax asks for them",
    "2026-03",
    "uncertain",
  ),

  // 1K is 1120 tokens, 4K is 3780; the model thinks before it draws.
  priceLine(
    "gemini/gemini-nano-banana-2.1",
    gemini(1.5, 7.5, 30, 8_000),
    "docs.apiyi.com and fal.ai's guide, by their margins on Google's list; OpenRouter's list",
    "2026-10",
    "uncertain",
  ),
  priceLine("gemini/gemini-3.1-flash-image", gemini(0.5, 3, 60, 4_000), GEMINI, "2026-02", "uncertain"),
  // $0.134 up to 2K, $0.24 at 4K; its text is that of Gemini 3 Pro.
  priceLine("gemini/gemini-3-pro-image", gemini(2, 12, 120, 4_000), RESELLERS, "2026-10-09", "uncertain"),
  priceLine(
    "gemini/gemini-3.1-flash-lite-image",
    gemini(0.25, 1.5, 30, 4_096),
    "docs.gmicloud.ai, quoting Google's list; Google's page of the model",
    "2026-06-30",
    "uncertain",
  ),
  priceLine(
    "gemini/gemini-omni-1.1-flash",
    perSecond(15, [360, 0.03], [720, 0.1], [1_080, 0.15], [2_160, 0.3]),
    RESELLERS,
    "2026-11-29",
    "uncertain",
  ),
  priceLine(
    "gemini/gemini-omni-1.2-flash",
    perSecond(15, [360, 0.023], [720, 0.07], [1_080, 0.105], [2_160, 0.21]),
    "muapi.ai; docs.laozhang.ai, by its share of Google's list",
    "2026-11-11",
    "uncertain",
  ),

  ...OPENROUTER_LINES,
  ...VOICE_LINES,

  priceLine("bfl/flux-2-klein-4b", perMegapixel(0.014, 0.001, 0.004), BFL, "2026-11-30"),
  priceLine("bfl/flux-2-klein-9b", perMegapixel(0.015, 0.002, 0.008), BFL, "2026-11-30"),
  priceLine("bfl/flux-2-pro", perMegapixel(0.03, 0.015, 0.06), BFL, "2026-11-30"),
  priceLine("bfl/flux-2-max", perMegapixel(0.07, 0.03, 0.12), BFL, "2026-11-30"),
  priceLine("bfl/flux-2-flex", perMegapixel(0.05, 0.05, 0.2), BFL, "2026-11-30"),

  priceLine("stability/ultra", perImage(0.08), STABILITY, "2026-06", "uncertain"),
  priceLine("stability/core", perImage(0.03), STABILITY, "2026-06", "uncertain"),
  priceLine("stability/sd3.5-large", perImage(0.065), STABILITY, "2026-06", "uncertain"),
  priceLine("stability/sd3.5-large-turbo", perImage(0.04), STABILITY, "2026-06", "uncertain"),
  priceLine("stability/sd3.5-medium", perImage(0.035), STABILITY, "2026-06", "uncertain"),
];

const BY_MODEL: ReadonlyMap<string, Price> = new Map(PRICE_TABLE.map(({ model, price }) => [model, price]));

/** Null where no price is known. */
export function listPrice(model: string): Price | null {
  return BY_MODEL.get(model) ?? null;
}
