/** The price that is kept with a hold: of every way of a route, and what a task is settled by. */

import { describe, expect, test } from "vitest";
import { billTask, priceTask } from "../../../../src/accounts/prices/held-price.ts";
import type { Json } from "../../../../src/protocol/task.ts";
import type { OfferedModel } from "../../../../src/tasks/ports/model-catalogue.ts";
import type { JobPrice } from "../../../../src/tasks/ports/price.ts";
import type { JobRequest } from "../../../../src/tasks/task.ts";
import { pictureOf } from "../../../fixture/prices.ts";
import { runningTask } from "../../../fixture/task.ts";

const CHEAP: JobPrice = { kind: "per_image", micros: 10_000 };
const DEAR: JobPrice = { kind: "per_image", micros: 50_000 };
const REQUEST: JobRequest = { prompt: "a fox", n: 2 };

function model(pricing: JobPrice, ownPrice = false): OfferedModel {
  return {
    name: "x/m",
    provider: "x",
    providerModel: "m",
    capabilities: {
      type: "image",
      maxN: 10,
      sizes: { kind: "listed", sizes: ["1024x1024"] },
      qualities: [],
      styles: [],
      backgrounds: [],
      outputFormats: [],
      seed: false,
      durations: null,
      fps: null,
      measuredProgress: false,
      providerOptions: [],
      furtherFields: [],
    },
    pricing,
    ownPrice,
    created: 1,
    checkOptions: () => null,
  };
}

const done = (images: number, costMicros?: number) => ({
  kind: "done" as const,
  items: Array.from({ length: images }, (_, index) => pictureOf(index)),
  ...(costMicros !== undefined && { costMicros }),
});

describe("a task's price", () => {
  test("holds back for the dearest model of its route, wherever that stands", () => {
    for (const models of [
      [model(CHEAP), model(DEAR), model({ kind: "free" })],
      [model(DEAR), model(CHEAP)],
    ]) {
      const price = priceTask(models, REQUEST, 0);
      expect(price.reservedMicros).toBe(100_000);
      expect(price.dearest.pricing).toEqual(DEAR);
    }
  });

  test("is none where every model is free", () => {
    expect(priceTask([model({ kind: "free" })], REQUEST, 0)).toMatchObject({ reservedMicros: 0, held: null });
  });

  test("is, as it is stored, JSON that settles by the way that made the task", () => {
    const { reservedMicros, held } = priceTask([model(DEAR), model(CHEAP)], REQUEST, 0);
    const stored = JSON.parse(JSON.stringify(held)) as Json;
    const route = [
      { provider: "x", model: "m" },
      { provider: "y", model: "m" },
    ];
    const task = (candidate: number) =>
      runningTask({ route, candidate, reservedMicros, price: stored, request: REQUEST });
    expect(billTask(task(0), done(2))).toEqual({ chargedMicros: 100_000, upstreamMicros: 100_000 });
    expect(billTask(task(1), done(2))).toEqual({ chargedMicros: 20_000, upstreamMicros: 20_000 });
    expect(billTask(task(1), done(1))).toEqual({ chargedMicros: 10_000, upstreamMicros: 10_000 });
    // What it says that it bills is charged within what is held, which is for the dearest way.
    expect(billTask(task(1), done(2, 60_000))).toEqual({ chargedMicros: 60_000, upstreamMicros: 60_000 });
    expect(billTask(task(1), done(2, 110_000))).toEqual({ chargedMicros: 100_000, upstreamMicros: 110_000 });
  });

  test("keeps what the model took when it was asked, so that an open request costs what was held for it", () => {
    const bySize: JobPrice = {
      kind: "per_image",
      micros: 10_000,
      by: [{ size: "4096x4096", micros: 90_000 }],
    };
    const { reservedMicros, held } = priceTask([model(bySize)], REQUEST, 0);
    expect(reservedMicros).toBe(20_000);
    const task = runningTask({ reservedMicros, price: held, request: REQUEST });
    expect(billTask(task, done(1))).toEqual({ chargedMicros: 10_000, upstreamMicros: 10_000 });
  });

  test("is reckoned anew for whatever it depends on, and is the same object for what it does not", () => {
    const image = model({ kind: "per_image", micros: 10_000, by: [{ size: "1x1", micros: 70_000 }] });
    const tokens = model({
      kind: "per_token",
      rates: { textInput: 1, imageOutput: 1 },
      most: { image: [{ tokens: 1_000 }], megapixels: 1, input: 10 },
    });
    const asked: readonly (readonly [OfferedModel[], Partial<JobRequest>, number, number])[] = [
      [[image], {}, 0, 20_000],
      [[image], { n: 3 }, 0, 30_000],
      [[image], { size: "1x1" }, 0, 140_000],
      [[image, model(DEAR)], {}, 0, 100_000],
      [[image, model(CHEAP)], {}, 0, 20_000],
      [[tokens], {}, 0, 2_410],
      [[tokens], { prompt: "a foxy" }, 0, 2_412],
      [[tokens], {}, 1, 2_430],
    ];
    for (const [models, changes, inputs, micros] of asked) {
      const price = () => priceTask(models, { ...REQUEST, ...changes }, inputs);
      expect(price().reservedMicros).toBe(micros);
      expect(price()).toBe(price());
    }
    const held = (prompt: string) => priceTask([image], { ...REQUEST, prompt }, 0).held;
    expect(held("a dog in the snow")).toBe(held("a fox"));
  });

  test("that the operator set is charged whatever the provider says that it bills", () => {
    for (const [own, charged] of [
      [true, 50_000],
      [false, 7],
    ] as const) {
      const { reservedMicros, held } = priceTask([model(DEAR, own)], { ...REQUEST, n: 1 }, 0);
      const task = runningTask({ reservedMicros, price: held, request: { ...REQUEST, n: 1 } });
      expect(billTask(task, done(1, 7))).toEqual({ chargedMicros: charged, upstreamMicros: 7 });
    }
  });

  test.each<[string, Json]>([
    ["none", null],
    ["one of an earlier release", { kind: "per_image", micros: 40_000 }],
    ["one of a kind that a later release knows", { candidates: [{ price: { kind: "per_dream" } }] }],
    ["one without this way", { candidates: [] }],
    ["damaged", { candidates: [{ price: { kind: "per_image", by: 3 }, request: { sizes: 4 } }] }],
    ["a text", "40"],
  ])("that is %s charges the share of what came, and what the provider says within the hold", (_, price) => {
    const task = runningTask({ reservedMicros: 80_000, price, request: REQUEST });
    expect(billTask(task, done(1))).toEqual({ chargedMicros: 40_000, upstreamMicros: 40_000 });
    expect(billTask(task, done(1, 90_000))).toEqual({ chargedMicros: 80_000, upstreamMicros: 90_000 });
  });
});
