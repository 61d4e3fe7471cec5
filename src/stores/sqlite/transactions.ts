/** Runs the steps of the store, once the database has the shape of this release. */

import type { OutboxOptions } from "../../events/outbox.ts";
import { type RandomFill, randomToken } from "../../tasks/ids.ts";
import { DATA_RELEASE, type DataRelease } from "../release.ts";
import type { Sql, SqlDatabase } from "../sql.ts";
import { type FieldTable, TASK_FIELDS } from "../task-fields.ts";
import { PendingMoney } from "./money/pending-money.ts";
import { openSchema } from "./schema/open.ts";
import { TaskTable } from "./tasks/task-table.ts";
import { setDamagedAside } from "./tasks/unreadable.ts";
import type { Transaction } from "./transaction.ts";

export type TransactionsOptions = {
  database: SqlDatabase;
  /** Wall clock in ms: the time that decides leases, due dates and deadlines. */
  now: () => number;
  random: RandomFill;
  /** Every stored field of a task. Default: this release's. */
  fields?: FieldTable;
  /** What this release writes, and who may read it. */
  release?: DataRelease;
  /** Which domain events are written. Default: none. */
  outbox?: () => OutboxOptions | null;
};

/** Characters of an epoch: with 62^10 values none is drawn twice. */
const EPOCH_LENGTH = 10;

export class Transactions {
  readonly #database: SqlDatabase;
  readonly #tasks: TaskTable;
  readonly #money = new PendingMoney();
  readonly #now: () => number;
  readonly #epoch: () => string;
  readonly #outbox: () => OutboxOptions | null;
  /** Resolves when the database has this release's shape; null from then on. */
  #opening: Promise<void> | null;

  constructor(options: TransactionsOptions) {
    const { database, now, random, fields = TASK_FIELDS, release = DATA_RELEASE, outbox } = options;
    this.#database = database;
    database.endWith(this.#money);
    this.#outbox = outbox ?? (() => null);
    this.#tasks = new TaskTable(fields);
    this.#now = now;
    this.#epoch = () => randomToken(EPOCH_LENGTH, random);
    this.#opening = openSchema((body) => this.#transact(body), fields, release).then(() => {
      this.#opening = null;
    });
    // Every method rejects with the reason; without a call there is no one to tell.
    this.#opening.catch(() => {});
  }

  write<T>(body: (tx: Transaction) => T): Promise<T> {
    if (this.#opening === null) return this.#transact(body);
    return this.#opening.then(() => this.#transact(body));
  }

  async read<T>(body: (tx: Transaction) => T): Promise<T> {
    if (this.#opening !== null) await this.#opening;
    const answer = this.#database.read((sql) => {
      try {
        return body(this.#step(sql));
      } finally {
        // Nothing was changed, and what was read is another's soon.
        this.#money.forget();
      }
    });
    // What was read is right also where nothing can be written; whoever comes to the row next notes it again.
    if (this.#tasks.sawDamaged) await this.#transact(() => {}).catch(() => {});
    return answer;
  }

  /** The text of a new task's fixed fields. */
  specText(draft: object): string {
    return this.#tasks.specText(draft);
  }

  close(): void {
    this.#database.close();
  }

  #transact<T>(body: (tx: Transaction) => T): Promise<T> {
    return this.#database.transact((sql) => {
      const tx = this.#step(sql);
      const answer = body(tx);
      if (this.#tasks.sawDamaged) setDamagedAside(tx);
      return answer;
    });
  }

  #step(sql: Sql): Transaction {
    return {
      sql,
      tasks: this.#tasks,
      money: this.#money,
      now: this.#now(),
      epoch: this.#epoch,
      outbox: this.#outbox(),
    };
  }
}
