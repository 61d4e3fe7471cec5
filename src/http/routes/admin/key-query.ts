/** What requests about keys say outside their bodies. */

import { ApiError } from "../../../protocol/error.ts";
import { describeReceived } from "../../request/schema-issue.ts";

/** An id as listed; bounds what is asked of the store. */
const KEY_ID = /^[A-Za-z0-9_-]{1,64}$/;
const MAX_NAME_CHARACTERS = 100;

/** The id of a key, from the path or a query. Throws `not_found` for what cannot be one in a path, else `invalid_parameter`. */
export function keyId(text: string, param: "id" | "after" = "id"): string {
  if (KEY_ID.test(text)) return text;
  if (param === "id")
    throw new ApiError("not_found", "There is no key with that id. GET /admin/v1/keys lists the keys.");
  throw new ApiError(
    "invalid_parameter",
    `${param} must be the id of a key, as the page before answered it.`,
    { param },
  );
}

/** Which keys a list is to have. Throws `invalid_parameter`. */
export function keyFilter(query: (name: string) => string | undefined): {
  enabled: boolean | undefined;
  name: string | undefined;
} {
  const name = query("name") || undefined;
  if (name !== undefined && name.length > MAX_NAME_CHARACTERS)
    throw new ApiError("invalid_parameter", `name must be at most ${MAX_NAME_CHARACTERS} characters.`, {
      param: "name",
    });
  return { enabled: flag(query, "enabled"), name };
}

/** Whether deleted keys are asked for. Throws `invalid_parameter`. */
export function wantsDeleted(query: (name: string) => string | undefined): boolean {
  return flag(query, "deleted") ?? false;
}

function flag(query: (name: string) => string | undefined, name: string): boolean | undefined {
  const text = query(name);
  if (!text) return undefined;
  if (text === "true" || text === "false") return text === "true";
  throw new ApiError("invalid_parameter", `${name} must be true or false; ${describeReceived(text)} came.`, {
    param: name,
  });
}
