/** What every step of the store is given. */

import type { OutboxOptions } from "../../events/outbox.ts";
import type { Sql } from "../sql.ts";
import type { PendingMoney } from "./money/pending-money.ts";
import type { TaskTable } from "./tasks/task-table.ts";

/** One body of a transaction, or of a read. A driver may run a body again, so nothing in it outlives the body. */
export type Transaction = {
  readonly sql: Sql;
  readonly tasks: TaskTable;
  /** Balances, usage and request rates as the steps of this commit have left them, which its end writes. */
  readonly money: PendingMoney;
  /** The store's time, ms: the same for everything in the step. */
  readonly now: number;
  /** A new epoch. */
  readonly epoch: () => string;
  /** Which domain events are written; null without a sink. */
  readonly outbox: OutboxOptions | null;
};
