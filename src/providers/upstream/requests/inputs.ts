/** Opening the files that a caller handed in. */

import type { StepIo } from "../../../tasks/ports/media-provider.ts";
import type { TaskInput } from "../../../tasks/task.ts";
import { permanent } from "../calls/failures.ts";
import { UpstreamError } from "../calls/upstream-error.ts";

/** The bytes of an input. Throws `UpstreamError`: without the file the task cannot be made, however often it is tried. */
export async function openInput(
  io: Pick<StepIo, "openInput" | "signal">,
  input: TaskInput,
): Promise<ReadableStream<Uint8Array>> {
  try {
    return await io.openInput(input);
  } catch (error) {
    if (io.signal.aborted) throw error;
    const which = input.role === "mask" ? "mask" : "picture";
    const message = `An input ${which} of this task is no longer kept. Send it again in a new request.`;
    throw new UpstreamError(permanent("invalid_request", message));
  }
}
