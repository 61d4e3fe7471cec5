/** The table's names are those of models that adapters offer, and which of these it leaves to the operator is known. */

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { PRICE_TABLE } from "../../../../src/accounts/prices/table.ts";
import { voiceModels } from "../../../../src/compose/voice/voice.ts";
import { loadConfig } from "../../../../src/config/load.ts";
import { Catalogue } from "../../../../src/providers/catalogue.ts";
import { createOffers } from "../../../../src/providers/offers.ts";
import { ManualClock } from "../../../fixture/manual-clock.ts";
import { scriptedFetch } from "../../../fixture/providers/scripted-fetch.ts";
import { recordingLog } from "../../../fixture/recording-log.ts";

const EVERY_KEY = {
  OPENAI_API_KEY: "key-1",
  GEMINI_API_KEY: "key-1",
  MINIMAX_API_KEY: "key-1",
  REPLICATE_API_TOKEN: "key-1",
  OPENROUTER_API_KEY: "key-1",
  STABILITY_API_KEY: "key-1",
  BFL_API_KEY: "key-1",
  FAL_KEY: "id:secret",
  XAI_API_KEY: "key-1",
  ELEVENLABS_API_KEY: "key-1",
  ULTRAVOX_API_KEY: "key-1",
};
/** Models of which no price was found that could be relied on. */
const UNPRICED = ["replicate/bytedance/seedance-1-pro"];
const PAGE = readFileSync(resolve(import.meta.dirname, "../../../../docs/prices.md"), "utf8");

const { settings } = loadConfig({ env: EVERY_KEY, file: "{}" });
const voices = voiceModels(settings).pricedNames;
const offers = createOffers({
  settings,
  clock: new ManualClock(),
  log: recordingLog(),
  fetch: scriptedFetch().fetch,
  download: () => Promise.reject(new Error("nothing is downloaded here")),
});
const names = offers.flatMap(({ provider, models }) =>
  models.map(({ providerModel }) => `${provider.name}/${providerModel}`),
);

const known = new Set([...names, ...voices]);

test("every line of the table is for a model that an adapter offers", () => {
  expect(PRICE_TABLE.map(({ model }) => model).filter((model) => !known.has(model))).toEqual([]);
});

test("every voice that is listed has a price", () => {
  const priced = new Set(
    voiceModels(settings)
      .list()
      .map(({ name }) => name),
  );
  expect(voices.filter((name) => !name.endsWith("/*") && !priced.has(name))).toEqual([]);
});

test("no model has two lines", () => {
  expect(new Set(PRICE_TABLE.map(({ model }) => model)).size).toBe(PRICE_TABLE.length);
});

test("a model without a price is one that the operator is told to price", () => {
  const offered = new Set(new Catalogue({ offers }).list().map(({ id }) => id));
  expect(names.filter((name) => !offered.has(name))).toEqual(UNPRICED);
});

test("docs/prices.md lists the models to price yourself", () => {
  const [, section = ""] = /^## Models you have to price yourself\n([\s\S]*?)^## /m.exec(PAGE) ?? [];
  const listed = [...section.matchAll(/^- `([^`]+)`/gm)].map(([, name]) => name);
  expect(listed).toEqual(UNPRICED);
});
