/** Usage as OpenAI's events report it, read from whatever came. */

import type { ResponseUsage } from "../../protocol/realtime.ts";
import type { UsageReport } from "../translator.ts";

/** The usage in `response.done`; null where there is none. Amounts that are no numbers count as 0. */
export function responseUsage(response: unknown): ResponseUsage | null {
  const usage = objectOf(objectOf(response)?.usage);
  if (usage === null) return null;
  const input = objectOf(usage.input_token_details);
  const cached = objectOf(input?.cached_tokens_details);
  const output = objectOf(usage.output_token_details);
  return {
    total_tokens: amount(usage.total_tokens),
    input_tokens: amount(usage.input_tokens),
    output_tokens: amount(usage.output_tokens),
    input_token_details: {
      text_tokens: amount(input?.text_tokens),
      audio_tokens: amount(input?.audio_tokens),
      image_tokens: amount(input?.image_tokens),
      cached_tokens: amount(input?.cached_tokens),
      cached_tokens_details: {
        text_tokens: amount(cached?.text_tokens),
        audio_tokens: amount(cached?.audio_tokens),
        image_tokens: amount(cached?.image_tokens),
      },
    },
    output_token_details: {
      text_tokens: amount(output?.text_tokens),
      audio_tokens: amount(output?.audio_tokens),
    },
  };
}

/** The usage of an input transcription: of tokens, or of time. */
export function transcriptionUsage(value: unknown): NonNullable<UsageReport["transcription"]> | null {
  const usage = objectOf(value);
  if (usage === null) return null;
  if (usage.type === "duration") return { kind: "duration", seconds: amount(usage.seconds) };
  const details = objectOf(usage.input_token_details);
  const audioInput = amount(details?.audio_tokens);
  // What the details leave out of the total is taken as sound, which is the dearer of the two.
  const textInput = amount(details?.text_tokens);
  return {
    kind: "tokens",
    audioInput: Math.max(audioInput, amount(usage.input_tokens) - textInput),
    textInput,
    output: amount(usage.output_tokens),
  };
}

function objectOf(value: unknown): Record<string, unknown> | null {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}

function amount(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) && value > 0 ? value : 0;
}
