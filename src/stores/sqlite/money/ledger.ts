/** Reading balances, holds and movements; dropping movements whose time is over. */

import type { BudgetWindow } from "../../../accounts/money/budgets.ts";
import type {
  Hold,
  LedgerStore,
  MoneySource,
  Movement,
  MovementPlace,
} from "../../../accounts/money/ledger-store.ts";
import { isTerminal, type Json, TASK_STATUSES, TASK_TYPES } from "../../../protocol/task.ts";
import type { Sql, SqlRow } from "../../sql.ts";
import type { TaskRow } from "../tasks/task-table.ts";
import type { Transaction } from "../transaction.ts";
import type { Transactions } from "../transactions.ts";
import { balanceOf, NO_CUSTOMER, type Payer } from "./balances.ts";
import { balanceKeys, checkSqliteBalances } from "./ledger-check.ts";
import { windowsOf } from "./settlement.ts";
import { customerStanding, keyStanding, setCustomerBudget } from "./standing.ts";
import { spendMarks } from "./thresholds.ts";

export function ledgerMethods(transactions: Transactions): LedgerStore {
  return {
    keyStanding: (keyId) => transactions.read((tx) => keyStanding(tx, keyId)),
    customerStanding: (keyId, customer) => transactions.read((tx) => customerStanding(tx, keyId, customer)),
    setCustomerBudget: (keyId, customer, budget, step) =>
      transactions.write((tx) => setCustomerBudget(tx, keyId, customer, budget, step)),
    listSpendMarks: (keyId, limit) => transactions.read(({ sql }) => spendMarks(sql, keyId, limit)),
    balance: (keyId, customer, window) => transactions.read((tx) => balanceOf(tx, keyId, customer, window)),
    listHolds: (keyId, limit) => transactions.read((tx) => holdsOf(tx, keyId, limit)),
    listMovements: (keyId, { limit, before }) =>
      transactions.read((tx) => {
        const rows = movementRows(tx, keyId, limit + 1, before);
        return { movements: rows.slice(0, limit).map(movementOf), hasMore: rows.length > limit };
      }),
    listBalanceKeys: (after, limit) => transactions.read(({ sql }) => balanceKeys(sql, after, limit)),
    checkBalances: (keyId) => transactions.read(({ sql }) => checkSqliteBalances(sql, keyId)),
  };
}

function movementRows(
  { sql }: Transaction,
  keyId: string,
  limit: number,
  before: MovementPlace | null,
): SqlRow[] {
  const text =
    "SELECT * FROM movements WHERE key_id = +? AND (at, no) < (?, ?) ORDER BY at DESC, no DESC LIMIT ?";
  if (before === null) return sql.all(text, keyId, Number.MAX_SAFE_INTEGER, 0, limit);
  const { at, id } = before;
  const last = sql.get("SELECT no FROM movements WHERE key_id = ? AND at = ? AND id = ?", keyId, at, id);
  return last === null ? [] : sql.all(text, keyId, at, last.no as number, limit);
}

const OLD = "no < (SELECT min(no) FROM movements) + ? AND at <= ?";
const OLD_CHARGES = `SELECT key_id, customer, windows, charged_micros FROM movements WHERE ${OLD} AND charged_micros > 0`;
const RAISE_OPENING =
  "UPDATE balances SET opening_micros = opening_micros + ? WHERE key_id = ? AND customer = ? AND period = ?";

/**
 * Drops movements made at `moment` or earlier, at most `limit`: rows are in the order of their time. What they charged goes into
 * the opening of their balances, which can so be reckoned from what is left. Answers how many.
 */
export function dropOldMovements({ sql, money }: Transaction, moment: number, limit: number): number {
  money.write(sql);
  const payers = new Map<string, { payer: Payer; windows: readonly BudgetWindow[]; micros: number }>();
  for (const row of sql.all(OLD_CHARGES, limit, moment)) {
    const payer = { keyId: row.key_id as string, customer: row.customer as string | null };
    const of = JSON.stringify([payer, row.windows]);
    const micros = (payers.get(of)?.micros ?? 0) + (row.charged_micros as number);
    payers.set(of, { payer, windows: windowsOf(row.windows), micros });
  }
  for (const { payer, windows, micros } of payers.values()) raiseOpening(sql, payer, windows, micros);
  return sql.change(`DELETE FROM movements WHERE ${OLD}`, limit, moment);
}

