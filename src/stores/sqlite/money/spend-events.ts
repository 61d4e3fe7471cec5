/** What the sink of events is told of a movement: the movement, and what has become of the budgets it counts in. */

import { type BudgetWindow, dayIn, periodName } from "../../../accounts/money/budgets.ts";
import type { Movement } from "../../../accounts/money/ledger-store.ts";
import { spendUpdate } from "../../../events/money-events.ts";
import type { ToldBudget } from "../../../protocol/domain-event.ts";
import { postEvent } from "../outbox/post.ts";
import type { Transaction } from "../transaction.ts";
import { balanceOfPeriod } from "./balances.ts";
import { budgetsOfPayer, type OwnedBudget } from "./thresholds.ts";

/** After the balances were changed. Costs nothing where no sink wants it. */
export function postSpend(
  tx: Transaction,
  movement: Omit<Movement, "windows" | "at">,
  windows: readonly BudgetWindow[],
): void {
  postEvent(tx, "SpendUpdateRequested", () => {
    const budgets = budgetsOfPayer(tx, movement).flatMap((owned) => toldBudget(tx, owned, windows));
    return spendUpdate({ ...movement, at: tx.now }, budgets);
  });
}

/** In the period that it was held in; nothing for a hold of an earlier release, which counts in no day. */
function toldBudget(
  tx: Transaction,
  { of, budget }: OwnedBudget,
  windows: readonly BudgetWindow[],
): ToldBudget[] {
  const { period, limitMicros } = budget;
  const day = period === "total" ? 0 : dayIn(windows);
  if (day === null) return [];
  const { chargedMicros, reservedMicros } = balanceOfPeriod(tx, of.keyId, of.customer, period, day);
  const window = periodName(period, day);
  return [{ customer: of.customer, period, window, limitMicros, chargedMicros, reservedMicros }];
}
