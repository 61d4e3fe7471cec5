/**
 * `bun run prices:check`: compares our prices of tokens with those of the package @pydantic/genai-prices, for every model that it knows.
 * Prints what differs and ends with 1 then. It knows lists of prices per token alone: neither pictures nor seconds of film.
 */

import process from "node:process";
import { calcPrice } from "@pydantic/genai-prices";
import { PRICE_TABLE } from "../src/accounts/prices/table.ts";

/** How the package calls our providers, where it does so otherwise. */
const PROVIDERS: Readonly<Record<string, string>> = { gemini: "google", xai: "x-ai" };
/** How it calls our kinds of tokens: the first that it has a rate for, since a kind without one of its own costs what the next does. */
const KINDS: Readonly<Record<string, readonly string[]>> = {
  textInput: ["input_mtok"],
  cachedTextInput: ["cache_read_mtok", "input_mtok"],
  audioInput: ["input_audio_mtok", "input_mtok"],
  cachedAudioInput: ["cache_audio_read_mtok", "cache_read_mtok", "input_audio_mtok", "input_mtok"],
  imageInput: ["input_image_mtok", "input_mtok"],
  cachedImageInput: ["cache_image_read_mtok", "cache_read_mtok", "input_image_mtok", "input_mtok"],
  textOutput: ["output_mtok"],
  audioOutput: ["output_audio_mtok", "output_mtok"],
  imageOutput: ["output_image_mtok", "output_mtok"],
};

/** Where we know better, and why. */
const NOTED: Readonly<Record<string, string>> = {
  "gemini/gemini-live-2.5-flash imageInput":
    "Google's list has video with audio, at $3; the package has a rate for audio alone",
};

type Rates = Readonly<Record<string, number | undefined>>;

function tablesOfTokens(): [model: string, rates: Rates][] {
  const media = PRICE_TABLE.flatMap(({ model, price }): [string, Rates][] =>
    price.kind === "per_token" ? [[model, price.rates]] : [],
  );
  const voices = PRICE_TABLE.flatMap(({ model, price }): [string, Rates][] =>
    price.kind === "per_session" && price.tokens !== undefined ? [[model, price.tokens]] : [],
  );
  return [...media, ...voices];
}

/** The rate of the first of the names; those of several tiers are told as unknown. */
function theirRate(prices: object, names: readonly string[]): number | null {
  for (const name of names) {
    const rate: unknown = Reflect.get(prices, name);
    if (rate !== undefined) return typeof rate === "number" ? rate : null;
  }
  return null;
}

let differing = 0;
for (const [model, rates] of tablesOfTokens()) {
  const slash = model.indexOf("/");
  const provider = model.slice(0, slash);
  const known = calcPrice({ input_tokens: 1, output_tokens: 1 }, model.slice(slash + 1), {
    providerId: PROVIDERS[provider] ?? provider,
  });
  if (known === null) {
    console.log(`${model}: not known there`);
    continue;
  }
  const differences = Object.entries(rates).flatMap(([kind, ours]) => {
    const theirs = theirRate(known.model_price, KINDS[kind] ?? []);
    if (theirs === ours) return [];
    const noted = NOTED[`${model} ${kind}`];
    if (noted === undefined) differing += 1;
    return [`${kind} ${ours} here, ${theirs ?? "unknown"} there${noted === undefined ? "" : ` (${noted})`}`];
  });
  console.log(`${model}: ${differences.length === 0 ? "the same" : differences.join("; ")}`);
}
process.exit(differing === 0 ? 0 : 1);
