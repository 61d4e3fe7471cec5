/** The task a path is about. */

import { isTaskId } from "../../tasks/ids.ts";
import type { HttpContext } from "../exchange.ts";

/** The id in the path, at its `id` or another place, in lower case: Swift prints UUIDs in capitals. What is no id is found by nobody. */
export function taskIdOf(c: HttpContext, place = "id"): string {
  const id = (c.req.param(place) ?? "").toLowerCase();
  // A malformed one may hold anything; the log wants ids.
  if (isTaskId(id)) c.get("exchange").taskId = id;
  return id;
}
