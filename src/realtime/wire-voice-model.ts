/** Voice models as `GET /v1/models` shows them. */

import { wirePrice } from "../accounts/prices/wire-price.ts";
import type { WireVoiceModel } from "../protocol/model.ts";
import type { VoiceModel, VoiceModels } from "./voice-models.ts";

/** Models before other names for them. */
export function wireVoiceModels(models: VoiceModels): WireVoiceModel[] {
  return [
    ...models.list().map((model) => wireVoiceModel(model.name, model)),
    ...models.aliases().map(({ name, model }) => wireVoiceModel(name, model)),
  ];
}

function wireVoiceModel(id: string, { name, provider, price }: VoiceModel): WireVoiceModel {
  const { fixedTools: _ours, ...capabilities } = provider.capabilities;
  return {
    id,
    object: "model",
    created: 0,
    owned_by: provider.name,
    provider: provider.name,
    aliasOf: id === name ? null : name,
    capabilities: { type: "realtime", ...capabilities },
    pricing: wirePrice(price),
  };
}
