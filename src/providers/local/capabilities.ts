/** What the built-in models take, as the catalogue publishes it. */

import type { ModelCapabilities, NumberRule, SizeRule } from "../../protocol/model.ts";
import { parseSize, type Size } from "../upstream/requests/sizes.ts";
import { REHEARSAL_OPTION_NAMES } from "./options.ts";

/** The provider's own name of the model. */
export const CANVAS_MODEL = "canvas";
/** Below this there is no room for a composition. */
export const MIN_SIDE = 64;
/** A picture of twice the usual side costs four times the work; more is not worth the wait on one core. */
export const MAX_SIDE = 2048;
export const DEFAULT_SIZE = "1024x1024";
export const MAX_PICTURES = 10;

export const CANVAS_CAPABILITIES: ModelCapabilities = {
  type: "image",
  maxN: MAX_PICTURES,
  sizes: { kind: "range", minSide: MIN_SIDE, maxSide: MAX_SIDE, multipleOf: 1, default: DEFAULT_SIZE },
  qualities: [],
  styles: [],
  backgrounds: ["auto", "opaque"],
  durations: null,
  fps: null,
  outputFormats: ["png"],
  inputs: { images: 0, mask: false },
  seed: true,
  measuredProgress: true,
  providerOptions: REHEARSAL_OPTION_NAMES,
  furtherFields: [],
};

/** The provider's own name of the model of films. */
export const MOTION_MODEL = "motion";
/** A frame of this many pixels takes four times as long as one of the usual size. */
const MAX_FRAME_PIXELS = 1280 * 720;
const FILM_SIZES = {
  kind: "range",
  minSide: MIN_SIDE,
  maxSide: 1280,
  // Colour is kept at half the resolution.
  multipleOf: 2,
  maxPixels: MAX_FRAME_PIXELS,
  default: "640x360",
} as const satisfies SizeRule;
/** Seconds. */
export const DURATIONS = { kind: "range", min: 1, max: 10, default: 4 } as const satisfies NumberRule;
/** Frames a second. */
export const FRAME_RATES = { kind: "range", min: 1, max: 30, default: 24 } as const satisfies NumberRule;

export const MOTION_CAPABILITIES: ModelCapabilities = {
  type: "video",
  maxN: 1,
  sizes: FILM_SIZES,
  durations: DURATIONS,
  fps: FRAME_RATES,
  qualities: [],
  styles: [],
  backgrounds: [],
  outputFormats: [],
  inputs: { images: 0, mask: false },
  seed: true,
  measuredProgress: true,
  providerOptions: REHEARSAL_OPTION_NAMES,
  furtherFields: [],
};

/** The sides a size asks for; null when it is none that the canvas paints. */
export function parseCanvasSize(size: string | undefined): Size | null {
  const sides = sidesOf(size ?? "auto", DEFAULT_SIZE);
  const fits = (side: number) => side >= MIN_SIDE && side <= MAX_SIDE;
  return sides !== null && fits(sides.width) && fits(sides.height) ? sides : null;
}

/** The sides a size asks for; null when it is none that films have. */
export function parseFilmSize(size: string | undefined): Size | null {
  const sides = sidesOf(size ?? "auto", FILM_SIZES.default);
  const { minSide, maxSide, multipleOf, maxPixels } = FILM_SIZES;
  const fits = (side: number) => side >= minSide && side <= maxSide && side % multipleOf === 0;
  if (sides === null || !fits(sides.width) || !fits(sides.height)) return null;
  return sides.width * sides.height <= maxPixels ? sides : null;
}

function sidesOf(size: string, usual: string): Size | null {
  return parseSize(size === "auto" ? usual : size);
}
