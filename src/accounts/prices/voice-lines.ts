/** What voice providers ask for their sessions. Of token prices the minute held back is about twice what users report for a minute of talk. */

import type { SessionPrice } from "../../tasks/ports/price.ts";
import { type PriceLine, priceLine, usd } from "./price-lines.ts";

const GENAI_PRICES = "pydantic/genai-prices, checked against OpenAI's and Google's pages";

const GPT_REALTIME: SessionPrice = {
  kind: "per_session",
  tokens: {
    textInput: 4,
    cachedTextInput: 0.4,
    textOutput: 24,
    audioInput: 32,
    cachedAudioInput: 0.4,
    audioOutput: 64,
    imageInput: 5,
    cachedImageInput: 0.5,
  },
  transcription: { audioInput: 6, textInput: 2.5, output: 10, minuteMicros: usd(0.017) },
  reserveMinuteMicros: usd(0.3),
};
/** Its text costs less than that of the later ones. */
const GPT_REALTIME_1: SessionPrice = {
  ...GPT_REALTIME,
  tokens: { ...GPT_REALTIME.tokens, textOutput: 16 },
};
const GPT_REALTIME_MINI: SessionPrice = {
  ...GPT_REALTIME,
  tokens: {
    textInput: 0.6,
    cachedTextInput: 0.06,
    textOutput: 2.4,
    audioInput: 10,
    cachedAudioInput: 0.3,
    audioOutput: 20,
    imageInput: 0.8,
    cachedImageInput: 0.08,
  },
  reserveMinuteMicros: usd(0.1),
};

/** Dollars for a million tokens. */
function geminiLive(textInput: number, textOutput: number, imageInput: number): SessionPrice {
  return {
    kind: "per_session",
    tokens: { textInput, textOutput, audioInput: 3, audioOutput: 12, imageInput },
    reserveMinuteMicros: usd(0.06),
  };
}

/** Dollars for each minute that a session is open. */
function perMinute(dollars: number): SessionPrice {
  return { kind: "per_session", minuteMicros: usd(dollars), reserveMinuteMicros: usd(dollars) };
}

export const VOICE_LINES: readonly PriceLine[] = [
  priceLine("openai/gpt-realtime-2.1", GPT_REALTIME, GENAI_PRICES, "2026-07-22"),
  priceLine("openai/gpt-realtime-2", GPT_REALTIME, GENAI_PRICES, "2026-07-22"),
  priceLine("openai/gpt-realtime", GPT_REALTIME_1, GENAI_PRICES, "2026-11-30"),
  priceLine("openai/gpt-realtime-2.1-mini", GPT_REALTIME_MINI, GENAI_PRICES, "2026-07-22"),
  priceLine("openai/gpt-realtime-mini", GPT_REALTIME_MINI, GENAI_PRICES, "2026-07-22"),
  // Whether of sound or of connection is said in two ways.
  priceLine("xai/grok-voice-think-fast-2.0", perMinute(0.05), "docs.x.ai", "2026-11", "uncertain"),
  priceLine("xai/grok-voice", perMinute(0.05), "docs.x.ai", "2026-04-04", "uncertain"),
  // No price was found: that of the one before it.
  priceLine("gemini/gemini-3.8-live", geminiLive(0.75, 4.5, 1), GENAI_PRICES, "2026-07-22", "uncertain"),
  priceLine("gemini/gemini-3.1-flash-live-preview", geminiLive(0.75, 4.5, 1), GENAI_PRICES, "2026-07-22"),
  priceLine("gemini/gemini-live-2.5-flash", geminiLive(0.5, 2, 3), GENAI_PRICES, "2026-07-24"),
  // A further minute of the Creator plan is $0.12, language models are passed through: a quarter more is assumed. Of any agent.
  priceLine("elevenlabs/*", perMinute(0.15), "elevenlabs.io, help centre", "2026", "uncertain"),
  priceLine("ultravox/ultravox-v0.7", perMinute(0.05), "ultravox.ai", "2026", "uncertain"),
];
