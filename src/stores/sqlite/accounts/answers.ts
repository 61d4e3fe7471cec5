/** What requests with an idempotency key were answered. The texts are sealed; nothing in here can read them. */

import type { KeyStep, StoredAnswer } from "../../../accounts/keys/account-store.ts";
import type { Transaction } from "../transaction.ts";

/** What is kept under the id; null when nothing is, or no longer. */
export function recallAnswer({ sql, now }: Transaction, id: string): StoredAnswer | null {
  const row = sql.get("SELECT fingerprint, answer FROM answers WHERE id = ? AND expires_at > ?", id, now);
  return row === null ? null : { fingerprint: row.fingerprint as string, text: row.answer as string };
}

/** Keeps an answer in the step of the change that it tells of. */
export function keepAnswer({ sql, now }: Transaction, once: NonNullable<KeyStep["once"]>): void {
  const { id, fingerprint, text, ttlMs } = once;
  sql.run(
    "INSERT OR REPLACE INTO answers (id, fingerprint, answer, expires_at) VALUES (?, ?, ?, ?)",
    id,
    fingerprint,
    text,
    now + ttlMs,
  );
}

/** Drops at most `limit` answers whose time is over. Says how many. */
export function dropOldAnswers({ sql, now }: Transaction, limit: number): number {
  return sql.change(
    "DELETE FROM answers WHERE id IN (SELECT id FROM answers WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)",
    now,
    limit,
  );
}
