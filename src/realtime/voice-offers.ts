/** Every voice provider that the settings allow. A new one is a translator and a line in the table. */

import { BETA_PROTOCOL, DEAD_UPSTREAM_HEADERS } from "../protocol/realtime.ts";
import type { RealtimeCapabilities, RealtimeProvider } from "./translator.ts";
import { elevenLabsTranslator } from "./translators/elevenlabs.ts";
import { geminiTranslator } from "./translators/gemini.ts";
import { localEcho } from "./translators/local-echo.ts";
import { openAiTranslator } from "./translators/openai.ts";
import { ultravoxTranslator } from "./translators/ultravox.ts";
import type { SessionPrice } from "./usage/session-price.ts";
import type { VoiceOffer } from "./voice-models.ts";

/** `realtime.providers.<name>`, as configured. */
export type VoiceProviderSettings = {
  readonly webSocketUrl: string | null;
  readonly models: readonly string[];
  readonly subprotocols: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
};

export type VoiceOfferSettings = {
  /** The key of each provider that has one. */
  readonly keys: Readonly<Record<string, string | undefined>>;
  readonly providers: Readonly<Record<string, VoiceProviderSettings | undefined>>;
  /** Prices an operator set, by full model name. */
  readonly prices: Readonly<Record<string, SessionPrice | undefined>>;
};

type KnownProvider = {
  readonly provider: RealtimeProvider;
  readonly address: string;
  readonly models: Readonly<Record<string, SessionPrice>>;
  readonly openEnded?: VoiceOffer["openEnded"];
};

const OPENAI_CAPABILITIES: RealtimeCapabilities = {
  tools: true,
  voices: null,
  imageInput: true,
  transcription: true,
  webrtc: true,
};

/** pydantic/genai-prices, read on 2026-07-22; the minute held back is twice what users report for a minute of talk. */
const GPT_REALTIME: SessionPrice = {
  kind: "session",
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
  transcription: { audioInput: 6, textInput: 2.5, output: 10, minuteMicros: 17_000 },
  reserveMinuteMicros: 300_000,
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
  reserveMinuteMicros: 100_000,
};
/** docs.x.ai, read on 2026-04-04 and 2026-11: $0.05 a minute; whether of sound or of connection is said in two ways. */
const XAI: SessionPrice = { kind: "session", minuteMicros: 50_000, reserveMinuteMicros: 50_000 };

/** pydantic/genai-prices, read on 2026-07-22 and 24; of the newest model no price was found: the dearest of the others is taken. */
const GEMINI_LIVE: SessionPrice = {
  kind: "session",
  tokens: { textInput: 0.75, textOutput: 4.5, audioInput: 3, audioOutput: 12, imageInput: 1 },
  reserveMinuteMicros: 60_000,
};
const GEMINI_LIVE_25: SessionPrice = {
  kind: "session",
  tokens: { textInput: 0.5, textOutput: 2, audioInput: 3, audioOutput: 12, imageInput: 3 },
  reserveMinuteMicros: 60_000,
};
/** elevenlabs.io's help pages, 2025 and 2026: $0.12 a further minute of the Creator plan, language models besides; assumed 25 % more. */
const ELEVENLABS: SessionPrice = { kind: "session", minuteMicros: 150_000, reserveMinuteMicros: 150_000 };
/** ultravox.ai, 2026: $0.05 a minute. */
const ULTRAVOX: SessionPrice = { kind: "session", minuteMicros: 50_000, reserveMinuteMicros: 50_000 };

const KNOWN: readonly KnownProvider[] = [
  {
    provider: {
      name: "openai",
      capabilities: OPENAI_CAPABILITIES,
      translator: (context) => openAiTranslator(context, { modelInUrl: true }),
    },
    address: "wss://api.openai.com/v1/realtime",
    models: {
      "gpt-realtime-2.1": GPT_REALTIME,
      "gpt-realtime-2": GPT_REALTIME,
      "gpt-realtime-2.1-mini": GPT_REALTIME_MINI,
      "gpt-realtime": GPT_REALTIME_1,
      "gpt-realtime-mini": GPT_REALTIME_MINI,
    },
  },
  {
    provider: {
      name: "xai",
      capabilities: { ...OPENAI_CAPABILITIES, imageInput: false, webrtc: false },
      translator: (context) => openAiTranslator(context, { modelInUrl: true }),
    },
    address: "wss://api.x.ai/v1/realtime",
    models: { "grok-voice-think-fast-2.0": XAI, "grok-voice": XAI },
  },
  {
    provider: {
      name: "gemini",
      capabilities: { ...OPENAI_CAPABILITIES, transcription: false, webrtc: false },
      translator: geminiTranslator,
    },
    address: "wss://generativelanguage.googleapis.com/ws",
    models: {
      "gemini-3.8-live": GEMINI_LIVE,
      "gemini-3.1-flash-live-preview": GEMINI_LIVE,
      "gemini-live-2.5-flash": GEMINI_LIVE_25,
    },
  },
  {
    provider: {
      name: "elevenlabs",
      capabilities: { ...OPENAI_CAPABILITIES, imageInput: false, transcription: false, webrtc: false },
      translator: elevenLabsTranslator,
    },
    address: "wss://api.elevenlabs.io/v1/convai/conversation",
    models: {},
    openEnded: { pattern: /^agent_[A-Za-z0-9_-]{1,80}$/, price: ELEVENLABS },
  },
  {
    provider: {
      name: "ultravox",
      capabilities: { ...OPENAI_CAPABILITIES, imageInput: false, transcription: false, webrtc: false },
      translator: ultravoxTranslator,
    },
    address: "https://api.ultravox.ai/api",
    models: { "ultravox-v0.7": ULTRAVOX },
  },
];

const LOCAL: VoiceOffer = {
  provider: localEcho,
  endpoint: { baseUrl: "", key: null, headers: {}, protocols: [] },
  models: [{ providerModel: "echo", price: { kind: "free" } }],
  openEnded: null,
};

/** The built-in voice, and every provider with a key. */
export function createVoiceOffers({ keys, providers, prices }: VoiceOfferSettings): VoiceOffer[] {
  const offers = KNOWN.flatMap(({ provider, address, models, openEnded = null }) => {
    const key = keys[provider.name];
    if (key === undefined) return [];
    const own = providers[provider.name];
    const names = own !== undefined && own.models.length > 0 ? own.models : Object.keys(models);
    const headers = Object.entries(own?.headers ?? {}).filter(
      ([name]) => !DEAD_UPSTREAM_HEADERS.has(name.toLowerCase()),
    );
    const offer: VoiceOffer = {
      provider,
      endpoint: {
        baseUrl: own?.webSocketUrl ?? address,
        key,
        headers: Object.fromEntries(headers),
        protocols: (own?.subprotocols ?? []).filter((name) => name !== BETA_PROTOCOL),
      },
      models: names.map((providerModel) => ({
        providerModel,
        price: prices[`${provider.name}/${providerModel}`] ?? models[providerModel] ?? null,
      })),
      openEnded,
    };
    return [offer];
  });
  return [LOCAL, ...offers];
}
