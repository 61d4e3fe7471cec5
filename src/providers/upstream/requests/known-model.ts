/** The model a job was accepted for, in an adapter's table. */

import type { MediaJob } from "../../../tasks/ports/media-provider.ts";
import { permanent } from "../calls/failures.ts";
import { UpstreamError } from "../calls/upstream-error.ts";

const SHOWN_CHARACTERS = 100;

/** Throws `UpstreamError` for a model that an earlier configuration or release had. `provider`: as people call it. */
export function knownModel<Model>(
  models: ReadonlyMap<string, Model>,
  { model: name }: Pick<MediaJob, "model">,
  provider: string,
): Model {
  const model = models.get(name);
  if (model !== undefined) return model;
  const shown = JSON.stringify(name.slice(0, SHOWN_CHARACTERS));
  const message = `${provider} is not set up with the model ${shown} any more.`;
  throw new UpstreamError(permanent("invalid_request", message));
}
