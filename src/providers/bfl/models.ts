/** Black Forest Labs' FLUX.2 models: what each takes. Facts as of November 2026; a changed one is a changed line here. */

import type { ModelCapabilities } from "../../protocol/model.ts";
import type { FieldRules } from "../upstream/requests/fields.ts";
import { PICTURE_TYPES } from "../upstream/requests/input-pictures.ts";

export type FluxModel = {
  /** The provider's own name, and the last part of its address. */
  readonly name: string;
  readonly created: number;
  readonly capabilities: ModelCapabilities;
  /** Fields of its own. */
  readonly fields: FieldRules;
};

const MAX_IMAGES = 10;
const SAFETY: FieldRules = { safety_tolerance: { kind: "integer", min: 0, max: 5 } };
const FLEX: FieldRules = {
  ...SAFETY,
  guidance: { kind: "number", min: 1.5, max: 10 },
  steps: { kind: "integer", min: 1, max: 50 },
  prompt_upsampling: { kind: "boolean" },
};

type Line = Pick<FluxModel, "name" | "fields"> & {
  created: string;
  /** How many pictures it works from. */
  images: number;
};

const LINES: readonly Line[] = [
  { name: "flux-2-max", created: "2025-12-16", images: 8, fields: SAFETY },
  { name: "flux-2-pro", created: "2025-11-25", images: 8, fields: SAFETY },
  { name: "flux-2-flex", created: "2025-11-25", images: 8, fields: FLEX },
  { name: "flux-2-klein-9b", created: "2026-01-15", images: 4, fields: SAFETY },
  { name: "flux-2-klein-4b", created: "2026-01-15", images: 4, fields: SAFETY },
];

export const FLUX_MODELS: readonly FluxModel[] = LINES.map(({ created, images, ...model }) => ({
  ...model,
  created: Date.parse(created) / 1000,
  capabilities: {
    type: "image",
    maxN: MAX_IMAGES,
    sizes: {
      kind: "range",
      minSide: 64,
      maxSide: 4_096,
      multipleOf: 16,
      maxPixels: 4_194_304,
      default: "1024x1024",
    },
    qualities: [],
    styles: [],
    backgrounds: [],
    durations: null,
    fps: null,
    outputFormats: ["png", "jpeg"],
    inputs: { images, mask: false, types: PICTURE_TYPES },
    seed: true,
    measuredProgress: false,
    providerOptions: Object.keys(model.fields),
    furtherFields: Object.keys(model.fields),
  },
}));
