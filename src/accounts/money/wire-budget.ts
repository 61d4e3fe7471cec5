/** Budgets, grants and limits of requests in the shapes of the wire: dollars and ISO 8601. */

import type { WireBudget, WireBudgetState, WireGrant, WireRequestRate } from "../../protocol/key.ts";
import { dollars } from "../../tasks/dollars.ts";
import type { RequestRate } from "../../tasks/ports/start-refusal.ts";
import { isoTime } from "../../tasks/wire.ts";
import type { Budget, Grant } from "./budgets.ts";
import type { BudgetState } from "./ledger-store.ts";

export function wireBudget({ limitMicros, period }: Budget): WireBudget {
  return { limit: dollars(limitMicros), period };
}

/** A budget with what has become of it; `left` is never below nought. */
export function wireBudgetState(state: BudgetState): WireBudgetState {
  const { limitMicros, grantedMicros, chargedMicros, reservedMicros, resetsAt, reached } = state;
  return {
    ...wireBudget(state),
    granted: dollars(grantedMicros),
    charged: dollars(chargedMicros),
    reserved: dollars(reservedMicros),
    left: dollars(Math.max(0, limitMicros + grantedMicros - chargedMicros - reservedMicros)),
    resetsAt: resetsAt === null ? null : isoTime(resetsAt),
    reached,
  };
}

export function wireGrants(grants: readonly Grant[]): WireGrant[] {
  return grants.map(({ amountMicros, expiresAt }) => ({
    amount: dollars(amountMicros),
    expiresAt: isoTime(expiresAt),
  }));
}

/** `at` is the moment that the rate was looked at. */
export function wireRequestRate(
  { per, limit, remaining, resetMs }: RequestRate,
  at: number,
): WireRequestRate {
  return { per, limit, remaining, resetsAt: isoTime(at + resetMs) };
}
