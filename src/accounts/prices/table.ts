/**
 * What providers ask for their models, as far as it is known: data with a source and a date for each line, to be looked at again
 * from time to time. A model without a line is offered only when its adapter or the operator prices it. Operators overrule lines
 * with the setting `prices`; docs/prices.md has the table for them.
 */

import type { Price, TokenPrice } from "../../tasks/ports/price.ts";

export type PriceLine = {
  /** `<provider>/<the provider's own name>`. */
  readonly model: string;
  readonly price: Price;
  /** Who said so. */
  readonly source: string;
  /** When it was looked up, `YYYY-MM-DD` or `YYYY-MM`. */
  readonly date: string;
  /** True for what was read at second hand, or assumed in part: look it up before relying on it. */
  readonly uncertain: boolean;
};

const MICROS_PER_DOLLAR = 1_000_000;

function usd(dollars: number): number {
  return Math.round(dollars * MICROS_PER_DOLLAR);
}

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
const GPT_IMAGE_2_6: Price = {
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

function gptImage1(rates: TokenPrice["rates"]): Price {
  return {
    kind: "per_token",
    rates,
    most: {
      image: [
        { quality: "low", tokens: 0, perMegapixel: 260 },
        { quality: "medium", tokens: 0, perMegapixel: 1_008 },
        { quality: "high", tokens: 0, perMegapixel: 3_968 },
      ],
      megapixels: 1.6,
      input: INPUT_PICTURE_TOKENS,
    },
  };
}

/** Up to 2520 tokens of a 4K picture, and what the model writes and thinks besides. */
const GEMINI_PICTURE = [{ tokens: 4_000 }];
const GEMINI_INPUT = 1_300;

function perImage(dollars: number): Price {
  return { kind: "per_image", micros: usd(dollars) };
}

function perMegapixel(first: number, further: number, input: number): Price {
  return {
    kind: "per_megapixel",
    firstMicros: usd(first),
    micros: usd(further),
    inputMicros: usd(input),
    megapixels: 4,
  };
}

function perSecond(longestSeconds: number, ...tiers: readonly [upTo: number, dollars: number][]): Price {
  return {
    kind: "per_second",
    by: tiers.map(([upTo, dollars]) => ({ upTo, micros: usd(dollars) })),
    longestSeconds,
  };
}

const HAILUO: Price = {
  kind: "per_video",
  by: [
    { seconds: 6, upTo: 768, micros: usd(0.28) },
    { seconds: 10, upTo: 768, micros: usd(0.56) },
    { seconds: 6, upTo: 1_080, micros: usd(0.49) },
  ],
};

const OPENAI = "OpenAI's list by pydantic/genai-prices; pictures by OpenAI's guide";
const RESELLERS = "resellers and blogs";
const MINIMAX = "MiniMax's price page of 2025-07, copied by another gateway";
const BFL = "docs.bfl.ai/quick_start/pricing and Black Forest Labs' own bfl-api skill";
const STABILITY = "developer.puter.com, quoting Stability's credits at $0.01";
const GEMINI = "xairouter.com and docs.ai.it.ufl.edu, quoting Google's list";

export const PRICE_TABLE: readonly PriceLine[] = [
  line("openai/gpt-image-2", GPT_IMAGE_2, OPENAI, "2026-07-22"),
  line("openai/gpt-image-2.6-flare", GPT_IMAGE_2_6, RESELLERS, "2026-11-29", "uncertain"),
  line("openai/gpt-image-2.6-sunburst", GPT_IMAGE_2_6, RESELLERS, "2026-11-29", "uncertain"),
  line(
    "openai/gpt-image-1.5",
    gptImage1({
      textInput: 5,
      cachedTextInput: 1.25,
      imageInput: 8,
      cachedImageInput: 2,
      textOutput: 10,
      imageOutput: 32,
    }),
    "pydantic/genai-prices",
    "2026-07-22",
  ),
  line(
    "openai/gpt-image-1-mini",
    gptImage1({
      textInput: 2,
      cachedTextInput: 0.2,
      imageInput: 2.5,
      cachedImageInput: 0.25,
      imageOutput: 8,
    }),
    "pydantic/genai-prices; OpenAI's model page",
    "2026-07-22",
  ),

  line("minimax/image-01", perImage(0.0035), MINIMAX, "2025-07"),
  line("minimax/MiniMax-Hailuo-02", HAILUO, MINIMAX, "2025-07"),
  line("minimax/MiniMax-Hailuo-2.3", HAILUO, `${MINIMAX}: the model before it`, "2025-07", "uncertain"),
  line("minimax/MiniMax-Hailuo-2.3-Fast", HAILUO, `${MINIMAX}: a dearer model`, "2025-07", "uncertain"),
  line("minimax/MiniMax-H3", perSecond(15, [768, 0.08], [1_440, 0.13]), RESELLERS, "2026-11-29", "uncertain"),
  ...["T2V-01", "T2V-01-Director", "I2V-01", "I2V-01-Director", "I2V-01-live"].map((name) =>
    line(`minimax/${name}`, { kind: "per_video", micros: usd(0.43) }, MINIMAX, "2025-07"),
  ),
  line("minimax/S2V-01", { kind: "per_video", micros: usd(0.65) }, MINIMAX, "2025-07"),

  line(
    "replicate/black-forest-labs/flux-schnell",
    perImage(0.003),
    "workflowlab.dev",
    "2026-05-25",
    "uncertain",
  ),
  line("replicate/black-forest-labs/flux-dev", perImage(0.025), "workflowlab.dev", "2026-05-11", "uncertain"),
  line("replicate/black-forest-labs/flux-pro", perImage(0.055), "replicate.com, the model's page", "2026"),

  line(
    "fal/fal-ai/flux/schnell",
    { kind: "per_megapixel", micros: usd(0.003), megapixels: 4 },
    "workflowlab.dev, toolchew.com",
    "2026-05-20",
    "uncertain",
  ),
  line(
    "fal/fal-ai/flux/dev",
    { kind: "per_megapixel", micros: usd(0.025), megapixels: 4 },
    "runflow.io; another page says 0.003",
    "2026-05",
    "uncertain",
  ),

  line(
    "gemini/gemini-3.1-flash-image",
    {
      kind: "per_token",
      rates: { textInput: 0.5, imageInput: 0.5, textOutput: 3, imageOutput: 60 },
      most: { image: GEMINI_PICTURE, megapixels: 16.8, input: GEMINI_INPUT },
    },
    GEMINI,
    "2026-02",
    "uncertain",
  ),
  line(
    "gemini/gemini-omni-1.1-flash",
    perSecond(15, [360, 0.03], [720, 0.1], [1_080, 0.15], [2_160, 0.3]),
    RESELLERS,
    "2026-11-29",
    "uncertain",
  ),

  line("bfl/flux-2-klein-4b", perMegapixel(0.014, 0.001, 0.004), BFL, "2026-11-30"),
  line("bfl/flux-2-klein-9b", perMegapixel(0.015, 0.002, 0.008), BFL, "2026-11-30"),
  line("bfl/flux-2-pro", perMegapixel(0.03, 0.015, 0.06), BFL, "2026-11-30"),
  line("bfl/flux-2-max", perMegapixel(0.07, 0.03, 0.12), BFL, "2026-11-30"),
  line("bfl/flux-2-flex", perMegapixel(0.05, 0.05, 0.2), BFL, "2026-11-30"),

  line("stability/ultra", perImage(0.08), STABILITY, "2026-06", "uncertain"),
  line("stability/core", perImage(0.03), STABILITY, "2026-06", "uncertain"),
  line("stability/sd3.5-large", perImage(0.065), STABILITY, "2026-06", "uncertain"),
  line("stability/sd3.5-large-turbo", perImage(0.04), STABILITY, "2026-06", "uncertain"),
  line("stability/sd3.5-medium", perImage(0.035), STABILITY, "2026-06", "uncertain"),
];

const BY_MODEL: ReadonlyMap<string, Price> = new Map(PRICE_TABLE.map(({ model, price }) => [model, price]));

/** Null where no price is known. */
export function listPrice(model: string): Price | null {
  return BY_MODEL.get(model) ?? null;
}

function line(model: string, price: Price, source: string, date: string, certainty?: "uncertain"): PriceLine {
  return { model, price, source, date, uncertain: certainty === "uncertain" };
}
