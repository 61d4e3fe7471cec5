/** Roll-ups of usage: sums that each settlement adds to, and reading them. */

import { dayNumberOf, dayText } from "../../../accounts/money/budgets.ts";
import {
  type DayRange,
  MAX_LOOKED_AT,
  type PayerUsage,
  type UsageCounts,
  type UsageGroup,
  type UsagePage,
  type UsagePlace,
  type UsageRow,
  type UsageScope,
  type UsageStore,
  usageCounts,
} from "../../../accounts/money/usage-store.ts";
import type { SettledWork } from "../../../tasks/transition.ts";
import type { Sql, SqlRow } from "../../sql.ts";
import type { Transaction } from "../transaction.ts";
import type { Transactions } from "../transactions.ts";
import type { Payer } from "./balances.ts";
import { ALL_KEYS, USAGE_COLUMNS } from "./pending-usage.ts";

const SUMS = USAGE_COLUMNS.map((column) => `sum(${column}) AS ${column}`).join(", ");

/** Adds settled work to the day of the step. */
export function recordUsage(
  { money, now }: Transaction,
  { keyId, customer, type, model }: Payer & { readonly type: string; readonly model: string },
  work: SettledWork,
): void {
  const of = { keyId, customer: customer ?? "", day: dayNumberOf(now), type, model };
  money.usage.add(of, usageCounts(work));
}

export function usageMethods(transactions: Transactions): UsageStore {
  return {
    usage: (scope, days, group) => transactions.read(({ sql }) => usageOf(sql, scope, days, group)),
    usageOfKeys: (days, page) =>
      transactions.read(({ sql }) => pageOf(sql, days, page.limit, keysAfter(sql, page.after))),
    usageOfCustomers: (keyId, days, page) =>
      transactions.read(({ sql }) => pageOf(sql, days, page.limit, customersAfter(sql, keyId, page.after))),
  };
}

function usageOf(sql: Sql, scope: UsageScope, { from, to }: DayRange, group: UsageGroup): UsageRow[] {
  const tail = `day BETWEEN ? AND ? GROUP BY ${group} ORDER BY ${group}`;
  const rows =
    scope.customer === null
      ? sql.all(
          `SELECT ${group}, ${SUMS} FROM usage WHERE key_id = +? AND ${tail}`,
          scope.keyId ?? ALL_KEYS,
          from,
          to,
        )
      : sql.all(
          `SELECT ${group}, ${SUMS} FROM customer_usage WHERE key_id = +? AND customer = +? AND ${tail}`,
          scope.keyId,
          scope.customer,
          from,
          to,
        );
  return rows.map((row) => {
    const value = row[group];
    return { group: group === "day" ? dayText(value as number) : (value as string), ...countsOf(row) };
  });
}

/** A place in a list, and the query of its sums with what binds it besides the days. */
type Entry = { readonly place: UsagePlace; readonly query: string; readonly of: readonly string[] };

const OF_DAYS = "day BETWEEN ? AND ?";
const OF_KEY = `SELECT ${SUMS} FROM usage WHERE key_id = +? AND ${OF_DAYS}`;
const OF_NOBODY = `${OF_KEY} AND named = 0`;
const OF_CUSTOMER = `SELECT ${SUMS} FROM customer_usage WHERE key_id = +? AND customer = +? AND ${OF_DAYS}`;
const NEXT_KEY = "SELECT key_id FROM usage WHERE key_id > ? ORDER BY key_id LIMIT 1";
const NEXT_CUSTOMER =
  "SELECT customer FROM customer_usage WHERE key_id = ? AND customer > ? ORDER BY customer LIMIT 1";

function pageOf(sql: Sql, { from, to }: DayRange, limit: number, entries: Iterable<Entry>): UsagePage {
  const rows: PayerUsage[] = [];
  let lookedAt = 0;
  let last: UsagePlace | null = null;
  for (const { place, query, of } of entries) {
    if (rows.length === limit || lookedAt === MAX_LOOKED_AT) return { rows, next: last };
    lookedAt += 1;
    last = place;
    const sums = sql.get(query, ...of, from, to);
    if (sums !== null && sums.completed !== null) rows.push({ ...place, ...countsOf(sums) });
  }
  return { rows, next: null };
}

function* keysAfter(sql: Sql, after: UsagePlace | null): Iterable<Entry> {
  for (let key = nextKey(sql, after?.keyId ?? ALL_KEYS); key !== null; key = nextKey(sql, key))
    yield { place: { keyId: key, customer: null }, query: OF_KEY, of: [key] };
}

/** Of each key first what named no customer, then the customers. */
function* customersAfter(sql: Sql, keyId: string | null, after: UsagePlace | null): Iterable<Entry> {
  let key = keyId ?? after?.keyId ?? nextKey(sql, ALL_KEYS);
  let behind = after;
  while (key !== null) {
    if (behind === null) yield { place: { keyId: key, customer: null }, query: OF_NOBODY, of: [key] };
    let customer = behind?.customer ?? "";
    behind = null;
    for (;;) {
      const row = sql.get(NEXT_CUSTOMER, key, customer);
      if (row === null) break;
      customer = row.customer as string;
      yield { place: { keyId: key, customer }, query: OF_CUSTOMER, of: [key, customer] };
    }
    key = keyId === null ? nextKey(sql, key) : null;
  }
}

function nextKey(sql: Sql, after: string): string | null {
  return (sql.get(NEXT_KEY, after)?.key_id as string | undefined) ?? null;
}

function countsOf(row: SqlRow): UsageCounts {
  const [completed, failed, cancelled, items, chargedMicros, upstreamMicros, overrunMicros] =
    USAGE_COLUMNS.map((column) => row[column] as number) as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
  return { completed, failed, cancelled, items, chargedMicros, upstreamMicros, overrunMicros };
}

/** Drops sums of days that were over at `moment`, at most `limit` rows of each table; answers the larger number. */
export function dropOldUsage({ sql, money }: Transaction, moment: number, limit: number): number {
  money.write(sql);
  const day = dayNumberOf(moment);
  const drop = (table: string, key: string) =>
    sql.change(
      `DELETE FROM ${table} WHERE (${key}) IN (SELECT ${key} FROM ${table} WHERE day < ? ORDER BY day LIMIT ?)`,
      day,
      limit,
    );
  return Math.max(
    drop("usage", "key_id, day, type, model, named"),
    drop("customer_usage", "key_id, customer, day, type, model"),
  );
}
