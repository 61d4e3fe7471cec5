/** OpenAI's image models: what each takes. Facts as of November 2026; a changed one is a changed line here. */

import type { ModelCapabilities } from "../../protocol/model.ts";
import { PICTURE_TYPES } from "../upstream/requests/input-pictures.ts";

/** The fields one model of an OpenAI-shaped images API takes, beside prompt, `n` and size. */
export type ImageModelSpec = {
  /** The provider's own name. */
  readonly name: string;
  readonly capabilities: ModelCapabilities;
  /** What is made in one call; a larger `n` takes several. */
  readonly imagesPerCall: number;
  /** Sent as `response_format`; null for a model that refuses the field. */
  readonly responseFormat: "b64_json" | "url" | null;
  /** The name under which the caller's own user is passed on; null where it is not. */
  readonly userField: "safety_identifier" | "user" | null;
  /** Whether `/images/edits` takes it. */
  readonly edits: boolean;
  /** Whether it takes `stream` with `partial_images`. */
  readonly streaming: boolean;
  /** Values of `quality` that the model knows under another word. */
  readonly qualityWords: Readonly<Record<string, string>>;
  /** Sizes that it would refuse are brought to the nearest one it makes. */
  readonly fitSize: (size: string) => string;
};

/** An image model of OpenAI's own. */
type OpenAiModel = { name: string; created: string; deeper: boolean };

/**
 * `deeper` models also take the qualities above `high`, `complexity`, and GIF and SVG output. Snapshots are reached by
 * `models.aliases`.
 */
const MODELS: readonly OpenAiModel[] = [
  { name: "gpt-image-2.6-sunburst", created: "2026-11-04", deeper: true },
  { name: "gpt-image-2.6-flare", created: "2026-11-04", deeper: true },
  { name: "gpt-image-2.5-sunburst", created: "2026-09-08", deeper: true },
  { name: "gpt-image-2.5-flare", created: "2026-09-08", deeper: true },
  { name: "gpt-image-2", created: "2026-04-21", deeper: false },
];

/** Pictures in one call. */
export const MAX_IMAGES = 10;
/** Pictures an edit works from. */
export const MAX_INPUT_PICTURES = 16;
const SIDE_STEP = 16;
const MIN_SIDE = 256;
const MAX_SIDE = 3_840;
const MAX_RATIO = 3;
/** 3840x2160. */
const MAX_PIXELS = 8_294_400;
/** Smaller pictures, such as dall-e-2's, are made larger instead of refused. */
const MIN_PIXELS = 655_360;
const DEFAULT_SIZE = "1024x1024";
/** dall-e-3's words for quality. */
const OLD_QUALITIES = { standard: "medium", hd: "high" } as const;
/** Fields that are passed on where a request has them. */
const FURTHER = ["moderation", "output_compression", "safety_identifier"];
const FURTHER_DEEPER = ["complexity", "frame_count", "frame_duration_ms"];

/** Every model with its table of fields, and since when it is there (Unix seconds). */
export const OPENAI_MODELS: readonly (ImageModelSpec & { readonly created: number })[] = MODELS.map(
  ({ name, created, deeper }) => ({
    name,
    created: Date.parse(created) / 1000,
    capabilities: {
      type: "image",
      maxN: MAX_IMAGES,
      sizes: {
        kind: "range",
        minSide: MIN_SIDE,
        maxSide: MAX_SIDE,
        multipleOf: SIDE_STEP,
        maxRatio: MAX_RATIO,
        maxPixels: MAX_PIXELS,
        default: DEFAULT_SIZE,
      },
      qualities: [
        "auto",
        "low",
        "medium",
        "high",
        ...(deeper ? ["xhigh", "max"] : []),
        ...Object.keys(OLD_QUALITIES),
      ],
      // Of the retired models; these ones refuse the field, so it is left out.
      styles: [],
      backgrounds: ["auto", "opaque", "transparent"],
      outputFormats: ["png", "jpeg", "webp", ...(deeper ? ["gif", "svg"] : [])],
      seed: false,
      durations: null,
      fps: null,
      inputs: { images: MAX_INPUT_PICTURES, mask: true, types: PICTURE_TYPES },
      measuredProgress: false,
      providerOptions: [...FURTHER, ...(deeper ? FURTHER_DEEPER : [])],
      furtherFields: [...FURTHER, ...(deeper ? FURTHER_DEEPER : [])],
    },
    imagesPerCall: MAX_IMAGES,
    responseFormat: null,
    userField: "safety_identifier",
    edits: true,
    streaming: true,
    qualityWords: OLD_QUALITIES,
    fitSize,
  }),
);

/** A size of too few pixels, enlarged in its shape until it has enough. */
function fitSize(size: string): string {
  const [width = 0, height = 0] = size.split("x").map(Number);
  const pixels = width * height;
  if (!Number.isFinite(pixels) || pixels === 0 || pixels >= MIN_PIXELS) return size;
  const shortest = Math.min(width, height);
  // In whole steps of the shape's own shorter side, so that 256x256 becomes 1024x1024 and not 816x816.
  for (let factor = 2; ; factor += 1) {
    const [wide, high] = [width * factor, height * factor];
    if (wide * high >= MIN_PIXELS || shortest * factor > MAX_SIDE) return `${wide}x${high}`;
  }
}
