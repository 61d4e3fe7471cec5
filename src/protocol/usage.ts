/** Usage on the wire: what was settled in some UTC days, in groups. Amounts are US dollars. */

/** What the rows of a key's usage may be sums of; an administrator's also of each `key`. */
export const USAGE_GROUPS = ["day", "model", "type", "customer"] as const;
export const ADMIN_USAGE_GROUPS = [...USAGE_GROUPS, "key"] as const;
export type UsageGroupName = (typeof ADMIN_USAGE_GROUPS)[number];

export const USAGE_FORMATS = ["json", "csv"] as const;

/** Tasks and sessions that were settled; what cost nothing counts too. */
export type WireUsage = {
  requests: number;
  completed: number;
  failed: number;
  cancelled: number;
  /** Pictures and films that came. */
  items: number;
  charged: number;
  /** For administrators: what the providers billed, as far as they said. */
  upstreamCost?: number;
  /** For administrators: how much of that was beyond what had been reserved. */
  overrun?: number;
};

/** One of the names that it was grouped by. A null `customer`: what named none; with `key` where the rows are of several keys. */
export type WireUsageRow = WireUsage & {
  day?: string;
  model?: string;
  type?: string;
  customer?: string | null;
  key?: string;
};

export type WireUsagePage = {
  /** `YYYY-MM-DD`; both days are within. */
  from: string;
  to: string;
  groupBy: UsageGroupName;
  currency: "USD";
  /** Of all that was asked for, not of this page alone. */
  totals: WireUsage;
  data: WireUsageRow[];
  hasMore: boolean;
  /** Asks for the next page. */
  after: string | null;
};

/** An entry of a key's ledger, for administrators. */
export type WireMovement = {
  source: "task" | "session";
  /** Of the task or the session. */
  id: string;
  /** Of the ephemeral key; null: the key itself. */
  subject: string | null;
  customer: string | null;
  type: string;
  model: string;
  provider: string;
  charged: number;
  /** What the providers billed; null when none said. */
  upstreamCost: number | null;
  overrun: number;
  /** Budgets' windows that it counts in: `total`, and the day it was held in. */
  windows: readonly string[];
  at: string;
};

/** Newest first; `after` asks for the next page. */
export type WireMovementPage = { data: WireMovement[]; hasMore: boolean; after: string | null };
