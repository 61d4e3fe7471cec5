/** The settings of providers: accounts, and providers added by configuration. */

import { describe, expect, test } from "vitest";
import { ConfigError, loadConfig, secretsOf } from "../../../src/config/load.ts";

function load(file: unknown, env: Record<string, string> = {}) {
  return loadConfig({ env, file: JSON.stringify(file) });
}

function problemsOf(file: unknown, env: Record<string, string> = {}): string {
  try {
    load(file, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return "none";
}

const ADDED = { kind: "openai-compatible", baseUrl: "http://127.0.0.1:8000/v1/" };
const FREE = { name: "sdxl", free: true };

describe("the settings of providers", () => {
  test("know every provider by name, with nothing set", () => {
    const { providers } = load({}).settings;
    expect(providers.openai).toEqual({
      kind: null,
      apiKey: null,
      baseUrl: null,
      credentials: [],
      models: [],
    });
    expect(Object.keys(providers)).toContain("openrouter");
  });

  test.each([
    ["STABILITY_API_KEY", "stability"],
    ["BFL_API_KEY", "bfl"],
    ["OPENROUTER_API_KEY", "openrouter"],
    ["OPENAI_API_KEY", "openai"],
  ])("take %s for the key of %s", (variable, name) => {
    expect(load({}, { [variable]: "k-1" }).settings.providers[name]?.apiKey).toBe("k-1");
  });

  test("take accounts from JSON, and overrule them field by field from the environment", () => {
    const { settings } = load(
      {
        providers: {
          openai: {
            credentials: [
              { name: "eu", key: "k-eu" },
              { name: "us", key: "k-us", weight: 3 },
            ],
          },
        },
      },
      {
        CONDUITLLM__PROVIDERS__OPENAI__CREDENTIALS__0__KEY: "k-eu-2",
        CONDUITLLM__PROVIDERS__OPENAI__CREDENTIALS__10__KEY: "k-late",
        CONDUITLLM__PROVIDERS__OPENAI__CREDENTIALS__2__KEY: "k-third",
        CONDUITLLM__PROVIDERS__OPENAI__CREDENTIALS__2__MODELS: "gpt-image-2,gpt-image-2.6-*",
      },
    );
    expect(settings.providers.openai.credentials).toEqual([
      { name: "eu", key: "k-eu-2", weight: 1, baseUrl: null, models: [] },
      { name: "us", key: "k-us", weight: 3, baseUrl: null, models: [] },
      { name: null, key: "k-third", weight: 1, baseUrl: null, models: ["gpt-image-2", "gpt-image-2.6-*"] },
      { name: null, key: "k-late", weight: 1, baseUrl: null, models: [] },
    ]);
  });

  test("take a whole list as JSON in one variable", () => {
    const variable = { CONDUITLLM__PROVIDERS__OPENAI__CREDENTIALS: '[{"Key":"k-1"}]' };
    expect(load({}, variable).settings.providers.openai.credentials).toMatchObject([{ key: "k-1" }]);
    expect(problemsOf({}, { CONDUITLLM__PROVIDERS__OPENAI__CREDENTIALS: '{"Key":"k-1"}' })).toContain(
      "a JSON list",
    );
  });

  test("keep every key out of the log", () => {
    const { settings } = load({
      providers: {
        openai: { apiKey: "k-one", credentials: [{ key: "k-two" }] },
        mine: { ...ADDED, apiKey: "k-three", credentials: [{ key: "k-four" }] },
      },
    });
    expect(secretsOf(settings)).toEqual(expect.arrayContaining(["k-one", "k-two", "k-three", "k-four"]));
  });

  test("add a provider by its address alone, with the models it has", () => {
    const { settings, warnings } = load({
      providers: { Mine: { ...ADDED, models: [FREE, { name: "flux", pricePerImage: 0.02, maxN: 1 }] } },
    });
    expect(warnings).toEqual([]);
    expect(settings.providers.mine).toMatchObject({
      kind: "openai-compatible",
      baseUrl: "http://127.0.0.1:8000/v1",
      models: [
        { name: "sdxl", free: true, pricePerImage: null, maxN: 10 },
        { name: "flux", free: false, pricePerImage: 0.02, maxN: 1 },
      ],
    });
  });

  test("warn of an added provider without models", () => {
    const { warnings } = load({ providers: { mine: ADDED } });
    expect(warnings).toEqual(["providers.mine.models names no model, so nothing of mine is offered."]);
  });

  test.each([
    ["an unknown name", { mine: { apiKey: "k" } }, "providers.mine.kind: expected openai-compatible"],
    ["no address", { mine: { kind: "openai-compatible" } }, "providers.mine.baseUrl: expected an address"],
    ["the built-in name", { local: ADDED }, "other than local"],
    ["a name with a slash", { "a/b": ADDED }, "a provider's name"],
    ["a known name with models", { openai: { models: [FREE] } }, "providers.openai.models"],
    ["a known name with a kind", { openai: ADDED }, "providers.openai.kind"],
    ["a model without a name", { mine: { ...ADDED, models: [{ free: true }] } }, "models.0.name"],
    ["two models of one name", { mine: { ...ADDED, models: [FREE, FREE] } }, "providers.mine.models.1.name"],
    [
      "a model without a price",
      { mine: { ...ADDED, models: [{ name: "x" }] } },
      "expected a price, or free: true",
    ],
    [
      "a price of a free model",
      { mine: { ...ADDED, models: [{ ...FREE, pricePerImage: 1 }] } },
      "expected no price for a model that is free",
    ],
    [
      "an account without a key",
      { openai: { credentials: [{ name: "a" }] } },
      "providers.openai.credentials.0.key",
    ],
    [
      "two accounts of one name",
      { openai: { credentials: [{ key: "k", name: "2" }, { key: "k2" }] } },
      "providers.openai.credentials.1.name",
    ],
    ["a list that is none", { openai: { credentials: { key: "k" } } }, "expected a JSON list"],
    [
      "an address with a key in it",
      { mine: { ...ADDED, baseUrl: "https://k@x.test/v1" } },
      "providers.mine.baseUrl",
    ],
  ])("refuse %s", (_, providers, message) => {
    expect(problemsOf({ providers })).toContain(message);
  });

  test("show no key in a refusal", () => {
    const message = problemsOf({ providers: { openai: { credentials: [{ key: "käse-secret" }] } } });
    expect(message).toContain("(not shown)");
    expect(message).not.toContain("secret");
  });
});
