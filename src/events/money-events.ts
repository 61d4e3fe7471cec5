/** The domain events of money: each movement of the ledger, and each threshold of a budget that was reached. */

import type { Movement, SpendMark } from "../accounts/money/ledger-store.ts";
import type { MoneyDomainEvent, ToldBudget } from "../protocol/domain-event.ts";

/** A movement was made; `budgets` are those it counts in, after it. Its id is the movement's. */
export function spendUpdate(
  movement: Omit<Movement, "windows">,
  budgets: readonly ToldBudget[],
): MoneyDomainEvent {
  const { id, at, keyId, customer, source, sourceId, subject, type, model, provider } = movement;
  const { chargedMicros, upstreamMicros, overrunMicros } = movement;
  const data = { source, sourceId, subject, type, model, provider };
  const money = { amountMicros: chargedMicros, upstreamMicros, overrunMicros, budgets };
  return { id, type: "SpendUpdateRequested", at, keyId, customer, data: { ...data, ...money } };
}

/** A threshold was reached; there is one event for each budget, period and threshold. */
export function thresholdReached(mark: SpendMark): MoneyDomainEvent {
  const { keyId, customer, at, period, window, percent, limitMicros, chargedMicros } = mark;
  const id = [keyId, period, window, percent, ...(customer === null ? [] : [customer])].join("/");
  const data = { period, window, percent, limitMicros, chargedMicros };
  return { id, type: "SpendThresholdReached", at, keyId, customer, data };
}
