/**
 * The films OpenRouter makes, and what each model takes: a part of its list (`GET /videos/models`) as of August 2026. A
 * changed or new model is a line here.
 */

import type { ModelCapabilities } from "../../protocol/model.ts";
import { PICTURE_TYPES } from "../upstream/requests/input-pictures.ts";

export type FilmModel = {
  /** OpenRouter's own name. */
  readonly name: string;
  readonly created: number;
  readonly capabilities: ModelCapabilities;
  /** Seconds a film may have, shortest first. */
  readonly durations: readonly number[];
  /** Sent where the caller names no duration, so that what is made is known. */
  readonly usualSeconds: number;
  /** Such as `720p` or `4K`. */
  readonly resolutions: readonly string[];
  readonly ratios: readonly string[];
  readonly sound: boolean;
};

type Line = {
  name: string;
  created: string;
  durations: readonly number[];
  resolutions: string[];
  ratios?: string[];
  /** How many pictures it takes: the first frame, or the first and the last. */
  frames?: 1 | 2;
  sound?: boolean;
  seed?: boolean;
};

/** Resolutions whose names are no number of lines. */
const NAMED_LINES: Readonly<Record<string, string>> = { "1K": "1024p", "2K": "1440p", "4K": "2160p" };
const WIDE = ["16:9", "9:16"];
const SQUARE = [...WIDE, "1:1"];
const USUAL = [...SQUARE, "4:3", "3:4"];
const CINEMA = [...USUAL, "21:9"];
const EVERY = [...CINEMA, "9:21"];
const CLASSIC = [...USUAL, "3:2", "2:3"];
/** What a film has where nobody says, as far as the model makes it; seconds. */
const USUAL_SECONDS = 5;

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, place) => from + place);

const LINES: readonly Line[] = [
  {
    name: "alibaba/happyhorse-1.0",
    created: "2026-06-24",
    durations: range(3, 15),
    resolutions: ["720p", "1080p"],
    ratios: EVERY,
    seed: true,
  },
  {
    name: "alibaba/happyhorse-1.1",
    created: "2026-06-24",
    durations: range(3, 15),
    resolutions: ["720p", "1080p"],
    ratios: EVERY,
    seed: true,
  },
  {
    name: "alibaba/wan-2.6",
    created: "2026-03-28",
    durations: [5, 10],
    resolutions: ["720p", "1080p"],
    sound: true,
    seed: true,
  },
  {
    name: "alibaba/wan-2.7",
    created: "2026-04-15",
    durations: range(2, 10),
    resolutions: ["720p", "1080p"],
    ratios: USUAL,
    frames: 2,
    sound: true,
    seed: true,
  },
  {
    name: "black-forest-labs/flux-3-video",
    created: "2026-08-04",
    durations: range(5, 20),
    resolutions: ["720p", "1080p"],
    ratios: CINEMA,
    frames: 2,
    sound: true,
  },
  {
    name: "bytedance/seedance-1-5-pro",
    created: "2026-03-23",
    durations: range(4, 12),
    resolutions: ["480p", "720p", "1080p"],
    ratios: EVERY,
    frames: 2,
    sound: true,
    seed: true,
  },
  {
    name: "bytedance/seedance-2.0",
    created: "2026-04-15",
    durations: range(4, 15),
    resolutions: ["480p", "720p", "1080p", "4K"],
    ratios: EVERY,
    frames: 2,
    sound: true,
    seed: true,
  },
  {
    name: "bytedance/seedance-2.0-fast",
    created: "2026-04-15",
    durations: range(4, 15),
    resolutions: ["480p", "720p"],
    ratios: EVERY,
    frames: 2,
    sound: true,
    seed: true,
  },
  {
    name: "bytedance/seedance-2.0-mini",
    created: "2026-08-12",
    durations: range(4, 15),
    resolutions: ["480p", "720p"],
    ratios: EVERY,
    frames: 2,
    sound: true,
    seed: true,
  },
  {
    name: "bytedance/seedance-2.5",
    created: "2026-08-07",
    durations: range(4, 30),
    resolutions: ["480p", "720p"],
    ratios: CINEMA,
    frames: 2,
    sound: true,
    seed: true,
  },
  {
    name: "google/veo-3.1",
    created: "2026-03-23",
    durations: [4, 6, 8],
    resolutions: ["720p", "1080p", "4K"],
    frames: 2,
    sound: true,
    seed: true,
  },
  {
    name: "google/veo-3.1-fast",
    created: "2026-04-24",
    durations: [4, 6, 8],
    resolutions: ["720p", "1080p", "4K"],
    frames: 2,
    sound: true,
    seed: true,
  },
  {
    name: "google/veo-3.1-lite",
    created: "2026-04-23",
    durations: [4, 6, 8],
    resolutions: ["720p", "1080p"],
    frames: 2,
    sound: true,
    seed: true,
  },
  {
    name: "kwaivgi/kling-v3.0-pro",
    created: "2026-04-29",
    durations: range(3, 15),
    resolutions: ["720p"],
    ratios: SQUARE,
    frames: 2,
    sound: true,
  },
  {
    name: "kwaivgi/kling-v3.0-std",
    created: "2026-04-29",
    durations: range(3, 15),
    resolutions: ["720p"],
    ratios: SQUARE,
    frames: 2,
    sound: true,
  },
  {
    name: "kwaivgi/kling-video-o1",
    created: "2026-04-20",
    durations: [5, 10],
    resolutions: ["720p"],
    ratios: SQUARE,
    frames: 2,
    sound: true,
  },
  {
    name: "minimax/hailuo-2.3",
    created: "2026-04-20",
    durations: [6, 10],
    resolutions: ["1080p"],
    ratios: ["16:9"],
  },
  {
    name: "minimax/hailuo-3",
    created: "2026-07-29",
    durations: range(5, 15),
    resolutions: ["2K"],
    ratios: CINEMA,
    frames: 2,
    sound: true,
  },
  {
    name: "runway/gen-4.5",
    created: "2026-07-29",
    durations: range(2, 10),
    resolutions: ["720p"],
    seed: true,
  },
  {
    name: "x-ai/grok-imagine-video",
    created: "2026-05-18",
    durations: range(1, 15),
    resolutions: ["480p", "720p"],
    ratios: CLASSIC,
  },
  {
    name: "x-ai/grok-imagine-video-1.5",
    created: "2026-07-20",
    durations: range(1, 15),
    resolutions: ["480p", "720p", "1080p"],
    ratios: CLASSIC,
  },
];

