/** Parameters that several routes take. */

import { TASK_TYPES } from "../../protocol/task.ts";
import { MAX_LIMIT } from "../request/page.ts";
import type { Parameter } from "./operation.ts";

/** A parameter in the query. */
export function query(
  name: string,
  description: string,
  schema: Parameter["schema"] = { type: "string" },
): Parameter {
  return { name, in: "query", description, schema };
}

/** A header of the request. */
export function header(
  name: string,
  description: string,
  schema: Parameter["schema"] = { type: "string" },
): Parameter {
  return { name, in: "header", description, schema };
}

/** The part of the path with this name. */
export function inPath(name: string, description: string): Parameter {
  return { name, in: "path", description, schema: { type: "string" }, required: true };
}

export const TASK_ID = inPath("id", "The task's id, in any letter case.");
export const LIMIT = query("limit", "Items of a page.", {
  type: "integer",
  minimum: 1,
  maximum: MAX_LIMIT,
  default: 20,
});
export const AFTER = query("after", "The `after` of the page before.");
/** Which tasks a list has. */
export const LISTED_TASKS: readonly Parameter[] = [
  query("status", "One or several with commas; `pending` means `queued`, `processing` means `running`."),
  query("type", "Only such tasks.", { type: "string", enum: [...TASK_TYPES] }),
  query("batchId", "Only those of this batch.", { type: "string", format: "uuid" }),
  LIMIT,
  AFTER,
];
export const IDEMPOTENCY_KEY = header(
  "Idempotency-Key",
  "Printable ASCII of your own, such as a UUID: the same request with the same key within 24 hours is answered with the same task, another one with 422.",
  { type: "string", minLength: 1, maxLength: 255 },
);
export const PREFER = header(
  "Prefer",
  "`wait=N` holds the answer until the task has ended, or N seconds (1-60) have passed.",
);
export const CUSTOMER = header(
  "x-conduit-customer",
  "The end user that the work is for, where the body's `user` does not say.",
);
export const IF_MATCH = header("If-Match", "An `ETag`: nothing is done where another version is there.");
