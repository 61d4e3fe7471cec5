/** Balances during a commit: what is stored together with what its steps have changed, and the one writing of that. */

import type { BudgetWindow } from "../../../accounts/money/budgets.ts";
import type { Sql } from "../../sql.ts";

const BALANCE =
  "SELECT reserved_micros, charged_micros FROM balances WHERE key_id = ? AND customer = ? AND period = ?";
const BALANCE_OF_DAYS = `SELECT sum(reserved_micros) AS reserved_micros, sum(charged_micros) AS charged_micros FROM balances
  WHERE key_id = ? AND customer = ? AND period BETWEEN ? AND ?`;
const RAISE = `INSERT INTO balances (key_id, customer, period, reserved_micros, charged_micros) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT (key_id, customer, period) DO UPDATE SET
    reserved_micros = reserved_micros + excluded.reserved_micros,
    charged_micros = charged_micros + excluded.charged_micros`;

/** Micro-dollars. */
type Amounts = { reservedMicros: number; chargedMicros: number };
type Change = Amounts & { readonly window: BudgetWindow };
type Sum = Amounts & { readonly first: BudgetWindow; readonly last: BudgetWindow };

export class PendingBalances {
  /** By key and customer. */
  readonly #accounts = new Map<string, Map<string, PendingAccount>>();

  /** Of a key, or of one of its customers; it is good until the end of the step. */
  of(keyId: string, customer: string): PendingAccount {
    let ofKey = this.#accounts.get(keyId);
    if (ofKey === undefined) {
      ofKey = new Map();
      this.#accounts.set(keyId, ofKey);
    }
    let account = ofKey.get(customer);
    if (account === undefined) {
      account = new PendingAccount(keyId, customer);
      ofKey.set(customer, account);
    }
    return account;
  }

  write(sql: Sql): void {
    for (const ofKey of this.#accounts.values()) for (const account of ofKey.values()) account.write(sql);
    this.forget();
  }

  forget(): void {
    this.#accounts.clear();
  }
}

/** What a commit has changed in the balances of a key or a customer, and sums that were read in it. */
export class PendingAccount {
  readonly #keyId: string;
  readonly #customer: string;
  readonly #changes: Change[] = [];
  readonly #sums: Sum[] = [];
  /** Of the windows that were raised last, what an amount is added to. */
  #targets: { readonly windows: readonly BudgetWindow[]; readonly amounts: readonly Amounts[] } | null = null;

  constructor(keyId: string, customer: string) {
    this.#keyId = keyId;
    this.#customer = customer;
  }

  /** Adds to the balance of each window; the amounts may be negative. Micro-dollars. */
  raise(windows: readonly BudgetWindow[], reservedMicros: number, chargedMicros: number): void {
    if (this.#targets?.windows !== windows)
      this.#targets = { windows, amounts: windows.flatMap((window) => this.#amountsOf(window)) };
    for (const amounts of this.#targets.amounts) add(amounts, reservedMicros, chargedMicros);
  }

  /**
   * The balances of the windows from `first` to `last` together; zeros where there is nothing. The answer goes on changing with
   * what is raised: read it at once.
   */
  sum(sql: Sql, first: BudgetWindow, last: BudgetWindow): Readonly<Amounts> {
    for (const known of this.#sums) if (known.first === first && known.last === last) return known;
    const row =
      first === last
        ? sql.get(BALANCE, this.#keyId, this.#customer, first)
        : sql.get(BALANCE_OF_DAYS, this.#keyId, this.#customer, first, last);
    const reservedMicros = (row?.reserved_micros as number | null | undefined) ?? 0;
    const chargedMicros = (row?.charged_micros as number | null | undefined) ?? 0;
    const sum = { first, last, reservedMicros, chargedMicros };
    for (const change of this.#changes)
      if (isIn(sum, change.window)) add(sum, change.reservedMicros, change.chargedMicros);
    this.#sums.push(sum);
    this.#targets = null;
    return sum;
  }

  write(sql: Sql): void {
    for (const { window, reservedMicros, chargedMicros } of this.#changes)
      sql.run(RAISE, this.#keyId, this.#customer, window, reservedMicros, chargedMicros);
  }

  /** What counts an amount in the window: its change, and the sums it lies in. */
  #amountsOf(window: BudgetWindow): Amounts[] {
    let change = this.#changes.find((one) => one.window === window);
    if (change === undefined) {
      change = { window, reservedMicros: 0, chargedMicros: 0 };
      this.#changes.push(change);
    }
    return [change, ...this.#sums.filter((sum) => isIn(sum, window))];
  }
}

function add(to: Amounts, reservedMicros: number, chargedMicros: number): void {
  to.reservedMicros += reservedMicros;
  to.chargedMicros += chargedMicros;
}

/** Days are texts in the order of time; `total` stands alone. */
function isIn({ first, last }: Sum, window: BudgetWindow): boolean {
  return first <= window && window <= last;
}
