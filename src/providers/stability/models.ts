/** Stability's models: what each takes. Facts as of November 2026; a changed one is a changed line here. */

import type { ModelCapabilities } from "../../protocol/model.ts";
import type { FieldRules } from "../upstream/requests/fields.ts";
import { PICTURE_TYPES } from "../upstream/requests/input-pictures.ts";

export type StabilityModel = {
  /** As callers name it behind the slash. */
  readonly name: string;
  readonly created: number;
  readonly capabilities: ModelCapabilities;
  /** The last part of the address. */
  readonly endpoint: "ultra" | "core" | "sd3";
  /** Whether it works from a picture as well. */
  readonly edits: boolean;
  /** Fields of its own. */
  readonly fields: FieldRules;
};

type Line = Pick<StabilityModel, "name" | "endpoint" | "edits"> & {
  created: string;
  outputFormats: string[];
  fields: FieldRules;
};

export const RATIOS = ["1:1", "16:9", "21:9", "2:3", "3:2", "4:5", "5:4", "9:16", "9:21"];
const MAX_PROMPT_CHARACTERS = 10_000;
/** 0 is any. */
export const MAX_SEED = 4_294_967_294;
const MAX_IMAGES = 10;
const NEGATIVE: FieldRules = { negative_prompt: { kind: "text", maxCharacters: MAX_PROMPT_CHARACTERS } };
const USUAL: FieldRules = {
  aspect_ratio: { kind: "word", words: RATIOS },
  style_preset: {
    kind: "word",
    words: [
      "3d-model",
      "analog-film",
      "anime",
      "cinematic",
      "comic-book",
      "digital-art",
      "enhance",
      "fantasy-art",
      "isometric",
      "line-art",
      "low-poly",
      "modeling-compound",
      "neon-punk",
      "origami",
      "photographic",
      "pixel-art",
      "tile-texture",
    ],
  },
};
const STRENGTH: FieldRules = { strength: { kind: "number", min: 0, max: 1 } };
const SD3: FieldRules = { ...USUAL, ...STRENGTH, cfg_scale: { kind: "number", min: 1, max: 10 } };

const LINES: readonly Line[] = [
  {
    name: "ultra",
    created: "2024-06-25",
    endpoint: "ultra",
    edits: true,
    outputFormats: ["png", "jpeg", "webp"],
    fields: { ...USUAL, ...NEGATIVE, ...STRENGTH },
  },
  {
    name: "core",
    created: "2024-03-26",
    endpoint: "core",
    edits: false,
    outputFormats: ["png", "jpeg", "webp"],
    fields: { ...USUAL, ...NEGATIVE },
  },
  ...["sd3.5-large", "sd3.5-large-turbo", "sd3.5-medium"].map(
    (name): Line => ({
      name,
      created: "2024-10-22",
      endpoint: "sd3",
      edits: true,
      outputFormats: ["png", "jpeg"],
      // The turbo model is not guided, so that nothing can lead it away from something.
      fields: name.endsWith("turbo") ? SD3 : { ...SD3, ...NEGATIVE },
    }),
  ),
];

export const STABILITY_MODELS: readonly StabilityModel[] = LINES.map(
  ({ created, outputFormats, ...model }) => ({
    ...model,
    created: Date.parse(created) / 1000,
    capabilities: {
      type: "image",
      maxN: MAX_IMAGES,
      // A picture has about a megapixel, in the nearest of the ratios.
      sizes: {
        kind: "range",
        minSide: 256,
        maxSide: 2_048,
        multipleOf: 1,
        maxRatio: 2.5,
        maxPixels: 2_000_000,
        default: "1024x1024",
      },
      qualities: [],
      styles: [],
      backgrounds: [],
      durations: null,
      fps: null,
      outputFormats,
      maxPromptCharacters: MAX_PROMPT_CHARACTERS,
      inputs: model.edits ? { images: 1, mask: false, types: PICTURE_TYPES } : { images: 0, mask: false },
      seed: true,
      maxSeed: MAX_SEED,
      measuredProgress: false,
      providerOptions: Object.keys(model.fields),
      furtherFields: Object.keys(model.fields),
    },
  }),
);
