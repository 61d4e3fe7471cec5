/** What the steps of one commit do to money, kept in memory until the commit's end writes it, and the limits they do it under. */

import type { CommitEnd, Sql } from "../../sql.ts";
import { PendingBalances } from "./pending-balances.ts";
import { PendingLimits } from "./pending-limits.ts";
import { PendingRates } from "./pending-rates.ts";
import { PendingUsage } from "./pending-usage.ts";

/**
 * Tasks of one commit mostly share a key, so that each would change the same few rows. Whoever reads or removes these rows
 * with statements of its own, in a step that writes, calls `write` first.
 */
export class PendingMoney implements CommitEnd {
  readonly balances = new PendingBalances();
  readonly usage = new PendingUsage();
  readonly rates = new PendingRates();
  readonly limits = new PendingLimits();

  write(sql: Sql): void {
    this.balances.write(sql);
    this.usage.write(sql);
    this.rates.write(sql);
    this.limits.forget();
  }

  forget(): void {
    this.balances.forget();
    this.usage.forget();
    this.rates.forget();
    this.limits.forget();
  }
}
