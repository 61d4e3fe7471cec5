/**
 * Holds money back for work, and gives it back: `settle` with what the work is charged, `dropHold` without a charge.
 */

import {
  BUDGET_WINDOWS,
  type BudgetWindow,
  type Hold,
  type MoneySource,
} from "../../../accounts/ledger-store.ts";
import type { Settlement } from "../../../tasks/transition.ts";
import type { Sql } from "../../sql.ts";
import type { Transaction } from "../transaction.ts";

/** The balance of a whole key stands under this in the column of customers. */
export const WHOLE = "";

export type NewHold = Omit<Hold, "windows" | "createdAt" | "expiresAt">;

/** What a settlement is for. */
export type Paid = {
  source: MoneySource;
  sourceId: string;
  keyId: string;
  subject: string;
  customer: string | null;
  type: string;
  model: string;
  provider: string;
};

const RAISE = `INSERT INTO balances (key_id, customer, period, reserved_micros, charged_micros) VALUES (?1, ?2, ?3, ?4, ?5)
  ON CONFLICT (key_id, customer, period) DO UPDATE SET
    reserved_micros = reserved_micros + ?4, charged_micros = charged_micros + ?5`;

const DELETE_HOLD = "DELETE FROM holds WHERE key_id = ? AND source_id = ? AND source = ?";

/** Holds the amount back, in every window that is kept. */
export function hold({ sql, now }: Transaction, made: NewHold): void {
  sql.run(
    `INSERT INTO holds (source, source_id, key_id, subject, customer, amount_micros, price, windows, created_at, expires_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)`,
    made.source,
    made.sourceId,
    made.keyId,
    made.subject,
    made.customer,
    made.amountMicros,
    made.price === null ? null : JSON.stringify(made.price),
    JSON.stringify(BUDGET_WINDOWS),
    now,
  );
  raise(sql, made, BUDGET_WINDOWS, made.amountMicros, 0);
}

/**
 * Gives the hold back and charges what was used, in the windows it was held in. A source is settled once: its hold is
 * gone then, and its movement is there.
 */
export function settle(
  tx: Transaction,
  paid: Paid,
  { chargedMicros, upstreamMicros }: Pick<Settlement, "chargedMicros" | "upstreamMicros">,
): void {
  const { sql, now } = tx;
  const { source, sourceId, keyId, subject, customer } = paid;
  const held = sql.get(
    "SELECT amount_micros, windows FROM holds WHERE key_id = ? AND source_id = ? AND source = ?",
    keyId,
    sourceId,
    source,
  );
  const windows =
    held === null ? BUDGET_WINDOWS : (JSON.parse(held.windows as string) as readonly BudgetWindow[]);
  const releasedMicros = (held?.amount_micros as number | undefined) ?? 0;
  if (held !== null) sql.run(DELETE_HOLD, keyId, sourceId, source);
  if (releasedMicros !== 0 || chargedMicros !== 0) raise(sql, paid, windows, -releasedMicros, chargedMicros);
  if (chargedMicros === 0 && (upstreamMicros ?? 0) === 0) return;
  sql.run(
    `INSERT INTO movements (id, source, source_id, key_id, subject, customer, type, model, provider, charged_micros,
       upstream_micros, windows, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
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
  );
}

/** Gives a task's hold back that is removed, charging nothing. */
export function dropHold({ sql }: Transaction, keyId: string, taskId: string): void {
  const held = sql.get(
    "SELECT customer, amount_micros, windows FROM holds WHERE key_id = ? AND source_id = ? AND source = 'task'",
    keyId,
    taskId,
  );
  if (held === null) return;
  const windows = JSON.parse(held.windows as string) as readonly BudgetWindow[];
  const owner = { keyId, customer: held.customer as string | null };
  raise(sql, owner, windows, -(held.amount_micros as number), 0);
  sql.run(DELETE_HOLD, keyId, taskId, "task");
}

/** Changes the balances of the key and of the customer, if one was named. */
export function raise(
  sql: Sql,
  owner: { keyId: string; customer: string | null },
  windows: readonly BudgetWindow[],
  reservedMicros: number,
  chargedMicros: number,
): void {
  for (const window of windows) {
    sql.run(RAISE, owner.keyId, WHOLE, window, reservedMicros, chargedMicros);
    if (owner.customer !== null && owner.customer !== WHOLE)
      sql.run(RAISE, owner.keyId, owner.customer, window, reservedMicros, chargedMicros);
  }
}
