/** What is held and was charged, of a key or of one of its customers: in a window, or in a period of several. */

import { type BudgetWindow, windowsIn } from "../../../accounts/money/budgets.ts";
import type { Balance } from "../../../accounts/money/ledger-store.ts";
import type { BudgetPeriod } from "../../../protocol/key.ts";
import type { Transaction } from "../transaction.ts";

/** Whose balances change: the key's, and those of the customer, if one was named. */
export type Payer = { readonly keyId: string; readonly customer: string | null };

/** In the column of customers: the balance of the whole key. */
export const NO_CUSTOMER = "";

/** Zeros where there was nothing. */
export function balanceOf(
  { sql, money }: Transaction,
  keyId: string,
  customer: string | null,
  window: BudgetWindow,
): Balance {
  const { reservedMicros, chargedMicros } = money.balances
    .of(keyId, customer ?? NO_CUSTOMER)
    .sum(sql, window, window);
  return { reservedMicros, chargedMicros };
}

/** In the period that the day lies in; the answer is good until a balance changes. */
export function balanceOfPeriod(
  { sql, money }: Transaction,
  keyId: string,
  customer: string | null,
  period: BudgetPeriod,
  day: number,
): Balance {
  const { first, last } = windowsIn(period, day);
  return money.balances.of(keyId, customer ?? NO_CUSTOMER).sum(sql, first, last);
}

/** A day's balances are kept so long after it, days: a month's budget, and what is told of the one before. */
const KEY_DAYS = 62;
const CUSTOMER_DAYS = 32;
const DAY_MS = 86_400_000;

/** Those with a hold stay: it is settled there. */
const DROP = `DELETE FROM balances WHERE (key_id, customer, period) IN (
  SELECT key_id, customer, period FROM balances
  WHERE (customer = '') = ? AND period < 'a' AND period < ? AND reserved_micros = 0 LIMIT ?)`;

/** Drops the balances of days whose time is over, at most `limit` of keys and of customers. Whether there may be more. */
export function dropOldDays({ sql, money, now }: Transaction, limit: number): boolean {
  money.write(sql);
  const [keys, customers] = [KEY_DAYS, CUSTOMER_DAYS].map((days, index) =>
    sql.change(DROP, 1 - index, new Date(now - days * DAY_MS).toISOString().slice(0, 10), limit),
  );
  return keys === limit || customers === limit;
}
