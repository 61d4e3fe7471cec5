/** What a list of tasks is asked for: its filters, and the page. */

import type { ListQuery } from "../../tasks/ports/task-store.ts";
import type { HttpContext } from "../exchange.ts";
import { pageLimit } from "./page.ts";
import { idOf, taskFilter } from "./task-filter.ts";

/** Throws `invalid_parameter`. */
export function taskListQuery(c: HttpContext): ListQuery {
  const { status, type, batchId, after, limit } = c.req.query();
  const query: ListQuery = { ...taskFilter({ status, type, batchId }), limit: pageLimit(limit) };
  if (after) query.after = idOf("after", after, "the `after` of the page before");
  return query;
}
