/** The models of Replicate that are offered, each by its table. Facts as of November 2026; a changed one is a changed line here. */

import type { FieldRules } from "../upstream/requests/fields.ts";
import { resolution, type TableModel } from "../upstream/requests/model-table.ts";

const FLUX_RATIOS = ["1:1", "16:9", "21:9", "3:2", "2:3", "4:5", "5:4", "3:4", "4:3", "9:16", "9:21"];
const FORMATS = { field: "output_format", words: { png: "png", jpeg: "jpg", webp: "webp" } };
const QUALITY: FieldRules = { output_quality: { kind: "integer", min: 0, max: 100 } };
const FILM_RATIOS = ["16:9", "4:3", "1:1", "3:4", "9:16", "21:9", "9:21"];

export const REPLICATE_MODELS: readonly TableModel[] = [
  {
    name: "black-forest-labs/flux-schnell",
    since: "2024-08-01",
    type: "image",
    shape: { kind: "ratio", field: "aspect_ratio", ratios: FLUX_RATIOS },
    count: { field: "num_outputs", most: 4 },
    seed: true,
    format: FORMATS,
    fields: {
      ...QUALITY,
      num_inference_steps: { kind: "integer", min: 1, max: 4 },
      go_fast: { kind: "boolean" },
    },
  },
  {
    name: "black-forest-labs/flux-dev",
    since: "2024-08-01",
    type: "image",
    shape: { kind: "ratio", field: "aspect_ratio", ratios: FLUX_RATIOS },
    count: { field: "num_outputs", most: 4 },
    seed: true,
    format: FORMATS,
    pictures: { fields: ["image"] },
    fields: {
      ...QUALITY,
      num_inference_steps: { kind: "integer", min: 1, max: 50 },
      guidance: { kind: "number", min: 0, max: 10 },
      prompt_strength: { kind: "number", min: 0, max: 1 },
      go_fast: { kind: "boolean" },
    },
  },
  {
    name: "black-forest-labs/flux-1.1-pro",
    since: "2024-10-02",
    type: "image",
    shape: {
      kind: "custom",
      field: "aspect_ratio",
      ratios: ["1:1", "16:9", "3:2", "2:3", "4:5", "5:4", "9:16", "3:4", "4:3"],
      sides: { min: 256, max: 1_440, multipleOf: 32 },
    },
    seed: true,
    format: FORMATS,
    pictures: { fields: ["image_prompt"] },
    fields: {
      ...QUALITY,
      prompt_upsampling: { kind: "boolean" },
      safety_tolerance: { kind: "integer", min: 1, max: 6 },
    },
  },
  {
    name: "black-forest-labs/flux-2-pro",
    since: "2025-11-25",
    type: "image",
    shape: {
      kind: "custom",
      field: "aspect_ratio",
      ratios: ["1:1", "16:9", "3:2", "2:3", "4:5", "5:4", "9:16", "3:4", "4:3"],
      sides: { min: 256, max: 2_048, multipleOf: 32 },
    },
    ratioOfPicture: "match_input_image",
    seed: true,
    format: FORMATS,
    pictures: { list: "input_images", most: 8 },
    fields: { ...QUALITY, safety_tolerance: { kind: "integer", min: 1, max: 5 } },
  },
  {
    name: "bytedance/seedance-1-pro",
    since: "2025-06-23",
    type: "video",
    shape: { kind: "ratio", field: "aspect_ratio", ratios: FILM_RATIOS },
    seed: true,
    duration: { field: "duration", values: [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], usual: 5 },
    resolution: {
      field: "resolution",
      usual: "1080p",
      words: [
        resolution("480p", 480, "854x480"),
        resolution("720p", 720, "1280x720"),
        resolution("1080p", 1_080, "1920x1080", "1792x1024"),
      ],
    },
    pictures: { fields: ["image", "last_frame_image"] },
    fields: { camera_fixed: { kind: "boolean" } },
  },
  {
    name: "kwaivgi/kling-v2.5-turbo-pro",
    since: "2025-09-23",
    type: "video",
    shape: { kind: "ratio", field: "aspect_ratio", ratios: ["16:9", "9:16", "1:1"] },
    sizes: ["1280x720", "1920x1080", "720x1280", "1080x1920", "1080x1080"],
    duration: { field: "duration", values: [5, 10], usual: 5 },
    pictures: { fields: ["start_image"] },
    fields: { negative_prompt: { kind: "text", maxCharacters: 2_500 } },
  },
];
