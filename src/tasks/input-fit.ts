/** Whether a model takes the pictures that a request hands in: refused before anything is fetched or stored. */

import { ApiError } from "../protocol/error.ts";
import type { InputRule, ModelCapabilities } from "../protocol/model.ts";
import type { TaskInput } from "./task.ts";

/** An input as far as this is concerned: `param` is what the caller called it. */
export type InputClaim = { readonly role: TaskInput["role"]; readonly param: string };

const NONE: InputRule = { images: 0, mask: false };

/** Throws `invalid_parameter` naming the first input that the model does not take. */
export function requireInputFit(
  { inputs: rule = NONE }: Pick<ModelCapabilities, "inputs">,
  inputs: readonly InputClaim[],
): void {
  const images = inputs.filter(({ role }) => role === "image");
  const masks = inputs.filter(({ role }) => role === "mask");
  const surplus = images[rule.images];
  if (surplus !== undefined) {
    throw unfit(
      surplus,
      rule.images === 0
        ? "is not taken by this model, which works from a prompt alone"
        : `is one too many: this model takes at most ${rule.images}, and ${images.length} came`,
    );
  }
  if (rule.required === true && images.length === 0)
    throw new ApiError(
      "missing_parameter",
      "image is required: this model makes nothing without a picture to work from.",
      { param: "image" },
    );
  const [mask, second] = masks;
  if (mask === undefined) return;
  if (!rule.mask) throw unfit(mask, "is not taken by this model");
  if (images.length === 0) throw unfit(mask, "says where a picture is to change, and no image came with it");
  if (second !== undefined) throw unfit(second, "is a second mask; one is taken");
}

function unfit({ param }: InputClaim, flaw: string): ApiError {
  return new ApiError(
    "invalid_parameter",
    `${param} ${flaw}. GET /v1/models tells what a model takes (capabilities.inputs).`,
    { param },
  );
}
