/** What limits a key and its customers during a commit: read once, however many steps ask. */

import type { Budget } from "../../../accounts/money/budgets.ts";
import type { Sql } from "../../sql.ts";
import { budgetsOf, customerBudgetOf, type KeyLimits, limitsOf } from "./key-limits.ts";

const KEY = "SELECT budgets, limits FROM keys WHERE id = ?";
const OWN = "SELECT budget FROM customer_budgets WHERE key_id = ? AND customer = ?";

/** Every limit of a key. */
export type AllLimits = KeyLimits & { readonly budgets: readonly Budget[] };

/** Whoever changes these rows calls `forget` in the same step. */
export class PendingLimits {
  readonly #keys = new Map<string, { limits: AllLimits; customers: Map<string, Budget | null> }>();

  /** Those of a key; none where the key is not there. */
  of(sql: Sql, keyId: string): AllLimits {
    return this.#key(sql, keyId).limits;
  }

  /** The budget that counts for a customer: its own, or what the key gives to each; null: no limit. */
  ofCustomer(sql: Sql, keyId: string, customer: string): Budget | null {
    const { limits, customers } = this.#key(sql, keyId);
    const known = customers.get(customer);
    if (known !== undefined) return known;
    const budget = customerBudgetOf(sql.get(OWN, keyId, customer)?.budget) ?? limits.customerBudget;
    customers.set(customer, budget);
    return budget;
  }

  forget(): void {
    this.#keys.clear();
  }

  #key(sql: Sql, keyId: string) {
    let key = this.#keys.get(keyId);
    if (key === undefined) {
      const row = sql.get(KEY, keyId);
      const limits = { ...limitsOf(row?.limits), budgets: budgetsOf(row?.budgets) };
      key = { limits, customers: new Map() };
      this.#keys.set(keyId, key);
    }
    return key;
  }
}
