/** A caller's pictures as data URLs within a provider's JSON, for providers that take them so. */

import type { InputRule } from "../../../protocol/model.ts";
import type { MediaJob, StepIo } from "../../../tasks/ports/media-provider.ts";
import { invalid } from "./fields.ts";
import { openInput } from "./inputs.ts";
import { InlineFile } from "./json-with-files.ts";

/** What most models take. */
export const PICTURE_TYPES = ["image/png", "image/jpeg", "image/webp"];
/** As a model's capabilities say it. */
type PictureRule = Pick<InputRule, "images" | "types" | "maxBytes">;

const NONE: PictureRule = { images: 0 };
const MEBIBYTE = 1_048_576;

/**
 * The pictures of a job, in the caller's order, by the capabilities of its model. Throws `UpstreamError` (`invalid_request`) for a mask, and for more, other
 * or larger files than the model takes.
 */
export function pictureUrls(
  { inputs }: Pick<MediaJob, "inputs">,
  { inputs: rule = NONE }: { readonly inputs?: PictureRule },
  io: Pick<StepIo, "openInput" | "signal">,
): InlineFile[] {
  const { images: most, types = PICTURE_TYPES, maxBytes } = rule;
  if (inputs.length > 0 && most === 0)
    throw invalid(
      "This model works from the prompt alone; leave the input pictures out, or use another model.",
    );
  if (inputs.some(({ role }) => role === "mask"))
    throw invalid("This model takes no mask: say in the prompt what is to be changed, and where.");
  if (inputs.length > most)
    throw invalid(
      `This model takes at most ${most} input picture${most === 1 ? "" : "s"}; ${inputs.length} came.`,
    );
  return inputs.map((input) => {
    if (!types.includes(input.contentType)) {
      const list = types.map((type) => type.replace("image/", "")).join(", ");
      throw invalid(`Input pictures must be of type ${list}; one is ${input.contentType.slice(0, 40)}.`);
    }
    if (maxBytes !== undefined && input.bytes > maxBytes)
      throw invalid(
        `An input picture may have ${Math.floor(maxBytes / MEBIBYTE)} MiB for this model; one has more.`,
      );
    return new InlineFile(input, () => openInput(io, input), `data:${input.contentType};base64,`);
  });
}
