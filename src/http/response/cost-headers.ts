/** What an answer cost and what it leaves, for clients that look at headers. */

import { dollarText } from "../../tasks/dollars.ts";
import type { RequestRate } from "../../tasks/ports/start-refusal.ts";
import { rateHeaders } from "../../tasks/rate-headers.ts";
import type { Task } from "../../tasks/task.ts";
import type { HttpContext } from "../exchange.ts";

const RESERVED = "x-conduit-reserved";
const COST = "x-conduit-cost";

/** Dollars: what is reserved for a task, once it is settled what it cost. A free one has neither header. */
export function tellCost(
  c: HttpContext,
  { reservedMicros, costMicros, settled }: Pick<Task, "reservedMicros" | "costMicros" | "settled">,
): void {
  if (reservedMicros === 0) return;
  c.header(RESERVED, settled ? undefined : dollarText(reservedMicros));
  if (settled) c.header(COST, dollarText(costMicros));
}

/** What is left of a limit of requests; nothing where there is none. */
export function tellRate(c: HttpContext, rate: RequestRate | null): void {
  const headers = rateHeaders(rate);
  for (const name in headers) c.header(name, headers[name]);
}
