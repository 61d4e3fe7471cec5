/** Every voice provider that the settings allow. A new one is a translator and a line in the table. */

import { listPrice } from "../accounts/prices/table.ts";
import { BETA_PROTOCOL, DEAD_UPSTREAM_HEADERS } from "../protocol/realtime.ts";
import type { ProviderAccount } from "../tasks/ports/media-provider.ts";
import type { Price } from "../tasks/ports/price.ts";
import { lazyProvider } from "./lazy-provider.ts";
import { VoiceAccounts } from "./routing/voice-accounts.ts";
import type { RealtimeCapabilities, RealtimeProvider } from "./translator.ts";
import { elevenLabsBills, ultravoxBills } from "./translators/bill-dialects.ts";
import { ECHO_CAPABILITIES } from "./translators/echo-capabilities.ts";
import { openAiCalls } from "./translators/openai-calls.ts";
import type { VoicePrice } from "./usage/session-price.ts";
import type { VoiceOffer } from "./voice-models.ts";

/** `realtime.providers.<name>`, as configured. */
export type VoiceProviderSettings = {
  readonly webSocketUrl: string | null;
  readonly models: readonly string[];
  /** Voices that its models are known to have; none named: its own list. */
  readonly voices: readonly string[];
  readonly subprotocols: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
};

/** Under what a provider is reached: accounts with a name each, or one key. */
export type VoiceKeys = { readonly key: string | null; readonly accounts: readonly ProviderAccount[] };

export type VoiceOfferSettings = {
  /** Of each provider. One without a key and without accounts is not offered. */
  readonly keys: Readonly<Record<string, VoiceKeys | undefined>>;
  readonly providers: Readonly<Record<string, VoiceProviderSettings | undefined>>;
  /** Prices an operator set, by full model name; what is no price of a session is not looked at. */
  readonly prices: Readonly<Record<string, Price | null>>;
  /** Names of models that their providers have retired → full names of what came after them. */
  readonly successors?: Readonly<Record<string, string>>;
};

type KnownProvider = {
  readonly provider: RealtimeProvider;
  readonly address: string;
  /** The same of an account that has a base address of its own, which ends with no slash. */
  readonly addressAt: (baseUrl: string) => string;
  /** Offered where the operator names none. */
  readonly models: readonly string[];
  /** Further names that are taken as the provider's own, such as agents. */
  readonly openEnded?: RegExp;
};

const OPENAI_CAPABILITIES: RealtimeCapabilities = {
  tools: true,
  voices: null,
  imageInput: true,
  transcription: true,
  webrtc: true,
};

/** What xAI speaks too. */
const loadOpenAi = async (): Promise<RealtimeProvider["translator"]> => {
  const { openAiTranslator } = await import("./translators/openai.ts");
  return (context) => openAiTranslator(context, { modelInUrl: true });
};

const KNOWN: readonly KnownProvider[] = [
  {
    provider: lazyProvider({
      name: "openai",
      capabilities: OPENAI_CAPABILITIES,
      calls: openAiCalls,
      load: loadOpenAi,
    }),
    address: "wss://api.openai.com/v1/realtime",
    addressAt: (baseUrl) => `${baseUrl}/realtime`,
    models: [
      "gpt-realtime-2.1",
      "gpt-realtime-2",
      "gpt-realtime-2.1-mini",
      "gpt-realtime",
      "gpt-realtime-mini",
    ],
  },
  {
    provider: lazyProvider({
      name: "xai",
      capabilities: { ...OPENAI_CAPABILITIES, imageInput: false, webrtc: false },
      load: loadOpenAi,
    }),
    address: "wss://api.x.ai/v1/realtime",
    addressAt: (baseUrl) => `${baseUrl}/realtime`,
    models: ["grok-voice-think-fast-2.0", "grok-voice"],
  },
  {
    provider: lazyProvider({
      name: "gemini",
      capabilities: { ...OPENAI_CAPABILITIES, transcription: false, webrtc: false },
      load: async () => (await import("./translators/gemini.ts")).geminiTranslator,
    }),
    address: "wss://generativelanguage.googleapis.com/ws",
    // Base addresses of Gemini end with the version of its HTTP API.
    addressAt: (baseUrl) => `${baseUrl.replace(/\/v1(alpha|beta)?$/, "")}/ws`,
    models: ["gemini-3.8-live", "gemini-3.1-flash-live-preview", "gemini-live-2.5-flash"],
  },
  {
    provider: lazyProvider({
      name: "elevenlabs",
      capabilities: {
        ...OPENAI_CAPABILITIES,
        fixedTools: true,
        imageInput: false,
        transcription: false,
        webrtc: false,
      },
      bills: elevenLabsBills,
      load: async () => (await import("./translators/elevenlabs.ts")).elevenLabsTranslator,
    }),
    address: "wss://api.elevenlabs.io/v1/convai/conversation",
    addressAt: (baseUrl) => `${baseUrl}/v1/convai/conversation`,
    models: [],
    openEnded: /^agent_[A-Za-z0-9_-]{1,80}$/,
  },
  {
    provider: lazyProvider({
      name: "ultravox",
      capabilities: { ...OPENAI_CAPABILITIES, imageInput: false, transcription: false, webrtc: false },
      bills: ultravoxBills,
      load: async () => (await import("./translators/ultravox.ts")).ultravoxTranslator,
    }),
    address: "https://api.ultravox.ai/api",
    addressAt: (baseUrl) => baseUrl,
    models: ["ultravox-v0.7"],
  },
];

