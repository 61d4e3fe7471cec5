/** The models of fal that are offered, each by its table. Facts as of November 2026; a changed one is a changed line here. */

import type { FieldRules } from "../upstream/requests/fields.ts";
import { resolution, type TableModel } from "../upstream/requests/model-table.ts";

/** A model whose input with pictures goes to another endpoint. */
export type FalModel = TableModel & { readonly endpointWithPicture?: string };

const IMAGE_SIZE = {
  kind: "sides",
  field: "image_size",
  sides: { min: 256, max: 2_048, multipleOf: 16 },
} as const;
const FORMATS = { field: "output_format", words: { png: "png", jpeg: "jpeg" } };
const FLUX: FieldRules = {
  guidance_scale: { kind: "number", min: 1, max: 20 },
  acceleration: { kind: "word", words: ["none", "regular", "high"] },
};
const FILM_RATIOS = ["21:9", "16:9", "4:3", "1:1", "3:4", "9:16"];
const TWO_TO_TWELVE = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

export const FAL_MODELS: readonly FalModel[] = [
  {
    name: "fal-ai/flux/schnell",
    since: "2024-08-01",
    type: "image",
    shape: IMAGE_SIZE,
    count: { field: "num_images", most: 4 },
    seed: true,
    format: FORMATS,
    fields: { ...FLUX, num_inference_steps: { kind: "integer", min: 1, max: 12 } },
  },
  {
    name: "fal-ai/flux/dev",
    since: "2024-08-01",
    type: "image",
    shape: IMAGE_SIZE,
    count: { field: "num_images", most: 4 },
    seed: true,
    format: FORMATS,
    fields: { ...FLUX, num_inference_steps: { kind: "integer", min: 1, max: 50 } },
  },
  {
    name: "fal-ai/flux-2-pro",
    since: "2025-11-25",
    type: "image",
    shape: IMAGE_SIZE,
    seed: true,
    format: FORMATS,
    pictures: { list: "image_urls", most: 9 },
    endpointWithPicture: "fal-ai/flux-2-pro/edit",
    fields: { safety_tolerance: { kind: "word", words: ["1", "2", "3", "4", "5"] } },
  },
  {
    name: "fal-ai/bytedance/seedance/v1/pro/text-to-video",
    since: "2025-06-23",
    type: "video",
    shape: { kind: "ratio", field: "aspect_ratio", ratios: FILM_RATIOS },
    seed: true,
    duration: { field: "duration", values: TWO_TO_TWELVE, usual: 5, asText: true },
    resolution: {
      field: "resolution",
      usual: "1080p",
      words: [
        resolution("480p", 480, "854x480"),
        resolution("720p", 720, "1280x720"),
        resolution("1080p", 1_080, "1920x1080", "1792x1024"),
      ],
    },
    pictures: { fields: ["image_url", "end_image_url"] },
    endpointWithPicture: "fal-ai/bytedance/seedance/v1/pro/image-to-video",
    fields: { camera_fixed: { kind: "boolean" } },
  },
  {
    name: "fal-ai/minimax/hailuo-2.3/standard/text-to-video",
    since: "2025-10-28",
    type: "video",
    shape: { kind: "none" },
    // What it makes from a prompt, whatever is asked for.
    sizes: ["1366x768", "1280x720"],
    duration: { field: "duration", values: [6, 10], usual: 6, asText: true },
    pictures: { fields: ["image_url"] },
    endpointWithPicture: "fal-ai/minimax/hailuo-2.3/standard/image-to-video",
    fields: { prompt_optimizer: { kind: "boolean" } },
  },
];
