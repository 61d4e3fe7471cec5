/** Gemini's usage as the unified format has it. Details are known to fall short of the totals: the rest stays in the totals. */

import type { ResponseUsage } from "../../protocol/realtime.ts";
import type { Json } from "../../protocol/task.ts";
import { isObject, type JsonObject } from "../json.ts";

export function geminiUsage(usage: JsonObject): ResponseUsage {
  const input = kinds(usage.promptTokensDetails);
  const tools = amount(usage.toolUsePromptTokenCount);
  const output = kinds(usage.responseTokensDetails);
  const cached = kinds(usage.cacheTokensDetails);
  const thoughts = amount(usage.thoughtsTokenCount);
  const inputTokens = amount(usage.promptTokenCount) + tools;
  const outputTokens = amount(usage.responseTokenCount) + thoughts;
  return {
    total_tokens: Math.max(amount(usage.totalTokenCount), inputTokens + outputTokens),
    input_tokens: inputTokens,
    output_tokens: outputTokens,
    input_token_details: {
      text_tokens: input.text + tools,
      audio_tokens: input.audio,
      image_tokens: input.image,
      cached_tokens: amount(usage.cachedContentTokenCount),
      cached_tokens_details: {
        text_tokens: cached.text,
        audio_tokens: cached.audio,
        image_tokens: cached.image,
      },
    },
    output_token_details: { text_tokens: output.text + thoughts, audio_tokens: output.audio },
  };
}

function kinds(details: Json | undefined): { text: number; audio: number; image: number } {
  const sums = { text: 0, audio: 0, image: 0 };
  if (!Array.isArray(details)) return sums;
  for (const detail of details.filter(isObject)) {
    const tokens = amount(detail.tokenCount);
    if (detail.modality === "AUDIO") sums.audio += tokens;
    else if (detail.modality === "TEXT") sums.text += tokens;
    else sums.image += tokens;
  }
  return sums;
}

function amount(value: Json | undefined): number {
  return typeof value === "number" && Number.isFinite(value) && value > 0 ? value : 0;
}
