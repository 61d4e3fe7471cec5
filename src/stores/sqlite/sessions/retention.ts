/** Sessions that are over go after their time. */

import type { Transaction } from "../transaction.ts";

/** Drops settled sessions that ended at `moment` or earlier, at most `limit`. Answers how many. */
export function dropOldSessions({ sql }: Transaction, moment: number, limit: number): number {
  return sql.change(
    `DELETE FROM sessions WHERE no IN (
       SELECT no FROM sessions WHERE settled = 1 AND ended_at <= ? ORDER BY ended_at LIMIT ?)`,
    moment,
    limit,
  );
}
