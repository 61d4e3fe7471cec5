/**
 * The only place where balances change: `reserve` when a task or session is accepted, `settle` once with what it is
 * charged. What is held stands in the row of the task or session itself, so neither makes a row of its own for it.
 */

import { BUDGET_WINDOWS, type BudgetWindow, type MoneySource } from "../../../accounts/ledger-store.ts";
import type { Settlement } from "../../../tasks/transition.ts";
import type { Sql, SqlValue } from "../../sql.ts";
import type { Transaction } from "../transaction.ts";
import { NO_CUSTOMER } from "./balances.ts";

/** The windows of a hold that names none: those of the first release. */
const FIRST_WINDOWS: readonly BudgetWindow[] = ["total"];

/** Whose balances change. */
export type Payer = { readonly keyId: string; readonly customer: string | null };

/** What a settlement is for. */
export type Paid = Payer & {
  readonly source: MoneySource;
  readonly sourceId: string;
  readonly subject: string;
  readonly type: string;
  readonly model: string;
  readonly provider: string;
};

const RAISE = `INSERT INTO balances (key_id, customer, period, reserved_micros, charged_micros) VALUES (?1, ?2, ?3, ?4, ?5)
  ON CONFLICT (key_id, customer, period) DO UPDATE SET
    reserved_micros = reserved_micros + ?4, charged_micros = charged_micros + ?5`;

/** Holds the amount back, in every window that is kept. Answers which, for the row of the task or session; null: the first release's. */
export function reserve(sql: Sql, payer: Payer, amountMicros: number): string | null {
  if (amountMicros === 0) return null;
  raise(sql, payer, BUDGET_WINDOWS, amountMicros, 0);
  return BUDGET_WINDOWS.every((window) => FIRST_WINDOWS.includes(window))
    ? null
    : JSON.stringify(BUDGET_WINDOWS);
}

/** The windows that the column names. */
export function windowsOf(column: SqlValue | undefined): readonly BudgetWindow[] {
  return typeof column === "string" ? (JSON.parse(column) as BudgetWindow[]) : FIRST_WINDOWS;
}

/** Gives back what was held and charges what was used, in the windows it was held in. The caller settles a source once. */
export function settle(
  { sql, now }: Transaction,
  paid: Paid,
  { releasedMicros, chargedMicros, upstreamMicros, overrunMicros }: Settlement,
  windows: readonly BudgetWindow[],
): void {
  if (releasedMicros !== 0 || chargedMicros !== 0) raise(sql, paid, windows, -releasedMicros, chargedMicros);
  if (chargedMicros === 0 && (upstreamMicros ?? 0) === 0) return;
  const { source, sourceId, keyId, subject, customer } = paid;
  sql.run(
    `INSERT INTO movements (id, source, source_id, key_id, subject, customer, type, model, provider, charged_micros,
       upstream_micros, windows, at, overrun_micros) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    `${source}/${sourceId}`,
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
  sql: Sql,
  { keyId, customer }: Payer,
  windows: readonly BudgetWindow[],
  reservedMicros: number,
  chargedMicros: number,
): void {
  for (const window of windows) {
    sql.run(RAISE, keyId, NO_CUSTOMER, window, reservedMicros, chargedMicros);
    if (customer !== null && customer !== NO_CUSTOMER)
      sql.run(RAISE, keyId, customer, window, reservedMicros, chargedMicros);
  }
}
