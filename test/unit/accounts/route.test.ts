import { describe, expect, test } from "vitest";
import { principalOf } from "../../../src/accounts/principal.ts";
import { routeOf } from "../../../src/accounts/route.ts";
import { Catalogue, type ModelOffer } from "../../../src/providers/catalogue.ts";
import { CANVAS_CAPABILITIES } from "../../../src/providers/local/capabilities.ts";
import type { OfferedModel } from "../../../src/tasks/ports/model-catalogue.ts";
import type { JobRequest } from "../../../src/tasks/task.ts";
import { ScriptedProvider } from "../../fixture/scripted-provider.ts";
import { virtualKey } from "../../fixture/virtual-key.ts";

const offer = (providerModel: string, changes: Partial<ModelOffer["capabilities"]> = {}): ModelOffer => ({
  providerModel,
  capabilities: { ...CANVAS_CAPABILITIES, ...changes },
  pricing: { kind: "free" },
  created: 1,
});
const PICKY = { backgrounds: ["transparent", "auto"] };
const catalogue = new Catalogue({
  offers: [
    { provider: new ScriptedProvider("a"), models: [offer("main", PICKY), offer("film", { type: "video" })] },
    { provider: new ScriptedProvider("b"), models: [offer("near", PICKY)] },
    {
      provider: new ScriptedProvider("c"),
      models: [
        offer("far", {
          maxN: 1,
          backgrounds: ["auto"],
          outputFormats: ["jpeg"],
          seed: false,
          providerOptions: [],
        }),
      ],
    },
  ],
  aliases: { house: "a/main" },
  fallbacks: {
    house: ["b/near", "c/far", "b/near", "a/film", "nobody/nothing"],
    "b/near": ["c/far"],
    "nobody/nothing": ["b/near"],
  },
});
const main = catalogue.resolve("house", "image");
const names = (
  request: Partial<JobRequest> = {},
  { allowed = null as string[] | null, resting = [] as string[] } = {},
) =>
  routeOf(
    {
      principal: principalOf({ ...virtualKey({ id: "key" }), allowedModels: allowed }),
      type: "image",
      model: main,
      request: { prompt: "a fox", n: 1, ...request },
      inputs: [],
    },
    catalogue,
    (model: OfferedModel) => resting.includes(model.name),
  ).map(({ name }) => name);

describe("the route of a task", () => {
  test("is the model and what the operator put behind it, once each, and nothing behind that", () => {
    expect(names()).toEqual(["a/main", "b/near", "c/far"]);
  });

  test("leaves out what the key may not use", () => {
    expect(names({}, { allowed: ["a/*", "c/far"] })).toEqual(["a/main", "c/far"]);
  });

  test.each<Partial<JobRequest>>([
    { n: 2 },
    { background: "transparent" },
    { outputFormat: "png" },
    { seed: 7 },
    { providerOptions: { steps: 1 } },
  ])("leaves out what cannot do what was asked for (litellm#10811): %o", (request) => {
    expect(names(request)).toEqual(["a/main", "b/near"]);
  });

  test("begins with what is not known to be down", () => {
    expect(names({}, { resting: ["a/main"] })).toEqual(["b/near", "c/far", "a/main"]);
    expect(names({}, { resting: ["a/main", "b/near", "c/far"] })).toEqual(["a/main", "b/near", "c/far"]);
  });

  test("and mistakes in its settings are warnings", () => {
    expect(catalogue.warnings).toEqual([
      'models.fallbacks: "a/film" cannot stand in for "house"; it has to be another model that is offered and makes images.',
      'models.fallbacks: "nobody/nothing" cannot stand in for "house"; it has to be another model that is offered and makes images.',
      'models.fallbacks: "nobody/nothing" is no model that is offered here; its fallbacks are ignored.',
    ]);
  });
});