const LOCAL: Omit<VoiceOffer, "models"> = {
  provider: lazyProvider({
    name: "local",
    capabilities: ECHO_CAPABILITIES,
    load: async () => (await import("./translators/local-echo.ts")).localEcho.translator,
  }),
  accounts: new VoiceAccounts({
    name: "local",
    endpoint: { baseUrl: "", key: null, headers: {}, protocols: [] },
    accounts: [],
    addressOf: (baseUrl) => baseUrl,
  }),
  openEnded: null,
};
const ECHO = "echo";

/** The built-in voice, and every provider with a key. */
export function createVoiceOffers({
  keys,
  providers,
  prices,
  successors = {},
}: VoiceOfferSettings): VoiceOffer[] {
  const offers = KNOWN.flatMap(({ provider: known, address, addressAt, models, openEnded: pattern }) => {
    const { name } = known;
    const { key = null, accounts = [] } = keys[name] ?? {};
    if (key === null && accounts.length === 0) return [];
    const own = providers[name];
    const named = current(name, own?.models ?? [], { prices, successors });
    const names = named.length > 0 ? named : models;
    const headers = Object.entries(own?.headers ?? {}).filter(
      ([header]) => !DEAD_UPSTREAM_HEADERS.has(header.toLowerCase()),
    );
    const provider = own === undefined || own.voices.length === 0 ? known : withVoices(known, own.voices);
    const offer: VoiceOffer = {
      provider,
      accounts: new VoiceAccounts({
        name,
        endpoint: {
          baseUrl: own?.webSocketUrl ?? address,
          key,
          headers: Object.fromEntries(headers),
          protocols: (own?.subprotocols ?? []).filter((protocol) => protocol !== BETA_PROTOCOL),
        },
        accounts,
        addressOf: (baseUrl) => addressAt(baseUrl.replace(/\/+$/, "").replace(/^http/, "ws")),
      }),
      models: names.map((providerModel) => ({
        providerModel,
        price: voicePrice(prices, `${name}/${providerModel}`),
      })),
      openEnded:
        pattern === undefined
          ? null
          : {
              pattern,
              priceOf: (model) => voicePrice(prices, `${name}/${model}`) ?? voicePrice(prices, `${name}/*`),
            },
    };
    return [offer];
  });
  const echo: VoicePrice = voicePrice(prices, `${LOCAL.provider.name}/${ECHO}`) ?? { kind: "free" };
  return [{ ...LOCAL, models: [{ providerModel: ECHO, price: echo }] }, ...offers];
}

/**
 * The models that an operator names for a provider, each once: instead of a retired one what came after it, if that is the provider's own,
 * else none. A retired name that the operator has priced is a model of a service that still has it.
 */
function current(
  provider: string,
  models: readonly string[],
  { prices, successors = {} }: Pick<VoiceOfferSettings, "prices" | "successors">,
): readonly string[] {
  const prefix = `${provider}/`;
  const names = models.flatMap((model) => {
    const successor = Object.hasOwn(successors, model) ? successors[model] : undefined;
    if (successor === undefined || voicePrice(prices, `${prefix}${model}`) !== null) return [model];
    return successor.startsWith(prefix) ? [successor.slice(prefix.length)] : [];
  });
  return [...new Set(names)];
}

function withVoices(provider: RealtimeProvider, voices: readonly string[]): RealtimeProvider {
  return { ...provider, capabilities: { ...provider.capabilities, voices } };
}

/** The operator's price, else the table's; null where there is none. */
function voicePrice(prices: VoiceOfferSettings["prices"], model: string): VoicePrice | null {
  return asVoicePrice(prices[model] ?? null) ?? asVoicePrice(listPrice(model));
}

function asVoicePrice(price: Price | null): VoicePrice | null {
  return price?.kind === "free" || price?.kind === "per_session" ? price : null;
}
