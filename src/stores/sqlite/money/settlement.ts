/**
 * The only place where balances change: `reserve` when a task or session is accepted, `settle` once with what it is
 * charged. What is held stands in the row of the task or session itself, so neither makes a row of its own for it.
 */

import { type BudgetWindow, FIRST_WINDOWS, windowsAt } from "../../../accounts/money/budgets.ts";
import type { MoneySource } from "../../../accounts/money/ledger-store.ts";
import { movementId, type Settlement } from "../../../tasks/transition.ts";
import type { SqlValue } from "../../sql.ts";
import type { Transaction } from "../transaction.ts";
import { NO_CUSTOMER, type Payer } from "./balances.ts";
import { postSpend } from "./spend-events.ts";
import { recordReached } from "./thresholds.ts";

/** What a settlement is for. */
export type Paid = Payer & {
  readonly source: MoneySource;
  readonly sourceId: string;
  readonly subject: string;
  readonly type: string;
  readonly model: string;
  readonly provider: string;
};

/** Holds the amount back, in every window of this moment. Answers which, for the row of the task or session; null: none. */
export function reserve(tx: Transaction, payer: Payer, amountMicros: number): string | null {
  if (amountMicros === 0) return null;
  const { windows, text } = windowsAt(tx.now);
  raise(tx, payer, windows, amountMicros, 0);
  return text;
}

/** The windows that the column names. */
export function windowsOf(column: SqlValue | undefined): readonly BudgetWindow[] {
  return typeof column === "string" ? (JSON.parse(column) as BudgetWindow[]) : FIRST_WINDOWS;
}

/** Gives back what was held and charges what was used, in the windows it was held in. The caller settles a source once. */
export function settle(
  tx: Transaction,
  paid: Paid,
  settlement: Settlement,
  windows: readonly BudgetWindow[],
): void {
  const { sql, now } = tx;
  const { releasedMicros, chargedMicros, upstreamMicros, overrunMicros } = settlement;
  const { source, sourceId, keyId, subject, customer } = paid;
  const id = movementId(`${source}/${sourceId}`, settlement);
  if (releasedMicros !== 0 || chargedMicros !== 0) raise(tx, paid, windows, -releasedMicros, chargedMicros);
  const moved = chargedMicros !== 0 || (upstreamMicros ?? 0) !== 0;
  if (moved) postSpend(tx, { ...paid, id, chargedMicros, upstreamMicros, overrunMicros }, windows);
  if (chargedMicros !== 0) recordReached(tx, paid, windows);
  if (!moved) return;
  sql.run(
    `INSERT INTO movements (id, source, source_id, key_id, subject, customer, type, model, provider, charged_micros,
       upstream_micros, windows, at, overrun_micros) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    id,
    source,
    sourceId,
    keyId,
    subject,
    customer,
    paid.type,
    paid.model,
    paid.provider,
    chargedMicros,
    upstreamMicros,
    JSON.stringify(windows),
    now,
    overrunMicros,
  );
}

/** Changes the balances of the key and of the customer, if one was named. */
export function raise(
  { money }: Transaction,
  { keyId, customer }: Payer,
  windows: readonly BudgetWindow[],
  reservedMicros: number,
  chargedMicros: number,
): void {
  money.balances.of(keyId, NO_CUSTOMER).raise(windows, reservedMicros, chargedMicros);
  if (customer !== null && customer !== NO_CUSTOMER)
    money.balances.of(keyId, customer).raise(windows, reservedMicros, chargedMicros);
}
