/** Reading balances, holds and movements; dropping movements whose time is over. */

import type {
  Balance,
  BudgetWindow,
  Hold,
  LedgerStore,
  MoneySource,
  Movement,
} from "../../../accounts/ledger-store.ts";
import type { Json } from "../../../protocol/task.ts";
import type { SqlRow } from "../../sql.ts";
import type { Transaction } from "../transaction.ts";
import type { Transactions } from "../transactions.ts";
import { WHOLE } from "./settlement.ts";

export function ledgerMethods(transactions: Transactions): LedgerStore {
  return {
    balance: (keyId, customer, window) => transactions.read((tx) => balanceOf(tx, keyId, customer, window)),
    listHolds: (keyId, limit) =>
      transactions.read(({ sql }) =>
        sql.all("SELECT * FROM holds WHERE key_id = +? ORDER BY source_id LIMIT ?", keyId, limit).map(holdOf),
      ),
    listMovements: (keyId, { limit, before }) =>
      transactions.read(({ sql }) => {
        const last =
          before === null
            ? null
            : sql.get("SELECT no FROM movements WHERE id = ? AND key_id = ?", before, keyId);
        const rows = sql.all(
          "SELECT * FROM movements WHERE key_id = +? AND no < ? ORDER BY no DESC LIMIT ?",
          keyId,
          (last?.no as number | undefined) ?? Number.MAX_SAFE_INTEGER,
          limit + 1,
        );
        return { movements: rows.slice(0, limit).map(movementOf), hasMore: rows.length > limit };
      }),
  };
}

/** Drops movements made at `moment` or earlier, at most `limit`: rows are in the order of their time. Answers how many. */
export function dropOldMovements({ sql }: Transaction, moment: number, limit: number): number {
  const text = "DELETE FROM movements WHERE no < (SELECT min(no) FROM movements) + ? AND at <= ?";
  return sql.change(text, limit, moment);
}

function balanceOf(
  { sql }: Transaction,
  keyId: string,
  customer: string | null,
  window: BudgetWindow,
): Balance {
  const row = sql.get(
    "SELECT reserved_micros, charged_micros FROM balances WHERE key_id = ? AND customer = ? AND period = ?",
    keyId,
    customer ?? WHOLE,
    window,
  );
  return {
    reservedMicros: (row?.reserved_micros as number | undefined) ?? 0,
    chargedMicros: (row?.charged_micros as number | undefined) ?? 0,
  };
}

function holdOf(row: SqlRow): Hold {
  return {
    source: row.source as MoneySource,
    sourceId: row.source_id as string,
    keyId: row.key_id as string,
    subject: row.subject as string,
    customer: row.customer as string | null,
    amountMicros: row.amount_micros as number,
    price: row.price === null ? null : (JSON.parse(row.price as string) as Json),
    windows: JSON.parse(row.windows as string) as BudgetWindow[],
    createdAt: row.created_at as number,
    expiresAt: row.expires_at as number | null,
  };
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
    windows: JSON.parse(row.windows as string) as BudgetWindow[],
    at: row.at as number,
  };
}
