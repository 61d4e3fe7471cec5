/** What `local/canvas` takes, as the catalogue publishes it. */

import type { ModelCapabilities } from "../../protocol/model.ts";
import { CANVAS_OPTION_NAMES } from "./options.ts";

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
  outputFormats: ["png"],
  inputs: { images: 0, mask: false },
  seed: true,
  measuredProgress: true,
  providerOptions: CANVAS_OPTION_NAMES,
  furtherFields: [],
};

/** The sides a size asks for; null when it is none that the canvas paints. */
export function parseSize(size: string | undefined): { width: number; height: number } | null {
  const asked = size === undefined || size === "auto" ? DEFAULT_SIZE : size;
  const match = /^([1-9]\d{0,4})x([1-9]\d{0,4})$/.exec(asked);
  const width = Number(match?.[1]);
  const height = Number(match?.[2]);
  const fits = (side: number) => side >= MIN_SIDE && side <= MAX_SIDE;
  return fits(width) && fits(height) ? { width, height } : null;
}
