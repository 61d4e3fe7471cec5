/** MiniMax's image and video models: what each takes. Facts as of November 2026; a changed one is a changed line here. */

import type { ModelCapabilities } from "../../protocol/model.ts";
import type { FieldRules } from "../upstream/requests/fields.ts";
import { PICTURE_TYPES } from "../upstream/requests/input-pictures.ts";

export type MiniMaxImageModel = {
  /** The provider's own name. */
  readonly name: string;
  readonly created: number;
  readonly capabilities: ModelCapabilities;
  readonly fields: FieldRules;
};

/** A resolution by the name MiniMax has for it, with the length of its shorter side in pixels. */
export type Resolution = {
  readonly word: string;
  readonly lines: number;
  readonly seconds: readonly number[];
};

export type MiniMaxVideoModel = {
  readonly name: string;
  readonly created: number;
  readonly capabilities: ModelCapabilities;
  /** 1: three steps (begin, ask, retrieve the file). 2: the answer has the film's address. */
  readonly api: 1 | 2;
  /** Lowest first. Empty where the model has one alone and takes no such field. */
  readonly resolutions: readonly Resolution[];
  /** Taken where the request does not say. */
  readonly usual: { readonly resolution: string; readonly seconds: number };
  /** What a picture is for it, in the order of pictures. */
  readonly frames: readonly ("first" | "last" | "subject")[];
  readonly fields: FieldRules;
};

export const IMAGE_RATIOS = ["1:1", "16:9", "4:3", "3:2", "2:3", "3:4", "9:16", "21:9"];
/** Sides that image-01 makes to the pixel; other sizes are made in the nearest ratio. */
export const IMAGE_SIDES = { min: 512, max: 2_048, multipleOf: 8 } as const;
/** Pictures in one call. */
export const IMAGES_PER_CALL = 9;
const MAX_IMAGES = 10;
/** Of films of the second API; a film with a first frame has that frame's shape. */
export const FILM_RATIOS = ["21:9", "16:9", "4:3", "1:1", "3:4", "9:16"];

const IMAGE_FIELDS: FieldRules = {
  aspect_ratio: { kind: "word", words: IMAGE_RATIOS },
  prompt_optimizer: { kind: "boolean" },
  aigc_watermark: { kind: "boolean" },
};

export const MINIMAX_IMAGE_MODELS: readonly MiniMaxImageModel[] = [
  {
    name: "image-01",
    created: Date.parse("2025-02-15") / 1000,
    fields: IMAGE_FIELDS,
    capabilities: {
      type: "image",
      maxN: MAX_IMAGES,
      sizes: {
        kind: "range",
        minSide: 256,
        maxSide: IMAGE_SIDES.max,
        multipleOf: 1,
        maxRatio: 2.5,
        default: "1024x1024",
      },
      // Whoever sends OpenAI's words gets the picture all the same: the model knows none of them.
      qualities: [],
      styles: [],
      backgrounds: [],
      durations: null,
      fps: null,
      outputFormats: [],
      inputs: {
        images: 1,
        mask: false,
        types: ["image/png", "image/jpeg"],
        maxBytes: 10_485_760,
      },
      seed: true,
      measuredProgress: false,
      providerOptions: Object.keys(IMAGE_FIELDS),
      furtherFields: Object.keys(IMAGE_FIELDS),
    },
  },
];

/** Sizes by which callers mean a resolution: MiniMax's own, and those of OpenAI's video models. */
const LANDSCAPE = {
  "512P": ["854x480", "910x512"],
  "720P": ["1280x720"],
  "768P": ["1280x720", "1366x768"],
  "1080P": ["1792x1024", "1920x1080"],
} as const;
const HAILUO_FIELDS: FieldRules = {
  prompt_optimizer: { kind: "boolean" },
  fast_pretreatment: { kind: "boolean" },
  aigc_watermark: { kind: "boolean" },
};
const LINES = { "480P": 480, "512P": 512, "720P": 720, "768P": 768, "1080P": 1_080, "2K": 1_440 } as const;
const HAILUO_PROMPT = 2_000;
const H3_PROMPT = 7_000;
const MAX_FRAME_BYTES = 20_971_520;

type HailuoLine = Pick<MiniMaxVideoModel, "name" | "frames"> & {
  /** Whether it makes nothing without a picture. */
  needsPicture?: boolean;
  created: string;
  resolutions: readonly (keyof typeof LANDSCAPE)[];
};

