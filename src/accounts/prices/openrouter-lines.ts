/**
 * What OpenRouter asks for its films, by `pricing_skus` of its own list (`GET /api/v1/videos/models`). What OpenRouter says it
 * billed is charged; these lines are what is held back, so each has the dearest that a film of its height may cost: with
 * sound, with an input picture, and in the widest shape where pixels are counted.
 */

import { type PriceLine, perSecond, priceLine } from "./price-lines.ts";

const SOURCE = "OpenRouter's list of video models";
const DATE = "2026-10-09";

/** Each height of a film, with the sides of the widest one the model makes. */
type Widest = readonly [upTo: number, width: number, height: number];
const WIDEST_480P: Widest = [480, 1_120, 480];
const WIDEST_720P: Widest = [720, 1_680, 720];
const WIDEST_1080P: Widest = [1_080, 2_520, 1_080];
const WIDEST_4K: Widest = [2_160, 5_040, 2_160];

/** Tokens of a second of film: 24 pictures, 1024 pixels to a token. */
const PICTURES_PER_SECOND = 24;
const PIXELS_PER_TOKEN = 1_024;

/** By dollars for a million tokens. */
function counted([upTo, width, height]: Widest, perMillion: number): [upTo: number, dollars: number] {
  const tokens = (width * height * PICTURES_PER_SECOND) / PIXELS_PER_TOKEN;
  return [upTo, Math.ceil(tokens * perMillion) / 1_000_000];
}

function priced(name: string, longest: number, ...tiers: readonly [upTo: number, dollars: number][]) {
  return priceLine(`openrouter/${name}`, perSecond(longest, ...tiers), SOURCE, DATE);
}

/** Lines of which OpenRouter lists something else than seconds of each height. */
function atMost(name: string, longest: number, ...tiers: readonly [upTo: number, dollars: number][]) {
  return priceLine(`openrouter/${name}`, perSecond(longest, ...tiers), SOURCE, DATE, "uncertain");
}

export const OPENROUTER_LINES: readonly PriceLine[] = [
  priced("alibaba/happyhorse-1.0", 15, [720, 0.0988], [1_080, 0.1694]),
  priced("alibaba/happyhorse-1.1", 15, [720, 0.0988], [1_080, 0.1278]),
  priced("alibaba/wan-2.6", 10, [720, 0.1], [1_080, 0.15]),
  priced("alibaba/wan-2.7", 10, [1_080, 0.1]),
  priced("black-forest-labs/flux-3-video", 20, [720, 0.17], [1_080, 0.29]),
  atMost(
    "bytedance/seedance-1-5-pro",
    12,
    counted(WIDEST_480P, 2.4),
    counted(WIDEST_720P, 2.4),
    counted(WIDEST_1080P, 2.4),
  ),
  atMost(
    "bytedance/seedance-2.0",
    15,
    counted(WIDEST_480P, 7),
    counted(WIDEST_720P, 7),
    counted(WIDEST_1080P, 7.7),
    counted(WIDEST_4K, 4),
  ),
  atMost("bytedance/seedance-2.0-fast", 15, counted(WIDEST_480P, 4.2), counted(WIDEST_720P, 4.2)),
  atMost("bytedance/seedance-2.0-mini", 15, counted(WIDEST_480P, 3.5), counted(WIDEST_720P, 3.5)),
  atMost("bytedance/seedance-2.5", 30, counted(WIDEST_480P, 10.7), counted(WIDEST_720P, 10.7)),
  priced("google/veo-3.1", 8, [1_080, 0.4], [2_160, 0.6]),
  priced("google/veo-3.1-fast", 8, [720, 0.1], [1_080, 0.12], [2_160, 0.3]),
  priced("google/veo-3.1-lite", 8, [720, 0.05], [1_080, 0.08]),
  priced("kwaivgi/kling-v3.0-pro", 15, [720, 0.168]),
  priced("kwaivgi/kling-v3.0-std", 15, [720, 0.126]),
  priced("kwaivgi/kling-video-o1", 10, [720, 0.112]),
  priced("minimax/hailuo-2.3", 10, [1_080, 0.0817]),
  priced("minimax/hailuo-3", 15, [1_440, 0.13]),
  priced("runway/gen-4.5", 10, [720, 0.12]),
  // The input picture costs 0.2 and 1 cent a film: added to the second, for a film may have one alone.
  atMost("x-ai/grok-imagine-video", 15, [480, 0.052], [720, 0.072]),
  atMost("x-ai/grok-imagine-video-1.5", 15, [480, 0.09], [720, 0.15], [1_080, 0.26]),
];
