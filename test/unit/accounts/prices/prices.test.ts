/** Reservations and settlements of the ways in which providers charge, in dollars of their own lists. */

import { describe, expect, test } from "vitest";
import { reservationFor } from "../../../../src/accounts/prices/dearest-price.ts";
import { type PricedRequest, pricedRequest } from "../../../../src/accounts/prices/priced-request.ts";
import { settledBill } from "../../../../src/accounts/prices/settle.ts";
import { listPrice, PRICE_TABLE } from "../../../../src/accounts/prices/table.ts";
import type { SizeRule } from "../../../../src/protocol/model.ts";
import type { DoneOutcome } from "../../../../src/tasks/ports/billing.ts";
import { isJobPrice, type JobPrice } from "../../../../src/tasks/ports/price.ts";
import type { JobRequest } from "../../../../src/tasks/task.ts";
import { pictureOf } from "../../../fixture/prices.ts";

const SQUARES: SizeRule = { kind: "listed", sizes: ["1024x1024", "1536x1024"] };
const MODEL = { sizes: SQUARES, qualities: ["low", "medium", "high", "auto"] };

function asked(request: Partial<JobRequest> = {}, inputs = 0): PricedRequest {
  return pricedRequest({ prompt: "a fox", n: 1, ...request }, inputs, MODEL);
}

/** What a model says that says nothing. */
const ANYTHING = { sizes: { kind: "listed", sizes: [] } satisfies SizeRule, qualities: [] };

function bill(price: JobPrice, request: PricedRequest, outcome: Partial<DoneOutcome> = {}, own = false) {
  const reservedMicros = reservationFor(price, request);
  const items = outcome.items ?? Array.from({ length: request.n }, (_, index) => pictureOf(index));
  return settledBill({ price, reservedMicros, own }, request, { ...outcome, items });
}

function listed(model: string): JobPrice {
  const price = listPrice(model);
  if (price === null || !isJobPrice(price)) throw new Error(`${model} has no line of a task's price`);
  return price;
}

describe("a price for each picture", () => {
  const price: JobPrice = {
    kind: "per_image",
    by: [
      { size: "1024x1024", quality: "low", micros: 11_000 },
      { size: "1536x1024", quality: "low", micros: 16_000 },
      { size: "1024x1024", quality: "medium", micros: 42_000 },
      { size: "1536x1024", quality: "medium", micros: 63_000 },
      { size: "1024x1024", quality: "high", micros: 167_000 },
      { size: "1536x1024", quality: "high", micros: 250_000 },
    ],
  };

  test("is kept by size and quality from the reservation to the charge (litellm#37738)", () => {
    const request = asked({ size: "1536x1024", quality: "low", n: 2 });
    expect(reservationFor(price, request)).toBe(32_000);
    expect(bill(price, request)).toEqual({ chargedMicros: 32_000, upstreamMicros: 32_000 });
  });

  test("is the dearest that the model takes where the request leaves something open", () => {
    expect(reservationFor(price, asked())).toBe(250_000);
    expect(reservationFor(price, asked({ size: "1024x1024" }))).toBe(167_000);
    expect(reservationFor(price, asked({ size: "auto", quality: "low" }))).toBe(16_000);
    expect(reservationFor(price, asked({ quality: "auto", size: "1024x1024", n: 3 }))).toBe(501_000);
  });

  test("is that of the size that came where the request left it open", () => {
    const items = [pictureOf(0, { width: 1_024, height: 1_024 })];
    expect(bill(price, asked({ quality: "high" }), { items }).chargedMicros).toBe(167_000);
  });

  test("counts the pictures that came, and beyond them only what the provider billed", () => {
    const request = asked({ size: "1024x1024", quality: "low", n: 4 });
    const items = [pictureOf(0), pictureOf(2)];
    expect(bill(price, request, { items })).toEqual({ chargedMicros: 22_000, upstreamMicros: 22_000 });
    expect(bill(price, request, { items, usage: { images: 4 } })).toEqual({
      chargedMicros: 22_000,
      upstreamMicros: 44_000,
    });
  });

  test("has one for everything that no line names, which an open request may turn out to be", () => {
    const rest: JobPrice = { kind: "per_image", micros: 40_000, by: [{ quality: "low", micros: 10_000 }] };
    expect(reservationFor(rest, asked({ quality: "low" }))).toBe(10_000);
    expect(reservationFor(rest, asked({ quality: "medium" }))).toBe(40_000);
    expect(reservationFor(rest, asked())).toBe(40_000);
  });
});

