/** Input pictures as both of Google's APIs take them. */

import type { MediaJob, StepIo } from "../../tasks/ports/media-provider.ts";
import type { TaskInput } from "../../tasks/task.ts";
import { invalid } from "../upstream/requests/fields.ts";
import { openInput } from "../upstream/requests/inputs.ts";
import { InlineFile } from "../upstream/requests/json-with-files.ts";

/** As both APIs take them. */
export const GEMINI_PICTURE_TYPES = ["image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"];

/** The pictures of a job with their bytes. Throws `UpstreamError` for a mask, other files and more than `most`. */
export function inputPictures(
  { inputs }: Pick<MediaJob, "inputs">,
  most: number,
  io: Pick<StepIo, "openInput" | "signal">,
): { mimeType: string; data: InlineFile }[] {
  if (inputs.some(({ role }) => role === "mask"))
    throw invalid("This model takes no mask: say in the prompt what is to be changed, and where.");
  if (inputs.length > most)
    throw invalid(`This model takes up to ${most} input pictures; ${inputs.length} came.`);
  return inputs.map((input: TaskInput) => {
    if (!GEMINI_PICTURE_TYPES.includes(input.contentType))
      throw invalid(
        `Input pictures must be PNG, JPEG, WebP, HEIC or HEIF; one is ${input.contentType.slice(0, 40)}.`,
      );
    return { mimeType: input.contentType, data: new InlineFile(input, () => openInput(io, input)) };
  });
}
