/** Thresholds of budgets: which of them a charge has reached, recorded once each in a period. */

import {
  type Budget,
  type BudgetWindow,
  dayIn,
  grantedMicros,
  periodName,
  reachedThresholds,
  type SpendThreshold,
} from "../../../accounts/money/budgets.ts";
import type { SpendMark } from "../../../accounts/money/ledger-store.ts";
import { thresholdData } from "../../../accounts/money/spend-wire.ts";
import { thresholdReached } from "../../../events/money-events.ts";
import type { Sql, SqlRow } from "../../sql.ts";
import { leaveDeliveries } from "../deliveries/leaving.ts";
import { postEvent } from "../outbox/post.ts";
import type { Transaction } from "../transaction.ts";
import { balanceOfPeriod, NO_CUSTOMER, type Payer } from "./balances.ts";

const REACHED = `SELECT max(percent) AS percent FROM spend_marks
  WHERE key_id = ? AND customer = ? AND period = ? AND window = ?`;

/** A budget and whose it is: the key's, or that of the customer who is named. */
export type OwnedBudget = { readonly of: Payer; readonly budget: Budget };

/** The budgets that count for the payer, with the grants of the key. */
export function budgetsOfPayer({ sql, money, now }: Transaction, payer: Payer): OwnedBudget[] {
  const { keyId, customer } = payer;
  const { budgets, grants } = money.limits.of(sql, keyId);
  const granted = grantedMicros(grants, now);
  const of = { keyId, customer: null };
  const found: OwnedBudget[] = budgets.map(({ limitMicros, period }) => ({
    of,
    budget: { limitMicros: limitMicros + granted, period },
  }));
  const own = customer === null ? null : money.limits.ofCustomer(sql, keyId, customer);
  return own === null ? found : [...found, { of: payer, budget: own }];
}

/** Looks at the budgets in whose periods the payer was just charged, and records what was reached. */
export function recordReached(tx: Transaction, payer: Payer, windows: readonly BudgetWindow[]): void {
  for (const { of, budget } of budgetsOfPayer(tx, payer)) look(tx, of, budget, windows);
}

function look(
  tx: Transaction,
  { keyId, customer }: Payer,
  { limitMicros, period }: Budget,
  windows: readonly BudgetWindow[],
): void {
  const day = period === "total" ? 0 : dayIn(windows);
  // A hold of an earlier release counts in no day.
  if (day === null) return;
  const { chargedMicros } = balanceOfPeriod(tx, keyId, customer, period, day);
  const reached = reachedThresholds(chargedMicros, limitMicros);
  if (reached.length === 0) return;
  const window = periodName(period, day);
  const before = reachedBefore(tx.sql, { keyId, customer, period, window });
  for (const percent of reached)
    if (percent > (before ?? 0))
      recordMark(tx, { keyId, customer, period, window, percent, limitMicros, chargedMicros, at: tx.now });
}

/** The highest threshold that was recorded in the period; null: none. */
export function reachedBefore(
  sql: Sql,
  { keyId, customer, period, window }: Pick<SpendMark, "keyId" | "customer" | "period" | "window">,
): SpendThreshold | null {
  return sql.get(REACHED, keyId, customer ?? NO_CUSTOMER, period, window)?.percent as SpendThreshold | null;
}

const NEWEST_MARK = "SELECT max(no) AS no FROM spend_marks WHERE key_id = ?";

/** Records that a threshold was reached. Whatever comes of one is left here, in the same step. */
function recordMark(tx: Transaction, mark: SpendMark): void {
  tx.sql.run(
    `INSERT INTO spend_marks (key_id, customer, period, window, percent, limit_micros, charged_micros, at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    mark.keyId,
    mark.customer ?? NO_CUSTOMER,
    mark.period,
    mark.window,
    mark.percent,
    mark.limitMicros,
    mark.chargedMicros,
    mark.at,
  );
  postEvent(tx, "SpendThresholdReached", () => thresholdReached(mark));
  const [{ no } = { no: 0 }] = tx.sql.all(NEWEST_MARK, mark.keyId);
  leaveDeliveries(tx, {
    id: `spend-${mark.keyId}-${no}`,
    keyId: mark.keyId,
    type: "spend.threshold_reached",
    body: { data: thresholdData(mark) },
  });
}

/** Newest first. */
export function spendMarks(sql: Sql, keyId: string, limit: number): SpendMark[] {
  return sql
    .all("SELECT * FROM spend_marks WHERE key_id = ? ORDER BY no DESC LIMIT ?", keyId, limit)
    .map(markOf);
}

/** Marks of periods that are over are kept so long, ms: longer than any period. */
const KEPT_MS = 62 * 86_400_000;

/** Drops old marks, at most `limit`; those of the total stay as long as their key. Answers how many. */
export function dropOldMarks({ sql, now }: Transaction, limit: number): number {
  return sql.change(
    `DELETE FROM spend_marks WHERE no IN (
       SELECT no FROM spend_marks WHERE period <> 'total' AND at <= ? ORDER BY at LIMIT ?)`,
    now - KEPT_MS,
    limit,
  );
}

function markOf(row: SqlRow): SpendMark {
  return {
    keyId: row.key_id as string,
    customer: row.customer === NO_CUSTOMER ? null : (row.customer as string),
    period: row.period as SpendMark["period"],
    window: row.window as string,
    percent: row.percent as SpendThreshold,
    limitMicros: row.limit_micros as number,
    chargedMicros: row.charged_micros as number,
    at: row.at as number,
  };
}
