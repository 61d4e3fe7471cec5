/** Usage as it is answered: a page of JSON, or a file of CSV. */

import { dayText } from "../../accounts/money/budgets.ts";
import {
  addUsage,
  NOTHING_USED,
  type UsageCounts,
  type UsagePage,
  type UsagePlace,
  type UsageScope,
  type UsageStore,
} from "../../accounts/money/usage-store.ts";
import type { UsageGroupName, WireUsage, WireUsagePage, WireUsageRow } from "../../protocol/usage.ts";
import { dollars } from "../../tasks/dollars.ts";
import type { HttpContext } from "../exchange.ts";
import { CSV_TYPE, csvLine } from "./csv.ts";
import { type AskedUsage, cursorOf } from "./usage-query.ts";

/** Who may see what: administrators see what providers billed, and whose key it was. */
export type UsageView = { readonly scope: UsageScope; readonly admin: boolean };

/** Rows that the store sums up in one step, and steps of one answer. */
const ROWS_OF_A_READ = 50;
const MAX_READS = 100;
/** Where a file of CSV goes on that would be too long. */
const AFTER = "x-conduit-after";

export async function answerUsage(
  c: HttpContext,
  store: UsageStore,
  view: UsageView,
  query: AskedUsage,
): Promise<Response> {
  const answer = await usagePage(store, view, query);
  c.header("cache-control", "no-store");
  if (query.format === "json") return c.json(answer);
  const { from, to, groupBy, after } = answer;
  if (after !== null) c.header(AFTER, after);
  c.header("content-type", CSV_TYPE);
  c.header("content-disposition", `attachment; filename="usage-${from}-${to}-${groupBy}.csv"`);
  return c.body(csvOf(answer, view));
}

async function usagePage(store: UsageStore, view: UsageView, query: AskedUsage): Promise<WireUsagePage> {
  const { days, groupBy } = query;
  const { sums, rows, after } = await rowsOf(store, view, query);
  return {
    from: dayText(days.from),
    to: dayText(days.to),
    groupBy,
    currency: "USD",
    totals: wireUsage(sums.reduce(addUsage, NOTHING_USED), view),
    data: rows,
    hasMore: after !== null,
    after,
  };
}

type Rows = { readonly rows: WireUsageRow[]; readonly after: string | null };

/**
 * The rows, and sums that together are all that was asked for. What is grouped by customer or key is read in pages; anything
 * else has as many rows as there are days or models.
 */
async function rowsOf(
  store: UsageStore,
  view: UsageView,
  query: AskedUsage,
): Promise<Rows & { readonly sums: readonly UsageCounts[] }> {
  const { days, groupBy } = query;
  const { scope } = view;
  if (groupBy !== "key" && groupBy !== "customer") {
    const sums = await store.usage(scope, days, groupBy);
    const rows = sums.map(({ group, ...counts }) => ({ [groupBy]: group, ...wireUsage(counts, view) }));
    return { sums, rows, after: null };
  }
  const sums = await store.usage(scope, days, "type");
  if (groupBy === "customer" && scope.customer !== null) {
    const own = { customer: scope.customer, ...wireUsage(sums.reduce(addUsage, NOTHING_USED), view) };
    return { sums, rows: sums.length === 0 ? [] : [own], after: null };
  }
  const read = (limit: number, after: UsagePlace | null) =>
    groupBy === "key"
      ? store.usageOfKeys(days, { limit, after })
      : store.usageOfCustomers(scope.keyId, days, { limit, after });
  return { sums, ...(await pageRows(view, query, read)) };
}

/** Reads until there are as many rows as were asked for, a bounded number of times. */
async function pageRows(
  view: UsageView,
  { limit, groupBy, after }: AskedUsage,
  read: (limit: number, after: UsagePlace | null) => Promise<UsagePage>,
): Promise<Rows> {
  const rows: WireUsageRow[] = [];
  let place = after;
  for (let reads = 0; reads < MAX_READS && rows.length < limit; reads++) {
    const page = await read(Math.min(limit - rows.length, ROWS_OF_A_READ), place);
    for (const { keyId, customer, ...counts } of page.rows)
      rows.push({
        ...(view.scope.keyId === null && { key: keyId }),
        ...(groupBy === "customer" && { customer }),
        ...wireUsage(counts, view),
      });
    place = page.next;
    if (place === null) break;
  }
  return { rows, after: place && cursorOf(place) };
}

function wireUsage(counts: UsageCounts, { admin }: UsageView): WireUsage {
  const { completed, failed, cancelled, items, chargedMicros, upstreamMicros, overrunMicros } = counts;
  return {
    requests: completed + failed + cancelled,
    completed,
    failed,
    cancelled,
    items,
    charged: dollars(chargedMicros),
    ...(admin && { upstreamCost: dollars(upstreamMicros), overrun: dollars(overrunMicros) }),
  };
}

function csvOf({ data, groupBy }: WireUsagePage, view: UsageView): string {
  const names = namesOf(groupBy, view);
  const columns = [...names, ...(Object.keys(wireUsage(NOTHING_USED, view)) as (keyof WireUsage)[])];
  const lines = data.map((row) => csvLine(columns.map((column) => row[column] ?? null)));
  return csvLine(columns) + lines.join("");
}

function namesOf(groupBy: UsageGroupName, { scope }: UsageView): UsageGroupName[] {
  return groupBy === "customer" && scope.keyId === null ? ["key", "customer"] : [groupBy];
}
