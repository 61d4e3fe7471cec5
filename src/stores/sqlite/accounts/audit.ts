/** The audit log as rows, in the order they were written. */

import type { AuditDraft, AuditEntry, AuditQuery, AuditStore } from "../../../accounts/audit-store.ts";
import { auditEntry, auditNumber, auditText } from "../../audit-text.ts";
import type { Sql, SqlRow } from "../../sql.ts";
import type { Transaction } from "../transaction.ts";
import type { Transactions } from "../transactions.ts";

export function auditMethods(transactions: Transactions): AuditStore {
  return {
    recordAudit: (draft) => transactions.write((tx) => writeAudit(tx, draft)),
    listAudit: (query) => transactions.read(({ sql }) => listAudit(sql, query)),
  };
}

/** Writes an entry in the step that makes the change it tells of; null: nothing is to be told. */
export function writeAudit({ sql, now }: Transaction, draft: AuditDraft | null): void {
  if (draft === null) return;
  const { action, target } = draft;
  sql.run(
    "INSERT INTO audit (at, action, target, details) VALUES (?, ?, ?, ?)",
    now,
    action,
    target,
    auditText(draft),
  );
}

function listAudit(sql: Sql, query: AuditQuery): { entries: AuditEntry[]; hasMore: boolean } {
  const { limit, after, target, action } = query;
  const filters = [
    ...(target === null ? [] : [{ text: "target = ?", value: target }]),
    ...(action === null ? [] : [{ text: "action = ?", value: action }]),
  ];
  const rows = sql.all(
    `SELECT * FROM audit WHERE ${[...filters.map(({ text }) => text), "no < ?"].join(" AND ")} ORDER BY no DESC LIMIT ?`,
    ...filters.map(({ value }) => value),
    auditNumber(after) ?? Number.MAX_SAFE_INTEGER,
    limit + 1,
  );
  return { entries: rows.slice(0, limit).flatMap(readEntry), hasMore: rows.length > limit };
}

/** An entry that cannot be read is left out. */
function readEntry(row: SqlRow): AuditEntry[] {
  try {
    return [
      auditEntry(row.no as number, {
        at: row.at as number,
        action: row.action as string,
        target: row.target as string,
        text: row.details as string,
      }),
    ];
  } catch {
    return [];
  }
}

/** Drops entries of `moment` or earlier, at most `limit`: rows are in the order of their time. Answers how many. */
export function dropOldAudit({ sql }: Transaction, moment: number, limit: number): number {
  return sql.change(
    "DELETE FROM audit WHERE no < (SELECT min(no) FROM audit) + ? AND at <= ?",
    limit,
    moment,
  );
}
