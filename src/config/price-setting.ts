/** The price of a model as an operator writes it, in dollars; see docs/prices.md. */

import { z } from "zod";
import { shortSideOf } from "../accounts/prices/priced-request.ts";
import { type Price, SESSION_TOKENS, type SessionTokens } from "../tasks/ports/price.ts";

const MICROS_PER_DOLLAR = 1_000_000;
/** Less would be reckoned as nothing, and free is what says so. */
const LEAST_USD = 0.000_000_001;
const MOST_USD = 10_000;
const MOST_TOKENS = 10_000_000;
const MOST_MEGAPIXELS = 1_000;
const MOST_SECONDS = 3_600;
const MOST_RATES = 200;
/** Of a picture whose size is left to the model, where the price does not say. */
const USUAL_MEGAPIXELS = 4;
const USUAL_INPUT_TOKENS = 15_000;

export const PRICE_SHAPE =
  'a price such as {"unit":"image","usd":0.04}, {"unit":"second","usd":0.1,"longestSeconds":10} or {"free":true}; docs/prices.md has the units';

const usd = () =>
  z
    .number()
    .min(LEAST_USD)
    .max(MOST_USD)
    .transform((dollars) => Number((dollars * MICROS_PER_DOLLAR).toPrecision(12)));
const tokenUsd = () => z.number().min(0.000_001).max(MOST_USD);
const word = () => z.string().min(1).max(100);
const resolution = () =>
  z
    .string()
    .refine((text) => shortSideOf(text) !== null)
    .transform((text) => shortSideOf(text) ?? 0);
const seconds = () => z.number().gt(0).max(MOST_SECONDS);
const megapixels = () => z.number().gt(0).max(MOST_MEGAPIXELS);
const tokens = () => z.number().min(0).max(MOST_TOKENS);
const rates = <Shape extends z.core.$ZodLooseShape>(shape: Shape) =>
  z.array(z.strictObject(shape)).min(1).max(MOST_RATES);

const free = () => z.strictObject({ free: z.literal(true) }).transform((): Price => ({ kind: "free" }));

const perImage = () =>
  z
    .strictObject({
      free: z.literal(false).optional(),
      unit: z.literal("image"),
      usd: usd().optional(),
      rates: rates({ size: word().optional(), quality: word().optional(), usd: usd() }).optional(),
    })
    .refine(isPriced)
    .transform(
      ({ usd: micros, rates: lines }): Price => ({
        kind: "per_image",
        ...(micros !== undefined && { micros }),
        ...(lines !== undefined && {
          by: lines.map(({ size, quality, usd: rate }) => ({
            ...(size !== undefined && { size }),
            ...(quality !== undefined && { quality }),
            micros: rate,
          })),
        }),
      }),
    );

const perToken = () =>
  z
    .strictObject({
      free: z.literal(false).optional(),
      unit: z.literal("million_tokens"),
      rates: z
        .strictObject({
          textInput: tokenUsd().optional(),
          cachedTextInput: tokenUsd().optional(),
          imageInput: tokenUsd().optional(),
          cachedImageInput: tokenUsd().optional(),
          textOutput: tokenUsd().optional(),
          imageOutput: tokenUsd().optional(),
        })
        .refine(({ textOutput, imageOutput }) => textOutput !== undefined || imageOutput !== undefined),
      most: z.strictObject({
        image: z
          .array(
            z
              .strictObject({
                quality: word().optional(),
                tokens: tokens(),
                perMegapixel: tokens().optional(),
              })
              .refine((line) => line.tokens + (line.perMegapixel ?? 0) > 0),
          )
          .min(1)
          .max(MOST_RATES),
        megapixels: megapixels().default(USUAL_MEGAPIXELS),
        input: tokens().default(USUAL_INPUT_TOKENS),
      }),
    })
    .transform((price): Price => {
      const { most } = price;
      const image = most.image.map(({ quality, tokens: count, perMegapixel }) => ({
        ...(quality !== undefined && { quality }),
        tokens: count,
        ...(perMegapixel !== undefined && { perMegapixel }),
      }));
      const named = Object.entries(price.rates).filter(([, rate]) => rate !== undefined);
      return { kind: "per_token", rates: Object.fromEntries(named), most: { ...most, image } };
    });

