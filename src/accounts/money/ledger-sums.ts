/** Comparing balances with the entries they came from, whichever store both stand in. */

import type { BudgetWindow } from "./budgets.ts";
import type { BalanceCheck, BalanceDifference } from "./ledger-store.ts";

/** A balance as it stands. */
export type StoredBalance = {
  readonly customer: string | null;
  readonly window: BudgetWindow;
  readonly reservedMicros: number;
  readonly chargedMicros: number;
  /** What movements that are gone came to. */
  readonly openingMicros: number;
};

/** The window that is kept as long as its key; the balances of others are removed before their movements are. */
const LASTING: BudgetWindow = "total";

/** Adds up entries of one key, and compares the sums with its balances. */
export class LedgerSums {
  readonly #charged = new Map<string, number>();
  readonly #reserved = new Map<string, number>();

  addCharge(customer: string | null, windows: readonly BudgetWindow[], micros: number): void {
    add(this.#charged, customer, windows, micros);
  }

  addHold(customer: string | null, windows: readonly BudgetWindow[], micros: number): void {
    add(this.#reserved, customer, windows, micros);
  }

  compare(keyId: string, balances: readonly StoredBalance[], skipped: string | null = null): BalanceCheck {
    const differences: BalanceDifference[] = [];
    const compare = (
      { customer, window }: Pick<StoredBalance, "customer" | "window">,
      amount: BalanceDifference["amount"],
      balanceMicros: number,
      expectedMicros: number,
    ) => {
      if (balanceMicros !== expectedMicros)
        differences.push({ keyId, customer, window, amount, balanceMicros, expectedMicros });
    };
    const seen = new Set<string>();
    for (const balance of balances) {
      const place = placeOf(balance.customer, balance.window);
      seen.add(place);
      const charged = balance.openingMicros + (this.#charged.get(place) ?? 0);
      compare(balance, "charged", balance.chargedMicros, charged);
      compare(balance, "reserved", balance.reservedMicros, this.#reserved.get(place) ?? 0);
    }
    for (const [amount, sums] of [
      ["charged", this.#charged],
      ["reserved", this.#reserved],
    ] as const)
      for (const [place, expected] of sums) {
        const missing = whereIs(place);
        if (!seen.has(place) && missing.window === LASTING) compare(missing, amount, 0, expected);
      }
    return { balances: balances.length, differences, skipped };
  }
}

/** Of the whole key, and of the customer if one was named. */
function add(
  sums: Map<string, number>,
  customer: string | null,
  windows: readonly BudgetWindow[],
  micros: number,
): void {
  if (micros === 0) return;
  for (const window of windows)
    for (const whose of customer === null || customer === "" ? [null] : [null, customer]) {
      const place = placeOf(whose, window);
      sums.set(place, (sums.get(place) ?? 0) + micros);
    }
}

function placeOf(customer: string | null, window: BudgetWindow): string {
  return `${window}:${customer ?? ""}`;
}

function whereIs(place: string): { customer: string | null; window: BudgetWindow } {
  const colon = place.indexOf(":");
  return {
    customer: place.slice(colon + 1) || null,
    window: place.slice(0, colon) as BudgetWindow,
  };
}
