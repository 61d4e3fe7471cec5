/** Prices as operators write them: what is taken, and that everything else stops the start. */

import { describe, expect, it } from "vitest";
import { ConfigError, loadConfig } from "../../../src/config/load.ts";

function priced(price: unknown, model = "x/m") {
  return loadConfig({ env: {}, file: JSON.stringify({ prices: { [model]: price } }) }).settings.prices[model];
}

function problemOf(price: unknown): string {
  try {
    priced(price);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error(`${JSON.stringify(price)} was taken`);
}

describe("the setting prices", () => {
  it.each<[unknown, unknown]>([
    [{ free: true }, { kind: "free" }],
    [
      { unit: "session", minuteUsd: 0.05, reserveMinuteUsd: 0.1 },
      { kind: "per_session", minuteMicros: 50_000, reserveMinuteMicros: 100_000 },
    ],
    [
      {
        unit: "session",
        rates: { audioInput: 32, audioOutput: 64 },
        transcription: { audioInput: 6, textInput: 2.5, output: 10, minuteUsd: 0.017 },
        reserveMinuteUsd: 0.3,
      },
      {
        kind: "per_session",
        tokens: { audioInput: 32, audioOutput: 64 },
        transcription: { audioInput: 6, textInput: 2.5, output: 10, minuteMicros: 17_000 },
        reserveMinuteMicros: 300_000,
      },
    ],
    [
      { unit: "image", usd: 0.0035 },
      { kind: "per_image", micros: 3_500 },
    ],
    [
      { unit: "image", usd: 0.04, rates: [{ quality: "high", size: "1024x1024", usd: 0.17 }] },
      { kind: "per_image", micros: 40_000, by: [{ size: "1024x1024", quality: "high", micros: 170_000 }] },
    ],
    [
      {
        unit: "million_tokens",
        rates: { textInput: 5, cachedTextInput: 1.25, imageOutput: 30 },
        most: {
          image: [
            { quality: "low", tokens: 300 },
            { tokens: 0, perMegapixel: 4_000 },
          ],
        },
      },
      {
        kind: "per_token",
        rates: { textInput: 5, cachedTextInput: 1.25, imageOutput: 30 },
        most: {
          image: [
            { quality: "low", tokens: 300 },
            { tokens: 0, perMegapixel: 4_000 },
          ],
          megapixels: 4,
          input: 15_000,
        },
      },
    ],
    [
      { unit: "megapixel", usd: 0.015, firstUsd: 0.03, inputUsd: 0.06, megapixels: 2 },
      { kind: "per_megapixel", micros: 15_000, firstMicros: 30_000, inputMicros: 60_000, megapixels: 2 },
    ],
    [
      {
        unit: "second",
        rates: [
          { upTo: "720p", usd: 0.1 },
          { upTo: "4K", usd: 0.3 },
        ],
        longestSeconds: 15,
      },
      {
        kind: "per_second",
        by: [
          { upTo: 720, micros: 100_000 },
          { upTo: 2_160, micros: 300_000 },
        ],
        longestSeconds: 15,
      },
    ],
    [
      { unit: "video", rates: [{ seconds: 6, upTo: "768P", usd: 0.28 }, { usd: 0.56 }] },
      {
        kind: "per_video",
        by: [{ seconds: 6, upTo: 768, micros: 280_000 }, { micros: 560_000 }],
      },
    ],
  ])("takes %j", (written, price) => {
    expect(priced(written)).toEqual(price);
  });

  it.each([
    [{}],
    [{ free: false }],
    [{ free: "true" }],
    [{ unit: "image" }],
    [{ unit: "image", usd: 0 }],
    [{ unit: "image", usd: -0.04 }],
    [{ unit: "image", usd: "0.04" }],
    [{ unit: "image", usd: 0.04, price: 3 }],
    [{ unit: "image", rates: [] }],
    [{ unit: "second", usd: 0.1 }],
    [{ unit: "second", longestSeconds: 10 }],
    [{ unit: "second", rates: [{ upTo: "tall", usd: 1 }], longestSeconds: 10 }],
    [{ unit: "video", rates: [{ seconds: 0, usd: 1 }] }],
    [{ unit: "million_tokens", rates: { textInput: 5 }, most: { image: [{ tokens: 1 }] } }],
    [{ unit: "million_tokens", rates: { imageOutput: 5 } }],
    [{ unit: "million_tokens", rates: { imageOutput: 5 }, most: { image: [{ tokens: 0 }] } }],
    [{ unit: "hour", usd: 1 }],
    [{ input_cost_per_second: 0.1 }],
    [0.04],
    ["free"],
  ])("stops the start at %j, which would price something as nothing or as something else", (written) => {
    const problem = problemOf(written);
    expect(problem).toContain("prices.x/m");
    expect(problem).toContain("expected a price such as");
  });

  it("comes as JSON in a variable too", () => {
    const env = { CONDUITLLM__PRICES: '{"local/canvas":{"unit":"image","usd":0.04}}' };
    expect(loadConfig({ env }).settings.prices).toEqual({
      "local/canvas": { kind: "per_image", micros: 40_000 },
    });
  });
});