describe("a price for each token", () => {
  const price = listed("openai/gpt-image-2");
  const request = asked({ size: "1024x1024", quality: "medium" });

  test("reserves for the most tokens that size and quality may take", () => {
    const [low, medium, high, open] = ["low", "medium", "high", undefined].map((quality) =>
      reservationFor(price, asked({ size: "1024x1024", ...(quality !== undefined && { quality }) })),
    );
    // OpenAI's own examples for the output alone: $0.006, $0.053, $0.211.
    expect(low).toBeGreaterThanOrEqual(6_000);
    expect(medium).toBeGreaterThanOrEqual(53_000);
    expect(high).toBeGreaterThanOrEqual(211_000);
    expect([low, medium, high].every((micros) => (micros ?? 0) < 230_000)).toBe(true);
    expect(open).toBe(high);
    expect(reservationFor(price, asked({ size: "1024x1024", quality: "low" }, 2))).toBeGreaterThan(low ?? 0);
  });

  test("charges each kind at its rate, cached ones at theirs", () => {
    const tokens = {
      input: 1_000,
      textInput: 600,
      cachedTextInput: 200,
      imageInput: 400,
      cachedImageInput: 100,
      output: 1_000,
      imageOutput: 1_000,
    };
    const exact = 400 * 5 + 200 * 1.25 + 300 * 8 + 100 * 2 + 1_000 * 30;
    expect(bill(price, request, { usage: { tokens } }).upstreamMicros).toBe(exact);
  });

  test("charges totals without details at the dearest rate of their direction, never nothing (litellm#31142)", () => {
    const tokens = { input: 100, output: 1_500 };
    expect(bill(price, request, { usage: { tokens } }).chargedMicros).toBe(100 * 8 + 1_500 * 30);
    const parts = { input: 100, textInput: 90, output: 1_500, imageOutput: 1_400 };
    expect(bill(price, request, { usage: { tokens: parts } }).chargedMicros).toBe(
      90 * 5 + 10 * 8 + 1_500 * 30,
    );
  });

  test("charges a result whose usage is missing or nought by its share of the reservation", () => {
    const whole = reservationFor(price, { ...request, n: 2 });
    for (const usage of [undefined, {}, { tokens: {} }, { tokens: { input: 90, output: 0 } }]) {
      const items = [pictureOf(0)];
      const { chargedMicros } = bill(price, { ...request, n: 2 }, { items, ...(usage && { usage }) });
      expect(chargedMicros).toBe(Math.ceil(whole / 2));
    }
  });

  test("records what was used beyond the reservation, and does not charge it", () => {
    const reserved = reservationFor(price, request);
    const { chargedMicros, upstreamMicros } = bill(price, request, {
      usage: { tokens: { input: 10, output: 100_000 } },
    });
    expect(chargedMicros).toBe(reserved);
    expect(upstreamMicros).toBe(10 * 8 + 100_000 * 30);
  });
});

describe("a price for each megapixel", () => {
  const price = listed("bfl/flux-2-pro");

  test("counts begun megapixels of each picture, the first at its own rate, and input pictures", () => {
    expect(reservationFor(price, asked({ size: "1024x1024" }))).toBe(30_000);
    expect(reservationFor(price, asked({ size: "1536x1024", n: 2 }))).toBe(2 * 45_000);
    expect(reservationFor(price, asked({ size: "1024x1024" }, 1))).toBe(90_000);
    const anySize = pricedRequest({ prompt: "a fox", n: 1 }, 0, ANYTHING);
    expect(reservationFor(price, anySize)).toBe(30_000 + 3 * 15_000);
  });

  test("charges by the pictures' own sizes, or by what the provider says", () => {
    const request = pricedRequest({ prompt: "a fox", n: 2 }, 0, ANYTHING);
    const items = [
      pictureOf(0, { width: 1_024, height: 1_024 }),
      pictureOf(1, { width: 1_536, height: 1_024 }),
    ];
    expect(bill(price, request, { items }).chargedMicros).toBe(30_000 + 45_000);
    expect(bill(price, request, { items, usage: { megapixels: 2 } }).chargedMicros).toBe(60_000);
  });
});

describe("a price for each second of film", () => {
  const price = listed("gemini/gemini-omni-1.1-flash");
  const film = (request: Partial<JobRequest>) =>
    pricedRequest({ prompt: "a fox", n: 1, ...request }, 0, ANYTHING);

  test("goes by resolution, whatever the way it is written", () => {
    for (const request of [{ size: "1280x720" }, { size: "720x1280" }, { further: { resolution: "720p" } }])
      expect(reservationFor(price, film({ ...request, duration: 5 }))).toBe(500_000);
    expect(reservationFor(price, film({ size: "640x360", duration: 4 }))).toBe(120_000);
    expect(reservationFor(price, film({ further: { resolution: "4K" }, duration: 4 }))).toBe(1_200_000);
    expect(reservationFor(price, film({ size: "7680x4320", duration: 4 }))).toBe(1_200_000);
  });

  test("reserves for the longest and dearest film where the request does not say", () => {
    expect(reservationFor(price, film({}))).toBe(15 * 300_000);
  });

  test("charges what was asked for though the file is some frames longer, unless the provider says another length", () => {
    const request = film({ size: "1280x720", duration: 5 });
    const items = [pictureOf(0, { durationSeconds: 5.04 })];
    expect(bill(price, request, { items })).toEqual({ chargedMicros: 500_000, upstreamMicros: 500_000 });
    expect(bill(price, request, { items, usage: { seconds: 4 } }).chargedMicros).toBe(400_000);
    expect(bill(price, request, { items, usage: { seconds: 6 } })).toEqual({
      chargedMicros: 500_000,
      upstreamMicros: 600_000,
    });
    const open = film({ size: "1280x720" });
    expect(bill(price, open, { items: [pictureOf(0, { durationSeconds: 8 })] }).chargedMicros).toBe(800_000);
  });

  test("set by an operator is charged though the answer says nothing, or nought (litellm#21907, litellm#36483)", () => {
    const own: JobPrice = { kind: "per_second", micros: 100_000, longestSeconds: 10 };
    const request = film({ duration: 6 });
    for (const outcome of [
      {},
      { costMicros: 0 },
      { usage: {} },
      { usage: { seconds: 0 } },
      { costMicros: 1 },
    ])
      expect(bill(own, request, outcome, true).chargedMicros).toBe(600_000);
  });
});

