/**
 * What a model costs. Every amount is micro-dollars for one unit and may be a fraction of one; what is reckoned with them
 * is rounded once, to a whole micro-dollar. Prices are data: a table, an operator or an adapter gives them, they are kept with
 * the hold of a task, and `accounts/prices` reckons with them. A new way to charge is a new kind in here.
 */

import type { Usage } from "./media-provider.ts";

export type Price =
  | FreePrice
  | ImagePrice
  | TokenPrice
  | MegapixelPrice
  | SecondPrice
  | VideoPrice
  | SessionPrice;

/** What a task may cost. */
export type JobPrice = Exclude<Price, SessionPrice>;

/** Whether it is a price of tasks, and not one of voice sessions. */
export function isJobPrice(price: Price): price is JobPrice {
  return price.kind !== "per_session";
}

/** Declared free: nothing is held and nothing is charged. */
export type FreePrice = { readonly kind: "free" };

/** For each picture, by what it is asked to be. */
export type ImagePrice = {
  readonly kind: "per_image";
  /** Of a picture that no line of `by` names. Absent where `by` names all that the model makes. */
  readonly micros?: number;
  /** Where several lines fit, the dearest counts. A line without a size (quality) fits every one. */
  readonly by?: readonly ImageRate[];
};
export type ImageRate = { readonly size?: string; readonly quality?: string; readonly micros: number };

/** Kinds of tokens that have prices of their own. */
export type TokenKind = Exclude<keyof NonNullable<Usage["tokens"]>, "input" | "output">;

/** For each token, by its kind. */
export type TokenPrice = {
  readonly kind: "per_token";
  /** Of one token: as many micro-dollars as a million of them costs dollars. At least one kind of output. */
  readonly rates: Readonly<Partial<Record<TokenKind, number>>>;
  /** What is held back for, since tokens are counted only afterwards. */
  readonly most: {
    /** Output tokens of one picture; where several lines fit, the largest counts. A line without a quality fits every one. */
    readonly image: readonly ImageTokens[];
    /** Pixels in millions of a picture whose size is left to the model. */
    readonly megapixels: number;
    /** Tokens of one input picture. */
    readonly input: number;
  };
};
export type ImageTokens = {
  readonly quality?: string;
  readonly tokens: number;
  /** Besides, for each million pixels. */
  readonly perMegapixel?: number;
};

/** For each begun megapixel (1024 × 1024 pixels) of each picture. */
export type MegapixelPrice = {
  readonly kind: "per_megapixel";
  readonly micros: number;
  /** Of a picture's first one, where that differs. */
  readonly firstMicros?: number;
  /** Of one input picture, at most. */
  readonly inputMicros?: number;
  /** Of a picture whose size is left to the model. */
  readonly megapixels: number;
};

/** For each second of a film, by its resolution. */
export type SecondPrice = {
  readonly kind: "per_second";
  /** Above every line of `by`. Absent where `by` goes up to all that the model makes. */
  readonly micros?: number;
  /** The lowest line that reaches up to the film's shorter side counts. */
  readonly by?: readonly { readonly upTo: number; readonly micros: number }[];
  /** Of a film whose duration is left to the model. */
  readonly longestSeconds: number;
};

/** For each film, by its duration and resolution. */
export type VideoPrice = {
  readonly kind: "per_video";
  /** Of a film that no line of `by` reaches. Absent where `by` reaches all that the model makes. */
  readonly micros?: number;
  /** The cheapest line that reaches both the film's duration and its shorter side counts; one without a bound has none. */
  readonly by?: readonly { readonly seconds?: number; readonly upTo?: number; readonly micros: number }[];
};

/** Kinds of tokens of a voice session that have rates of their own. */
export const SESSION_TOKENS = [
  "textInput",
  "audioInput",
  "imageInput",
  "cachedTextInput",
  "cachedAudioInput",
  "cachedImageInput",
  "textOutput",
  "audioOutput",
] as const;
export type SessionTokens = (typeof SESSION_TOKENS)[number];

/** For a voice session: the sum of all that is given here. */
export type SessionPrice = {
  readonly kind: "per_session";
  /** Of one token: as many micro-dollars as a million of them costs dollars. A kind without a rate costs as much as the dearest. */
  readonly tokens?: Readonly<Partial<Record<SessionTokens, number>>>;
  /** Of a minute that the session is open. */
  readonly minuteMicros?: number;
  /** Of a minute of sound, both ways together. */
  readonly audioMinuteMicros?: number;
  /** Of the model that transcribes what the user says. */
  readonly transcription?: {
    /** Of one token. */
    readonly audioInput: number;
    readonly textInput: number;
    readonly output: number;
    /** Of a minute transcribed. */
    readonly minuteMicros: number;
  };
  /** Held back for each minute. */
  readonly reserveMinuteMicros: number;
};
