/** Which providers a deployment offers, by its settings. */

import { expect, test } from "vitest";
import { loadConfig } from "../../../src/config/load.ts";
import type { ProviderOffer } from "../../../src/providers/catalogue.ts";
import { EXAMPLE_NAMES } from "../../../src/providers/example-names.ts";
import { GEMINI_VIDEO_MODELS } from "../../../src/providers/gemini/models.ts";
import { loadOffers } from "../../../src/providers/needed-offers.ts";
import type { OfferContext } from "../../../src/providers/offer-context.ts";
import { createOffers } from "../../../src/providers/offers.ts";
import { OPENAI_MODELS } from "../../../src/providers/openai/models.ts";
import { ManualClock } from "../../fixture/manual-clock.ts";
import { scriptedFetch } from "../../fixture/providers/scripted-fetch.ts";
import { recordingLog } from "../../fixture/recording-log.ts";

function models(env: Record<string, string>): string[] {
  return offers(env).flatMap(({ provider, models }) =>
    models.map(({ providerModel }) => `${provider.name}/${providerModel}`),
  );
}

function offered(env: Record<string, string>, file: unknown = {}): string[] {
  return offers(env, file).map(({ provider }) => provider.name);
}

function offers(env: Record<string, string>, file: unknown = {}) {
  return createOffers(contextOf(env, file));
}

function contextOf(env: Record<string, string>, file: unknown): OfferContext {
  const { settings } = loadConfig({ env, file: JSON.stringify(file) });
  return {
    settings,
    clock: new ManualClock(),
    log: recordingLog(),
    fetch: scriptedFetch().fetch,
    download: () => Promise.reject(new Error("nothing is downloaded here")),
  };
}

test.each([
  ["a key", { OPENAI_API_KEY: "sk-1" }],
  ["an account", { CONDUITLLM__PROVIDERS__OPENAI__CREDENTIALS__0__KEY: "sk-1" }],
])("OpenAI is offered with %s", (_, env) => {
  expect(offered(env)).toEqual(["local", "openai"]);
});

test.each([
  ["GEMINI_API_KEY", "gemini"],
  ["OPENROUTER_API_KEY", "openrouter"],
  ["STABILITY_API_KEY", "stability"],
  ["BFL_API_KEY", "bfl"],
])("%s offers %s", (variable, provider) => {
  expect(offered({ [variable]: "key-1" })).toEqual(["local", provider]);
});

test("what asks for Sora is made by the model that Google has for it", () => {
  const sora = EXAMPLE_NAMES.filter(({ name }) => name.startsWith("sora"));
  const films = new Set(GEMINI_VIDEO_MODELS.map(({ name }) => `gemini/${name}`));
  expect(sora.length).toBe(3);
  expect(sora.filter(({ successor }) => !films.has(successor))).toEqual([]);
});

test.each([
  ["minimax", { MINIMAX_API_KEY: "k" }],
  ["replicate", { REPLICATE_API_TOKEN: "k" }],
  ["fal", { FAL_KEY: "id:secret" }],
])("%s is offered with its key", (name, env) => {
  expect(offered(env)).toEqual(["local", name]);
});

test("no name leads to a model that its provider has retired", () => {
  const retired = /dall-e|gpt-image-1|chatgpt-image|veo-|imagen|sora|2\.5-flash-image/;
  expect(EXAMPLE_NAMES.map(({ successor }) => successor).filter((name) => retired.test(name))).toEqual([]);
  const offers = new Set(OPENAI_MODELS.map(({ name }) => `openai/${name}`));
  const images = EXAMPLE_NAMES.filter(
    ({ type, successor }) => type === "image" && successor.startsWith("openai/"),
  );
  expect(images.filter(({ successor }) => !offers.has(successor))).toEqual([]);
});

test("no model is offered that its maker has retired", () => {
  const keys = ["OPENAI", "GEMINI", "MINIMAX", "OPENROUTER", "STABILITY", "BFL"].map((name) => [
    `${name}_API_KEY`,
    "key-1",
  ]);
  const names = models({ ...Object.fromEntries(keys), REPLICATE_API_TOKEN: "key-1" });
  const retired =
    /dall-e|gpt-image-1\b|chatgpt-image|imagen|sora|2\.5-flash-image|preview|stable-diffusion-xl/;
  expect(names.length).toBeGreaterThan(50);
  expect(names.filter((name) => retired.test(name))).toEqual([]);
});

test("without any key only the built-in provider is offered", () => {
  expect(offered({})).toEqual(["local"]);
});

const EVERY_KEY = {
  OPENAI_API_KEY: "k",
  GEMINI_API_KEY: "k",
  MINIMAX_API_KEY: "k",
  REPLICATE_API_TOKEN: "k",
  OPENROUTER_API_KEY: "k",
  STABILITY_API_KEY: "k",
  BFL_API_KEY: "k",
  FAL_KEY: "id:secret",
};
const OWN_SERVER = { providers: { studio: { kind: "openai-compatible", baseUrl: "http://127.0.0.1:9/v1" } } };

test.each([
  ["no key", {}, {}],
  ["every key", EVERY_KEY, OWN_SERVER],
  ["an account", { CONDUITLLM__PROVIDERS__FAL__CREDENTIALS__0__KEY: "id:secret" }, {}],
  ["only an added server", {}, OWN_SERVER],
])("with %s the needed adapters offer what all of them offer", async (_, env, file) => {
  const described = (offers: readonly ProviderOffer[]) =>
    offers.map(({ provider, models }) => ({ name: provider.name, accounts: provider.accounts, models }));
  const needed = described(await loadOffers(contextOf(env, file)));
  const all = described(offers(env, file));
  expect(JSON.stringify(needed)).toBe(JSON.stringify(all));
  if (env === EVERY_KEY) expect(all.length).toBe(10);
});
