/**
 * The one store on SQLite: under Bun and Deno a file (or `:memory:`, for tests), on Workers a Durable Object's SQL.
 * Each method is one step; what belongs together stands in a folder of its own.
 */

import { cryptoRandom, type RandomFill } from "../../tasks/ids.ts";
import type { Store } from "../store.ts";
import { auditMethods } from "./accounts/audit.ts";
import { endpointMethods } from "./accounts/endpoints.ts";
import { ephemeralKeyMethods } from "./accounts/ephemeral-keys.ts";
import { accountMethods } from "./accounts/keys.ts";
import { batchMethods } from "./batches/methods.ts";
import { deliveryMethods } from "./deliveries/methods.ts";
import { releaseWork } from "./due-work/queues.ts";
import { ledgerMethods } from "./money/ledger.ts";
import { usageMethods } from "./money/usage.ts";
import { outboxMethods, releaseOutbox } from "./outbox/methods.ts";
import { releaseHeld } from "./queue/leases.ts";
import { sessionMethods } from "./sessions/methods.ts";
import { taskMethods } from "./tasks/methods.ts";
import { renewTaskEpochs, renewTenantEpochs } from "./tasks/new-epochs.ts";
import type { Transaction } from "./transaction.ts";
import { Transactions, type TransactionsOptions } from "./transactions.ts";

export type SqliteStoreOptions = Omit<TransactionsOptions, "random"> & { random?: RandomFill };

export type SqliteStore = Store & {
  /**
   * Voids every lease and follower of an earlier boot. Call it once, at the start of the process that owns the
   * data, before anything is claimed. Answers how many tasks are claimable again.
   */
  releaseLeases(): Promise<number>;
  /** Gives every log that goes on a new epoch: its data was restored, and what came after the backup is gone. */
  renewEpochs(): Promise<void>;
};

/** Rows that one body of a longer job handles, so that no other step waits long behind it. */
const CHUNK = 500;

/**
 * Opens the store in the database, bringing its data to the shape of this release first; methods wait for that. When it
 * fails - a newer release wrote it, or it cannot be written - every method rejects with the reason; `ping` tells at once.
 */
export function createSqliteStore(options: SqliteStoreOptions): SqliteStore {
  const transactions = new Transactions({ random: cryptoRandom, ...options });
  return {
    ...taskMethods(transactions),
    ...batchMethods(transactions),
    ...accountMethods(transactions),
    ...auditMethods(transactions),
    ...ephemeralKeyMethods(transactions),
    ...ledgerMethods(transactions),
    ...usageMethods(transactions),
    ...endpointMethods(transactions),
    ...deliveryMethods(transactions),
    ...sessionMethods(transactions),
    ...outboxMethods(transactions),
    async ping() {
      await transactions.write(({ sql, now }) =>
        sql.run("INSERT OR REPLACE INTO probes (name, at) VALUES ('health', ?)", now),
      );
    },
    async close() {
      transactions.close();
    },
    async releaseLeases() {
      let released = 0;
      for (let chunk = CHUNK; chunk === CHUNK; released += chunk)
        chunk = await transactions.write((tx) => releaseHeld(tx, CHUNK));
      await transactions.write(releaseRest);
      return released;
    },
    async renewEpochs() {
      let tenant: { keyId: string; subject: string } | null = { keyId: "", subject: "" };
      while (tenant !== null) {
        const after: { keyId: string; subject: string } = tenant;
        tenant = await transactions.write((tx) => renewTenantEpochs(tx, after, CHUNK));
      }
      let row: number | null = 0;
      while (row !== null) {
        const after: number = row;
        row = await transactions.write((tx) => renewTaskEpochs(tx, after, CHUNK));
      }
    },
  };
}

/** Work, sessions and followers of an earlier boot. */
function releaseRest(tx: Transaction): void {
  const { sql, now } = tx;
  releaseWork(tx);
  releaseOutbox(tx);
  sql.run("UPDATE sessions SET lease_until = ?1 WHERE lease_until > ?1", now);
  sql.run("UPDATE tasks SET followed = NULL WHERE followed IS NOT NULL");
  sql.run("UPDATE tenants SET followed = 0 WHERE followed = 1");
}
