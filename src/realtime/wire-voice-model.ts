/** Voice models as `GET /v1/models` shows them. */

import type { WirePricing, WireVoiceModel } from "../protocol/model.ts";
import type { RatedTokens, SessionPrice } from "./usage/session-price.ts";
import type { VoiceModel, VoiceModels } from "./voice-models.ts";

const MICROS = 1_000_000;

/** Models before other names for them. */
export function wireVoiceModels(models: VoiceModels): WireVoiceModel[] {
  return [
    ...models.list().map((model) => wireVoiceModel(model.name, model)),
    ...models.aliases().map(({ name, model }) => wireVoiceModel(name, model)),
  ];
}

function wireVoiceModel(id: string, { name, provider, price }: VoiceModel): WireVoiceModel {
  return {
    id,
    object: "model",
    created: 0,
    owned_by: provider.name,
    provider: provider.name,
    aliasOf: id === name ? null : name,
    capabilities: { type: "realtime", ...provider.capabilities },
    pricing: wireSessionPrice(price),
  };
}

function wireSessionPrice(price: SessionPrice): WirePricing {
  if (price.kind === "free") return { free: true };
  const { tokens } = price;
  const minuteUsd = ((price.minuteMicros ?? 0) + (price.audioMinuteMicros ?? 0)) / MICROS;
  if (tokens === undefined) return { free: false, unit: "minute", usd: minuteUsd };
  const rates = Object.entries(tokens) as [RatedTokens, number][];
  return {
    free: false,
    unit: "million_tokens",
    usd: Math.max(...rates.map(([, usd]) => usd)),
    rates: rates.map(([kind, usd]) => ({ tokens: kind, usd })),
  };
}