export const FILM_MODELS: readonly FilmModel[] = LINES.map(
  ({ name, created, durations, resolutions, ratios = WIDE, frames = 1, sound = false, seed = false }) => ({
    name,
    created: Date.parse(created) / 1000,
    durations,
    usualSeconds: usualSecondsOf(durations),
    resolutions,
    ratios,
    sound,
    capabilities: {
      type: "video",
      maxN: 1,
      sizes: {
        kind: "listed",
        sizes: resolutions.flatMap((resolution) => ratios.map((ratio) => sizeOf(ratio, resolution))),
      },
      qualities: [],
      styles: [],
      backgrounds: [],
      durations: {
        kind: "listed",
        values: durations,
        default: usualSecondsOf(durations),
      },
      fps: null,
      outputFormats: [],
      inputs: { images: frames, mask: false, types: PICTURE_TYPES },
      seed,
      measuredProgress: false,
      // Not what the price depends on: those are fields of their own.
      providerOptions: ["aspect_ratio"],
      furtherFields: ["aspect_ratio", "resolution", ...(sound ? ["generate_audio"] : [])],
    },
  }),
);

function usualSecondsOf(durations: readonly number[]): number {
  return durations.find((seconds) => seconds >= USUAL_SECONDS) ?? USUAL_SECONDS;
}

/** The height of a landscape picture of this resolution, such as `2160p` for `4K`. */
export function linesOf(resolution: string): string {
  return NAMED_LINES[resolution] ?? resolution;
}

/** The shorter side has the resolution's lines, the longer one the nearest even number of pixels. */
function sizeOf(ratio: string, resolution: string): string {
  const [wide = 1, high = 1] = ratio.split(":").map(Number);
  const side = Number.parseInt(linesOf(resolution), 10);
  const longer = 2 * Math.round((side * Math.max(wide, high)) / Math.min(wide, high) / 2);
  return wide >= high ? `${longer}x${side}` : `${side}x${longer}`;
}
