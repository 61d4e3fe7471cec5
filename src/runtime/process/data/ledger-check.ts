/** Reckons every balance of a store anew from its ledger, and tells those that are something else. */

import { existsSync } from "node:fs";
import type { BalanceCheck, BalanceDifference, LedgerStore } from "../../../accounts/money/ledger-store.ts";
import type { Sql } from "../../../stores/sql.ts";
import { balanceKeys, checkSqliteBalances } from "../../../stores/sqlite/money/ledger-check.ts";
import type { ProcessHost } from "../process-host.ts";
import type { SqliteConnection } from "./sqlite-file.ts";

export class LedgerCheckError extends Error {
  override readonly name = "LedgerCheckError";
}

/** What of the ledger is read to check it. */
type Ledger = Pick<LedgerStore, "listBalanceKeys" | "checkBalances">;

export type LedgerReport = {
  readonly keys: number;
  readonly balances: number;
  readonly differences: readonly BalanceDifference[];
  /** What was not compared, and why. */
  readonly skipped: readonly { readonly keyId: string; readonly reason: string }[];
};

/** Keys that are asked for at once. */
const PAGE = 1_000;
/** The release since which balances have an opening. */
const OPENING = "SELECT 1 FROM pragma_table_info('balances') WHERE name = 'opening_micros'";

/** Checks one key after the other, each at one moment. */
export async function checkLedger(ledger: Ledger): Promise<LedgerReport> {
  const seen = new Set<string>();
  const differences: BalanceDifference[] = [];
  const skipped: { keyId: string; reason: string }[] = [];
  let balances = 0;
  for (let after: string | null = null; ; ) {
    const page = await ledger.listBalanceKeys(after, PAGE);
    for (const keyId of page.keyIds) {
      if (seen.has(keyId)) continue;
      seen.add(keyId);
      const check = await ledger.checkBalances(keyId);
      balances += check.balances;
      differences.push(...check.differences);
      if (check.skipped !== null) skipped.push({ keyId, reason: check.skipped });
    }
    if (page.next === null) return { keys: seen.size, balances, differences, skipped };
    after = page.next;
  }
}

/**
 * Checks a database file, whoever else has it open; nothing is written, and its owner does not wait. Throws `LedgerCheckError`
 * where there is none, or one of an earlier release.
 */
export async function checkLedgerFile(
  host: Pick<ProcessHost, "openSqlite">,
  path: string,
): Promise<LedgerReport> {
  if (!existsSync(path))
    throw new LedgerCheckError(
      `There is no database at ${path}. Set CONDUIT_DATA_DIR to the data directory.`,
    );
  const connection = host.openSqlite(path);
  try {
    connection.execute("PRAGMA busy_timeout = 5000");
    connection.execute("PRAGMA query_only = ON");
    if (connection.sql.get(OPENING) === null)
      throw new LedgerCheckError(
        `The database at ${path} is of an earlier release. Start this release with it once, then check it.`,
      );
    return await checkLedger(ledgerOf(connection));
  } finally {
    connection.close();
  }
}

/** Each key is read in a transaction of its own: a long one would keep the log from being written back. */
function ledgerOf({ sql }: Pick<SqliteConnection, "sql">): Ledger {
  return {
    listBalanceKeys: async (after, limit) => balanceKeys(sql, after, limit),
    checkBalances: async (keyId) => atOneMoment(sql, () => checkSqliteBalances(sql, keyId)),
  };
}

function atOneMoment(sql: Sql, read: () => BalanceCheck): BalanceCheck {
  sql.run("BEGIN");
  try {
    return read();
  } finally {
    sql.run("COMMIT");
  }
}