describe("a price for each film", () => {
  const price = listed("minimax/MiniMax-Hailuo-02");
  const film = (size: string | undefined, duration: number | undefined) =>
    reservationFor(
      price,
      pricedRequest(
        {
          prompt: "a fox",
          n: 1,
          ...(size && { further: { resolution: size } }),
          ...(duration && { duration }),
        },
        0,
        ANYTHING,
      ),
    );

  test("is that of the cheapest line that reaches its duration and resolution", () => {
    expect(film("768P", 6)).toBe(280_000);
    expect(film("768P", 10)).toBe(560_000);
    expect(film("1080P", 6)).toBe(490_000);
    expect(film("512P", 6)).toBe(280_000);
  });

  test("is the dearest that may be meant where something is open, or reached by no line", () => {
    expect(film(undefined, 6)).toBe(490_000);
    expect(film("768P", undefined)).toBe(560_000);
    expect(film("1080P", 10)).toBe(560_000);
  });
});

describe("what a provider says that it bills", () => {
  const price: JobPrice = { kind: "per_image", micros: 40_000 };

  test("is charged within the reservation, and recorded as it is", () => {
    expect(bill(price, asked(), { costMicros: 30_000 })).toEqual({
      chargedMicros: 30_000,
      upstreamMicros: 30_000,
    });
    expect(bill(price, asked(), { costMicros: 90_000 })).toEqual({
      chargedMicros: 40_000,
      upstreamMicros: 90_000,
    });
  });

  test("does not change an operator's price, nor what a free model costs", () => {
    expect(bill(price, asked(), { costMicros: 30_000 }, true)).toEqual({
      chargedMicros: 40_000,
      upstreamMicros: 30_000,
    });
    expect(bill({ kind: "free" }, asked(), { costMicros: 30_000 })).toEqual({
      chargedMicros: 0,
      upstreamMicros: 30_000,
    });
  });
});

describe("what a request leaves to the model", () => {
  const film: JobPrice = { kind: "per_second", by: [{ upTo: 720, micros: 100 }], longestSeconds: 15 };
  const usual = { ...ANYTHING, durations: { kind: "range", min: 3, max: 15, default: 8 } as const };

  test("is a film's usual duration, in the reservation and in the charge", () => {
    const request = pricedRequest({ prompt: "a fox", n: 1 }, 0, usual);
    expect(reservationFor(film, request)).toBe(800);
    expect(bill(film, request)).toEqual({ chargedMicros: 800, upstreamMicros: 800 });
    expect(reservationFor(film, pricedRequest({ prompt: "a fox", n: 1, duration: 4 }, 0, usual))).toBe(400);
  });

  test("is the longest film of a model without a usual duration", () => {
    expect(reservationFor(film, pricedRequest({ prompt: "a fox", n: 1 }, 0, ANYTHING))).toBe(1_500);
  });

  test.each([
    ["which are 16 where it does not say", {}, 16],
    ["as many as it asks for", { further: { frame_count: 4 } }, 4],
    ["as many as its options ask for", { providerOptions: { frame_count: 5 } }, 5],
    ["which are 16 where it asks for what no model makes", { further: { frame_count: 400 } }, 16],
  ])("an animated picture holds back its frames, %s", (_, fields, frames) => {
    const price: JobPrice = {
      kind: "per_token",
      rates: { imageOutput: 30 },
      most: { image: [{ tokens: 1_000 }], megapixels: 1, input: 0 },
    };
    const still = reservationFor(price, asked());
    expect(reservationFor(price, asked({ outputFormat: "gif", ...fields }))).toBe(still * frames);
  });
});

describe("the table of prices", () => {
  test("has one line a model, each with a source, a date and a price above nothing", () => {
    const models = PRICE_TABLE.map(({ model }) => model);
    expect(new Set(models).size).toBe(models.length);
    for (const { model, price, source, date } of PRICE_TABLE) {
      expect(model).toMatch(/^[a-z]+\/.+/);
      expect(source).not.toBe("");
      expect(date).toMatch(/^20\d\d(-\d\d){0,2}$/);
      const held = isJobPrice(price)
        ? reservationFor(price, pricedRequest({ prompt: "a fox", n: 1 }, 1, ANYTHING))
        : price.reserveMinuteMicros;
      expect(held, model).toBeGreaterThan(1_000);
      expect(held, model).toBeLessThan(20_000_000);
    }
  });
});
