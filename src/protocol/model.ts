/** How a model is described to clients: its entry in `GET /v1/models`. Shared by the server and the SDK. */

import type { Json, TaskType } from "./task.ts";

/** Sizes a model makes: listed ones, or any within bounds. */
export type SizeRule =
  | { readonly kind: "listed"; readonly sizes: readonly string[] }
  /** Any `WxH` whose sides are from `minSide` to `maxSide` pixels and multiples of `multipleOf`. */
  | {
      readonly kind: "range";
      readonly minSide: number;
      readonly maxSide: number;
      readonly multipleOf: number;
      /** How many times longer than the shorter side the longer one may be; no limit if absent. */
      readonly maxRatio?: number;
      /** Of width times height; no limit if absent. */
      readonly maxPixels?: number;
      /** Taken when the request names none or `auto`. */
      readonly default: string;
    };

/** Pictures a model works from. */
export type InputRule = {
  /** How many at most; 0 where it works from a prompt alone. Of a film the first one is its first frame. */
  readonly images: number;
  /** Whether it takes a mask that says where a picture is to change. */
  readonly mask: boolean;
  /** Whether it makes nothing without a picture; absent: it does. */
  readonly required?: boolean;
  /** Media types of the pictures; if absent, every type that the gateway stores. */
  readonly types?: readonly string[];
  /** Of one picture; absent: as large as the gateway takes them. */
  readonly maxBytes?: number;
};

/** Numbers a model takes, such as seconds of film: listed ones, or any within bounds. */
export type NumberRule = (
  | { readonly kind: "listed"; readonly values: readonly number[] }
  | { readonly kind: "range"; readonly min: number; readonly max: number }
) & {
  /** Taken when the request names none. */
  readonly default: number;
};

/** What a model takes. An empty list means that it does not take the field at all. */
export type ModelCapabilities = {
  readonly type: TaskType;
  /** Largest `n`. */
  readonly maxN: number;
  /** Of the prompt; absent: as many as the gateway takes. */
  readonly maxPromptCharacters?: number;
  readonly sizes: SizeRule;
  /** Seconds of film; null for a model that does not take the field. */
  readonly durations: NumberRule | null;
  /** Frames a second; null for a model that does not take the field. */
  readonly fps: NumberRule | null;
  readonly qualities: readonly string[];
  readonly styles: readonly string[];
  readonly backgrounds: readonly string[];
  readonly outputFormats: readonly string[];
  /** Absent: none. */
  readonly inputs?: InputRule;
  /** Whether the same prompt and seed give the same result. */
  readonly seed: boolean;
  /** Largest seed; absent: as large as the gateway takes it. */
  readonly maxSeed?: number;
  /** Whether progress comes from the work itself; otherwise it is estimated. */
  readonly measuredProgress: boolean;
  /** Names `provider_options` may hold. */
  readonly providerOptions: readonly string[];
  /** Names of further request fields that are passed on. */
  readonly furtherFields: readonly string[];
};

/** One line of a price: what one unit costs where it is what the line says. */
export type WireRate = {
  usd: number;
  /** Of a picture. */
  size?: string;
  quality?: string;
  /** Of a film: its shorter side is at most so long, such as `720p`. */
  upTo?: string;
  /** Of a film: it lasts at most so many seconds. */
  seconds?: number;
  /** Which kind of token. */
  tokens?: string;
};

/** What a model costs, in US dollars. */
export type WirePricing =
  | { free: true }
  | {
      free: false;
      unit: "image" | "million_tokens" | "megapixel" | "second" | "video" | "minute";
      /** Of one unit, at most; `rates` tell what it depends on. */
      usd: number;
      rates?: readonly WireRate[];
      /** Of what no line of `rates` names. */
      otherUsd?: number;
      /** Of the first megapixel of a picture, and of the others, where they differ. */
      firstUsd?: number;
      furtherUsd?: number;
      /** Of one input picture, at most. */
      inputUsd?: number;
      /** Of a minute of a voice session, besides its tokens. */
      minuteUsd?: number;
      /** Megapixels that are held back for where the request names no size. */
      megapixels?: number;
      /** Seconds that are held back for where the request names no duration. */
      longestSeconds?: number;
      /** Tokens that are held back for; an answer tells how many it used. */
      most?: {
        /** Of one picture; `perMegapixel` more for each million pixels. */
        readonly image: readonly {
          readonly quality?: string;
          readonly tokens: number;
          readonly perMegapixel?: number;
        }[];
        /** Millions of pixels where the request names no size. */
        readonly megapixels: number;
        /** Of one input picture. */
        readonly input: number;
      };
    };

/** The answer of `POST /v1/estimate`. */
export type WireEstimate = {
  /** What accepting the request would hold back; it is never charged more. */
  reserved: number;
  currency: "USD";
  /** Of the model, or of the dearest of those that may make it. */
  price: WirePricing;
  /** How long such a job usually takes once it has begun; null where nobody knows. */
  usualSeconds: number | null;
};

/** A JSON Schema (2020-12). */
export type JsonSchema = { readonly [keyword: string]: Json };

export type WireModel = {
  id: string;
  object: "model";
  /** Unix seconds. */
  created: number;
  owned_by: string;
  provider: string;
  /** The model this name leads to; null when it is the model's own name. */
  aliasOf: string | null;
  capabilities: ModelCapabilities;
  /** What a create takes for this model. The gateway takes more: what the model does not know, and null, count as absent. */
  parameters: JsonSchema;
  pricing: WirePricing;
};

/** A model of voice sessions. */
export type WireVoiceModel = Omit<WireModel, "capabilities" | "parameters"> & {
  capabilities: {
    type: "realtime";
    /** Whether it calls tools of the session. */
    tools: boolean;
    /** The voices there are; null: the provider's own list. */
    voices: readonly string[] | null;
    imageInput: boolean;
    /** Whether it takes sessions that only transcribe. */
    transcription: boolean;
    webrtc: boolean;
  };
};

/** The answer of `GET /admin/v1/models`: besides every model the names that are known and lead to none here, and why. */
export type WireAdminModelList = WireModelList & {
  notOffered: readonly { readonly id: string; readonly reason: string }[];
};

/** The answer of `GET /v1/models`. */
export type WireModelList = { object: "list"; data: readonly (WireModel | WireVoiceModel)[] };