function raiseOpening(
  sql: Sql,
  { keyId, customer }: Payer,
  windows: readonly BudgetWindow[],
  micros: number,
): void {
  for (const window of windows) {
    sql.run(RAISE_OPENING, micros, keyId, NO_CUSTOMER, window);
    if (customer !== null && customer !== NO_CUSTOMER)
      sql.run(RAISE_OPENING, micros, keyId, customer, window);
  }
}

/**
 * Where holds stand. A task that is not over is not settled. Each query reads an index in the order of ids, which is that of
 * age; they are merged here, because a Durable Object takes five terms in a compound SELECT.
 */
const TASK_HOLDS = TASK_STATUSES.filter((status) => !isTerminal(status))
  .flatMap((status) => TASK_TYPES.map((type) => `status = '${status}' AND type = '${type}'`))
  .concat("settled = 0 AND finished_at IS NOT NULL")
  .map(
    (part) =>
      `SELECT no, id FROM tasks WHERE key_id = ? AND ${part} AND reserved_micros > 0 ORDER BY id LIMIT ?`,
  );
const SESSION_HOLDS =
  "SELECT no, id FROM sessions WHERE key_id = ? AND settled = 0 AND reserved_micros > 0 ORDER BY id LIMIT ?";

function holdsOf(tx: Transaction, keyId: string, limit: number): Hold[] {
  const { sql, tasks } = tx;
  const found = [
    ...TASK_HOLDS.flatMap((query) => sql.all(query, keyId, limit).map((row) => ({ ...row, session: false }))),
    ...sql.all(SESSION_HOLDS, keyId, limit).map((row) => ({ ...row, session: true })),
  ] as { no: number; id: string; session: boolean }[];
  found.sort((a, b) => (a.id < b.id ? -1 : 1));
  return found.slice(0, limit).flatMap(({ no, session }) => {
    try {
      if (session) return sessionHolds(sql, no);
      const row = tasks.byNo(sql, no);
      return row === null ? [] : [taskHold(row)];
    } catch {
      // A price that cannot be read leaves out this hold alone.
      return [];
    }
  });
}

function taskHold({ task, windows }: TaskRow): Hold {
  return {
    source: "task",
    sourceId: task.id,
    ...task.tenant,
    customer: task.customer,
    amountMicros: task.reservedMicros,
    createdAt: task.createdAt,
    price: task.price,
    windows: windowsOf(windows),
    expiresAt: null,
  };
}

function sessionHolds(sql: Sql, no: number): Hold[] {
  return sql.all("SELECT * FROM sessions WHERE no = ?", no).map((row) => ({
    source: "session",
    sourceId: row.id as string,
    keyId: row.key_id as string,
    subject: row.subject as string,
    customer: row.customer as string | null,
    amountMicros: row.reserved_micros as number,
    createdAt: row.started_at as number,
    price: typeof row.price === "string" ? (JSON.parse(row.price) as Json) : null,
    windows: windowsOf(row.windows),
    expiresAt: null,
  }));
}

function movementOf(row: SqlRow): Movement {
  return {
    id: row.id as string,
    source: row.source as MoneySource,
    sourceId: row.source_id as string,
    keyId: row.key_id as string,
    subject: row.subject as string,
    customer: row.customer as string | null,
    type: row.type as string,
    model: row.model as string,
    provider: row.provider as string,
    chargedMicros: row.charged_micros as number,
    upstreamMicros: row.upstream_micros as number | null,
    overrunMicros: row.overrun_micros as number,
    windows: JSON.parse(row.windows as string) as BudgetWindow[],
    at: row.at as number,
  };
}