const perMegapixel = () =>
  z
    .strictObject({
      free: z.literal(false).optional(),
      unit: z.literal("megapixel"),
      usd: usd(),
      firstUsd: usd().optional(),
      inputUsd: usd().optional(),
      megapixels: megapixels().default(USUAL_MEGAPIXELS),
    })
    .transform(
      ({ usd: micros, firstUsd, inputUsd, megapixels: count }): Price => ({
        kind: "per_megapixel",
        micros,
        ...(firstUsd !== undefined && { firstMicros: firstUsd }),
        ...(inputUsd !== undefined && { inputMicros: inputUsd }),
        megapixels: count,
      }),
    );

const perSecond = () =>
  z
    .strictObject({
      free: z.literal(false).optional(),
      unit: z.literal("second"),
      usd: usd().optional(),
      rates: rates({ upTo: resolution(), usd: usd() }).optional(),
      longestSeconds: seconds(),
    })
    .refine(isPriced)
    .transform(
      ({ usd: micros, rates: lines, longestSeconds }): Price => ({
        kind: "per_second",
        ...(micros !== undefined && { micros }),
        ...(lines !== undefined && { by: lines.map(({ upTo, usd: rate }) => ({ upTo, micros: rate })) }),
        longestSeconds,
      }),
    );

const perVideo = () =>
  z
    .strictObject({
      free: z.literal(false).optional(),
      unit: z.literal("video"),
      usd: usd().optional(),
      rates: rates({ seconds: seconds().optional(), upTo: resolution().optional(), usd: usd() }).optional(),
    })
    .refine(isPriced)
    .transform(
      ({ usd: micros, rates: lines }): Price => ({
        kind: "per_video",
        ...(micros !== undefined && { micros }),
        ...(lines !== undefined && {
          by: lines.map(({ seconds: longest, upTo, usd: rate }) => ({
            ...(longest !== undefined && { seconds: longest }),
            ...(upTo !== undefined && { upTo }),
            micros: rate,
          })),
        }),
      }),
    );

const perSession = () =>
  z
    .strictObject({
      free: z.literal(false).optional(),
      unit: z.literal("session"),
      minuteUsd: usd().optional(),
      audioMinuteUsd: usd().optional(),
      rates: z.strictObject(sessionRates()).optional(),
      transcription: z
        .strictObject({ audioInput: tokenUsd(), textInput: tokenUsd(), output: tokenUsd(), minuteUsd: usd() })
        .optional(),
      reserveMinuteUsd: usd(),
    })
    .refine(({ minuteUsd, audioMinuteUsd, rates: kinds }) =>
      [minuteUsd, audioMinuteUsd, kinds].some((given) => given !== undefined),
    )
    .transform(({ minuteUsd, audioMinuteUsd, rates: kinds, transcription, reserveMinuteUsd }): Price => {
      const named = Object.entries(kinds ?? {}).filter(([, rate]) => rate !== undefined);
      return {
        kind: "per_session",
        ...(named.length > 0 && { tokens: Object.fromEntries(named) }),
        ...(minuteUsd !== undefined && { minuteMicros: minuteUsd }),
        ...(audioMinuteUsd !== undefined && { audioMinuteMicros: audioMinuteUsd }),
        ...(transcription !== undefined && {
          transcription: {
            audioInput: transcription.audioInput,
            textInput: transcription.textInput,
            output: transcription.output,
            minuteMicros: transcription.minuteUsd,
          },
        }),
        reserveMinuteMicros: reserveMinuteUsd,
      };
    });

function sessionRates() {
  const kinds = {} as Record<SessionTokens, z.ZodOptional<z.ZodNumber>>;
  for (const kind of SESSION_TOKENS) kinds[kind] = tokenUsd().optional();
  return kinds;
}

/** Reads a price. Made where a deployment has prices of its own. */
export function priceSchema(): z.ZodType<Price> {
  return z.union([free(), perImage(), perToken(), perMegapixel(), perSecond(), perVideo(), perSession()]);
}

function isPriced(price: { usd?: unknown; rates?: unknown }): boolean {
  return price.usd !== undefined || price.rates !== undefined;
}
