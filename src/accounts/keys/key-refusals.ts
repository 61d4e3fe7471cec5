/** Why a key is not changed. */

import { ApiError } from "../../protocol/error.ts";

/** The id of the key from `CONDUIT_BOOTSTRAP_KEY`. */
export const BOOTSTRAP_KEY_ID = "key_bootstrap";

/** Its plain form is installed again at every start: a rotated or deleted one would silently be valid again. */
export function refuseBootstrapKey(id: string): void {
  if (id !== BOOTSTRAP_KEY_ID) return;
  throw new ApiError(
    "invalid_parameter",
    "The bootstrap key is set by CONDUIT_BOOTSTRAP_KEY, or by keys.json in the data directory, and would be back at the next start. Change it there, or disable it with PATCH.",
    { param: "id" },
  );
}

export function noSuchKey(id: string): never {
  throw new ApiError(
    "not_found",
    `There is no key ${JSON.stringify(id)}. GET /admin/v1/keys lists the keys.`,
    {
      param: "id",
    },
  );
}

export function changedMeanwhile(): ApiError {
  return new ApiError(
    "precondition_failed",
    "The key is not as If-Match says: it was changed meanwhile. Read it again, decide anew, and send its new ETag.",
    { param: "If-Match" },
  );
}