const HAILUO_LINES: readonly HailuoLine[] = [
  {
    name: "MiniMax-Hailuo-2.3",
    created: "2025-10-28",
    resolutions: ["768P", "1080P"],
    frames: ["first"],
  },
  {
    name: "MiniMax-Hailuo-2.3-Fast",
    created: "2025-10-28",
    resolutions: ["768P", "1080P"],
    frames: ["first"],
  },
  {
    name: "MiniMax-Hailuo-02",
    created: "2025-06-18",
    resolutions: ["512P", "768P", "1080P"],
    frames: ["first", "last"],
  },
  { name: "S2V-01", created: "2025-01-10", resolutions: [], frames: ["subject"], needsPicture: true },
];

const H3_LINES = [
  { name: "MiniMax-H3", created: "2026-07-30", resolutions: ["768P", "2K"], shortest: 4 },
  { name: "MiniMax-H3-Max", created: "2026-09-24", resolutions: ["480P", "768P"], shortest: 5 },
] as const;
const H3_LONGEST = 15;
const H3_FIELDS: FieldRules = {
  ratio: { kind: "word", words: FILM_RATIOS },
  aspect_ratio: { kind: "word", words: FILM_RATIOS },
  aigc_watermark: { kind: "boolean" },
};

export const MINIMAX_VIDEO_MODELS: readonly MiniMaxVideoModel[] = [
  ...HAILUO_LINES.map((line): MiniMaxVideoModel => {
    const names = line.resolutions;
    return {
      name: line.name,
      frames: line.frames,
      created: Date.parse(line.created) / 1000,
      api: 1,
      // The largest is made for six seconds only.
      resolutions: names.map((name) => resolution(name, name === "1080P" ? [6] : [6, 10])),
      usual: { resolution: names.length === 0 ? "720P" : "768P", seconds: 6 },
      fields: HAILUO_FIELDS,
      capabilities: filmsOf({
        sizes: [
          ...new Set((names.length === 0 ? ["720P" as const] : names).flatMap((name) => LANDSCAPE[name])),
        ],
        fields: HAILUO_FIELDS,
        takesResolution: names.length > 0,
        seconds: { values: names.length === 0 ? [6] : [6, 10], usual: 6 },
        pictures: line.frames.length,
        needsPicture: line.needsPicture === true,
        promptCharacters: HAILUO_PROMPT,
      }),
    };
  }),
  ...H3_LINES.map(({ name, created, resolutions, shortest }): MiniMaxVideoModel => {
    const seconds = Array.from({ length: H3_LONGEST - shortest + 1 }, (_, more) => shortest + more);
    const largest = LINES[resolutions[1]];
    return {
      name,
      created: Date.parse(created) / 1000,
      api: 2,
      resolutions: resolutions.map((each) => resolution(each, seconds)),
      usual: { resolution: "768P", seconds: 5 },
      frames: ["first", "last"],
      fields: H3_FIELDS,
      capabilities: {
        ...filmsOf({
          sizes: [],
          fields: H3_FIELDS,
          takesResolution: true,
          seconds: { values: seconds, usual: 5 },
          pictures: 2,
          needsPicture: false,
          promptCharacters: H3_PROMPT,
        }),
        sizes: {
          kind: "range",
          minSide: 360,
          maxSide: Math.ceil((largest * 21) / 9),
          multipleOf: 1,
          maxRatio: 2.5,
          default: "1366x768",
        },
      },
    };
  }),
];

function resolution(name: keyof typeof LINES, seconds: readonly number[]): Resolution {
  return { word: name, lines: LINES[name], seconds };
}

type Films = {
  sizes: readonly string[];
  fields: FieldRules;
  takesResolution: boolean;
  seconds: { values: readonly number[]; usual: number };
  pictures: number;
  needsPicture: boolean;
  promptCharacters: number;
};

function filmsOf(films: Films): ModelCapabilities {
  const { sizes, fields, takesResolution, seconds, pictures, needsPicture, promptCharacters } = films;
  return {
    type: "video",
    maxN: 1,
    maxPromptCharacters: promptCharacters,
    sizes: { kind: "listed", sizes },
    qualities: [],
    styles: [],
    backgrounds: [],
    durations: { kind: "listed", values: seconds.values, default: seconds.usual },
    fps: null,
    outputFormats: [],
    inputs: {
      images: pictures,
      mask: false,
      types: PICTURE_TYPES,
      maxBytes: MAX_FRAME_BYTES,
      ...(needsPicture && { required: true }),
    },
    seed: false,
    measuredProgress: false,
    // Not `resolution`, on which the price depends: it is a field of its own.
    providerOptions: Object.keys(fields),
    furtherFields: [...Object.keys(fields), ...(takesResolution ? ["resolution"] : [])],
  };
}
