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
      /** Width times height at most; absent where the sides alone are bounded. */
      readonly maxPixels?: number;
      /** Taken when the request names none or `auto`. */
      readonly default: string;
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
  readonly sizes: SizeRule;
  /** Seconds of film; null for a model that does not take the field. */
  readonly durations: NumberRule | null;
  /** Frames a second; null for a model that does not take the field. */
  readonly fps: NumberRule | null;
  readonly qualities: readonly string[];
  readonly styles: readonly string[];
  readonly backgrounds: readonly string[];
  readonly outputFormats: readonly string[];
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
