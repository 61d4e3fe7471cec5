/** How a model is described to clients: its entry in `GET /v1/models`. Shared by the server and the SDK. */

import type { TaskType } from "./task.ts";

/** Sizes a model makes: listed ones, or any within bounds. */
export type SizeRule =
  | { readonly kind: "listed"; readonly sizes: readonly string[] }
  /** Any `WxH` whose sides are from `minSide` to `maxSide` pixels and multiples of `multipleOf`. */
  | {
      readonly kind: "range";
      readonly minSide: number;
      readonly maxSide: number;
      readonly multipleOf: number;
      /** Taken when the request names none or `auto`. */
      readonly default: string;
    };

/** Pictures a model works from. */
export type InputRule = {
  /** How many at most; 0 where it works from a prompt alone. Of a film the first one is its first frame. */
  readonly images: number;
  /** Whether it takes a mask that says where a picture is to change. */
  readonly mask: boolean;
};

/** What a model takes. An empty list means that it does not take the field at all. */
export type ModelCapabilities = {
  readonly type: TaskType;
  /** Largest `n`. */
  readonly maxN: number;
  readonly sizes: SizeRule;
  readonly qualities: readonly string[];
  readonly styles: readonly string[];
  readonly backgrounds: readonly string[];
  readonly outputFormats: readonly string[];
  /** Absent: none. */
  readonly inputs?: InputRule;
  /** Whether the same prompt and seed give the same result. */
  readonly seed: boolean;
  /** Whether progress comes from the work itself; otherwise it is estimated. */
  readonly measuredProgress: boolean;
  /** Names `provider_options` may hold. */
  readonly providerOptions: readonly string[];
  /** Names of further request fields that are passed on. */
  readonly furtherFields: readonly string[];
};

/** What a model costs, in US dollars. */
export type WirePricing = { free: true } | { free: false; unit: "image"; usd: number };

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
  pricing: WirePricing;
};

/** The answer of `GET /v1/models`. */
export type WireModelList = { object: "list"; data: readonly WireModel[] };
