/** Usage during a commit: sums that its steps add, and the one writing of them. */

import { addUsage, type UsageCounts } from "../../../accounts/money/usage-store.ts";
import type { Sql, SqlValue } from "../../sql.ts";

/** In the column of keys: every key together. No key has this id. */
export const ALL_KEYS = "";

/** The columns of both tables that are summed. */
export const USAGE_COLUMNS = [
  "completed",
  "failed",
  "cancelled",
  "items",
  "charged_micros",
  "upstream_micros",
  "overrun_micros",
] as const;
const SUMMED = USAGE_COLUMNS.map((column) => `${column} = ${column} + excluded.${column}`).join(", ");

/** What is behind the key in both rows of a settlement: its own, and the one of all keys. */
const BEHIND_KEY = Array.from({ length: 4 + USAGE_COLUMNS.length }, (_, index) => `?${index + 3}`).join(", ");
const ADD = `INSERT INTO usage (key_id, day, type, model, named, ${USAGE_COLUMNS.join(", ")})
  VALUES (?1, ${BEHIND_KEY}), (?2, ${BEHIND_KEY})
  ON CONFLICT (key_id, day, type, model, named) DO UPDATE SET ${SUMMED}`;
const ADD_TO_CUSTOMER = `INSERT INTO customer_usage (key_id, customer, day, type, model, ${USAGE_COLUMNS.join(", ")})
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (key_id, customer, day, type, model) DO UPDATE SET ${SUMMED}`;

/** What usage is summed by. The customer is empty where none was named. */
type UsageSum = {
  readonly keyId: string;
  readonly customer: string;
  readonly day: number;
  readonly type: string;
  readonly model: string;
};

/** Usage that the steps of a commit add, and the one writing of it. */
export class PendingUsage {
  readonly #sums = new Map<string, { of: UsageSum; counts: UsageCounts }>();

  add(of: UsageSum, counts: UsageCounts): void {
    const name = `${of.keyId}\n${of.customer}\n${of.day}\n${of.type}\n${of.model}`;
    const before = this.#sums.get(name);
    if (before === undefined) this.#sums.set(name, { of, counts });
    else before.counts = addUsage(before.counts, counts);
  }

  write(sql: Sql): void {
    for (const { of, counts } of this.#sums.values()) {
      const { keyId, customer, day, type, model } = of;
      const values = valuesOf(counts);
      sql.run(ADD, ALL_KEYS, keyId, day, type, model, customer === "" ? 0 : 1, ...values);
      if (customer !== "") sql.run(ADD_TO_CUSTOMER, keyId, customer, day, type, model, ...values);
    }
    this.forget();
  }

  forget(): void {
    this.#sums.clear();
  }
}

function valuesOf(counts: UsageCounts): SqlValue[] {
  const { completed, failed, cancelled, items, chargedMicros, upstreamMicros, overrunMicros } = counts;
  return [completed, failed, cancelled, items, chargedMicros, upstreamMicros, overrunMicros];
}
