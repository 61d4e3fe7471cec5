/**
 * The usage port: what was settled, summed up for each UTC day, type and model: of all keys, of each key, and of each customer
 * of a key. The sums are written in the step that settles, and kept as long as the ledger; a read looks at days and models,
 * never at tasks or movements. Money is micro-dollars.
 */

import type { SettledWork } from "../../tasks/transition.ts";

/** What was settled. A request is one task or one session; what cost nothing counts too. */
export type UsageCounts = {
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  /** Pictures and films that came. */
  readonly items: number;
  readonly chargedMicros: number;
  /** What the providers billed, as far as they said. */
  readonly upstreamMicros: number;
  readonly overrunMicros: number;
};

/** UTC days, counted from 1970-01-01; both are within. */
export type DayRange = { readonly from: number; readonly to: number };

/** Whose work: of every key, of one key, or of one customer of a key. */
export type UsageScope =
  | { readonly keyId: null; readonly customer: null }
  | { readonly keyId: string; readonly customer: string | null };

export type UsageGroup = "day" | "type" | "model";

/** `group` is the model, the type, or the day as `YYYY-MM-DD`. */
export type UsageRow = UsageCounts & { readonly group: string };

/** What one key, or one customer of it, used. A null customer: what named none. */
export type PayerUsage = UsageCounts & UsagePlace;

/** Where a row stands in its list: the list goes on behind it. `customer` is null in a list of keys. */
export type UsagePlace = { readonly keyId: string; readonly customer: string | null };

/** `next` is where to go on, null at the end: a page may be short, or empty, and yet not the last. */
export type UsagePage = { readonly rows: readonly PayerUsage[]; readonly next: UsagePlace | null };

export interface UsageStore {
  /** The sums of the days, in groups: as many rows as there are days, types or models with work, in the order of their groups. */
  usage(scope: UsageScope, days: DayRange, group: UsageGroup): Promise<UsageRow[]>;
  /** The sums of each key that used something in these days, at most `limit`, in an order of the store's own. */
  usageOfKeys(days: DayRange, page: { limit: number; after: UsagePlace | null }): Promise<UsagePage>;
  /** The same of each customer of one key, or of every key; what named no customer is a row too. */
  usageOfCustomers(
    keyId: string | null,
    days: DayRange,
    page: { limit: number; after: UsagePlace | null },
  ): Promise<UsagePage>;
}

/** What settled work, or a late bill, adds. */
export function usageCounts({ outcome, ...amounts }: SettledWork): UsageCounts {
  return { ...NOTHING_USED, ...amounts, ...(outcome !== null && { [outcome]: 1 }) };
}

export const NOTHING_USED: UsageCounts = {
  completed: 0,
  failed: 0,
  cancelled: 0,
  items: 0,
  chargedMicros: 0,
  upstreamMicros: 0,
  overrunMicros: 0,
};

export function addUsage(one: UsageCounts, other: UsageCounts): UsageCounts {
  return {
    completed: one.completed + other.completed,
    failed: one.failed + other.failed,
    cancelled: one.cancelled + other.cancelled,
    items: one.items + other.items,
    chargedMicros: one.chargedMicros + other.chargedMicros,
    upstreamMicros: one.upstreamMicros + other.upstreamMicros,
    overrunMicros: one.overrunMicros + other.overrunMicros,
  };
}

/** How much of the list one call looks at: keys or customers that used nothing in these days are passed over. */
export const MAX_LOOKED_AT = 1_000;
