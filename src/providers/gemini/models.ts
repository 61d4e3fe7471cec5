/** Google's image and video models: what each takes. Facts as of November 2026; a changed one is a changed line here. */

import type { ModelCapabilities } from "../../protocol/model.ts";
import { GEMINI_PICTURE_TYPES } from "./inputs.ts";

export type GeminiImageModel = {
  /** The provider's own name. */
  readonly name: string;
  readonly created: number;
  readonly capabilities: ModelCapabilities;
  readonly ratios: readonly string[];
  /** Values of `imageSize`, smallest first; the first that reaches a picture's pixels is meant. */
  readonly imageSizes: readonly { readonly name: string; readonly upToPixels: number }[];
};

export type GeminiVideoModel = {
  readonly name: string;
  readonly created: number;
  readonly capabilities: ModelCapabilities;
  /** Seconds. */
  readonly shortest: number;
  readonly longest: number;
  /** Sent where the caller names no duration, so that what is made is known; seconds. */
  readonly usual: number;
};

const RATIOS = ["1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9"];
const LONG_RATIOS = ["1:4", "4:1", "1:8", "8:1"];
const ONE_K = { name: "1K", upToPixels: 2_000_000 };
const IMAGE_SIZES = [ONE_K, { name: "2K", upToPixels: 8_000_000 }, { name: "4K", upToPixels: 17_000_000 }];
const SMALL = { name: "512", upToPixels: 524_288 };
const MAX_IMAGES = 10;
/** Pictures a picture is made from. */
export const MAX_IMAGE_INPUTS = 14;
/** Pictures a film is made from: one is its first frame, several are what it is about. */
export const MAX_VIDEO_INPUTS = 6;
const SECONDS = { kind: "range", min: 3, max: 15, default: 8 } as const;
const MIN_SIDE = 256;
const MAX_SIDE = 8_192;

type ImageLine = { name: string; created: string; ratios: string[]; imageSizes: (typeof ONE_K)[] };

const IMAGE_LINES: readonly ImageLine[] = [
  {
    name: "gemini-nano-banana-2.1",
    created: "2026-10-06",
    ratios: [...RATIOS, ...LONG_RATIOS],
    imageSizes: IMAGE_SIZES,
  },
  {
    name: "gemini-3.1-flash-image",
    created: "2026-05-28",
    ratios: [...RATIOS, ...LONG_RATIOS],
    imageSizes: [SMALL, ...IMAGE_SIZES],
  },
  { name: "gemini-3-pro-image", created: "2026-05-28", ratios: RATIOS, imageSizes: IMAGE_SIZES },
  { name: "gemini-3.1-flash-lite-image", created: "2026-06-30", ratios: RATIOS, imageSizes: [ONE_K] },
];

export const GEMINI_IMAGE_MODELS: readonly GeminiImageModel[] = IMAGE_LINES.map(
  ({ name, created, ratios, imageSizes }) => ({
    name,
    created: Date.parse(created) / 1000,
    ratios,
    imageSizes,
    capabilities: {
      type: "image",
      maxN: MAX_IMAGES,
      sizes: {
        kind: "range",
        minSide: MIN_SIDE,
        maxSide: MAX_SIDE,
        multipleOf: 1,
        maxRatio: ratios.includes("8:1") ? 8 : 2.5,
        maxPixels: imageSizes.at(-1)?.upToPixels ?? ONE_K.upToPixels,
        default: "1024x1024",
      },
      // Whoever sends OpenAI's words gets the picture all the same: these models know none of them.
      qualities: [],
      styles: [],
      backgrounds: [],
      durations: null,
      fps: null,
      outputFormats: [],
      inputs: { images: MAX_IMAGE_INPUTS, mask: false, types: GEMINI_PICTURE_TYPES },
      seed: false,
      measuredProgress: false,
      providerOptions: ["aspect_ratio"],
      furtherFields: ["aspect_ratio"],
    },
  }),
);

export const VIDEO_RATIOS = ["16:9", "9:16"];
export const VIDEO_RESOLUTIONS = ["360p", "720p", "1080p", "4k"];
/** Each side of 16:9, both ways up, and the sizes that Sora had beside them. */
const VIDEO_SIZES = [
  "640x360",
  "360x640",
  "1280x720",
  "720x1280",
  "1920x1080",
  "1080x1920",
  "3840x2160",
  "2160x3840",
  "1792x1024",
  "1024x1792",
];

export const GEMINI_VIDEO_MODELS: readonly GeminiVideoModel[] = [
  { name: "gemini-omni-1.1-flash", created: "2026-08-27" },
  { name: "gemini-omni-1.2-flash", created: "2026-10-22" },
].map(({ name, created }) => ({
  name,
  created: Date.parse(created) / 1000,
  shortest: SECONDS.min,
  longest: SECONDS.max,
  usual: SECONDS.default,
  capabilities: {
    type: "video",
    maxN: 1,
    sizes: { kind: "listed", sizes: VIDEO_SIZES },
    qualities: [],
    styles: [],
    backgrounds: [],
    durations: SECONDS,
    fps: null,
    outputFormats: [],
    inputs: { images: MAX_VIDEO_INPUTS, mask: false, types: GEMINI_PICTURE_TYPES },
    seed: false,
    measuredProgress: false,
    // Not `resolution`, on which the price depends: it is a field of its own.
    providerOptions: ["aspect_ratio"],
    furtherFields: ["aspect_ratio", "resolution"],
  },
}));
