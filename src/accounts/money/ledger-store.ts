/**
 * The money port: what is held back, what was charged, and every movement it came from. Holds are made and settled by
 * the steps of the task store (and of the session store), never apart from what they pay for; here they are read.
 * Money is micro-dollars, times are the store's milliseconds.
 */

import type { BudgetPeriod } from "../../protocol/key.ts";
import type { Json } from "../../protocol/task.ts";
import type { RequestRate } from "../../tasks/ports/start-refusal.ts";
import type { AuditDraft } from "../audit-store.ts";
import type { Budget, BudgetWindow, SpendThreshold } from "./budgets.ts";

/** What a hold or a movement is for. */
export type MoneySource = "task" | "session";

/** Money held back for work under way. */
export type Hold = {
  readonly source: MoneySource;
  /** The task's or the session's id. */
  readonly sourceId: string;
  readonly keyId: string;
  /** The subject of the ephemeral key; `""` for the key itself. */
  readonly subject: string;
  readonly customer: string | null;
  readonly amountMicros: number;
  /** The price by which the amount was reckoned. */
  readonly price: Json;
  /** The windows it was held in: it is settled there, whenever that is. */
  readonly windows: readonly BudgetWindow[];
  readonly createdAt: number;
  /** When it is released by itself; null while what it pays for has an end of its own. */
  readonly expiresAt: number | null;
};

/** One entry of the ledger: what one piece of work cost, or what was billed for it after it was settled. */
export type Movement = {
  /** `<source>/<sourceId>`: there is one for each. Of a bill that came later, with what was billed before it: `…/<micros>`. */
  readonly id: string;
  readonly source: MoneySource;
  readonly sourceId: string;
  readonly keyId: string;
  readonly subject: string;
  readonly customer: string | null;
  /** `image`, `video` or `realtime`. */
  readonly type: string;
  /** The name the caller used. */
  readonly model: string;
  readonly provider: string;
  readonly chargedMicros: number;
  /** What the providers billed for it; null when none said. */
  readonly upstreamMicros: number | null;
  /** How much of that is beyond what was held: the gateway's own loss, besides what it does not charge. */
  readonly overrunMicros: number;
  readonly windows: readonly BudgetWindow[];
  readonly at: number;
};

/** Where a movement stands in its key's ledger. */
export type MovementPlace = Pick<Movement, "id" | "at">;

export type Balance = { readonly reservedMicros: number; readonly chargedMicros: number };

/** A budget in the period that runs now. */
export type BudgetState = Budget &
  Balance & {
    /** What grants add to the limit. */
    readonly grantedMicros: number;
    /** When the period is over; null: never. */
    readonly resetsAt: number | null;
    /** The highest threshold that was told of in this period; null: none. */
    readonly reached: SpendThreshold | null;
  };

/** How a key stands with its limits, by the store's clock. */
export type KeyStanding = {
  readonly at: number;
  readonly budgets: readonly BudgetState[];
  /** One for each limit that the key has. */
  readonly rates: readonly RequestRate[];
};

/** How a customer of a key stands. */
export type CustomerStanding = {
  /** Its own; null: the default of the key's customers counts. */
  readonly own: Budget | null;
  /** The budget that counts; null: no limit. */
  readonly budget: BudgetState | null;
};

/** A threshold of a budget that charges have reached: each is recorded once in a period. */
export type SpendMark = {
  readonly keyId: string;
  /** Whose budget; null: the key's own. */
  readonly customer: string | null;
  readonly period: BudgetPeriod;
  /** Which of its periods: `total`, a day, the Monday of a week, or a month (`2026-11`). */
  readonly window: string;
  readonly percent: SpendThreshold;
  /** The limit then, with its grants. */
  readonly limitMicros: number;
  readonly chargedMicros: number;
  readonly at: number;
};

/** A balance that is not what the entries it came from add up to. */
export type BalanceDifference = {
  readonly keyId: string;
  /** Null: of the whole key. */
  readonly customer: string | null;
  readonly window: BudgetWindow;
  /** `charged` against its opening and the movements, `reserved` against the holds. */
  readonly amount: "charged" | "reserved";
  readonly balanceMicros: number;
  readonly expectedMicros: number;
};

export type BalanceCheck = {
  /** How many balances were compared. */
  readonly balances: number;
  readonly differences: readonly BalanceDifference[];
  /** Why something was not compared; null when all was. */
  readonly skipped: string | null;
};

/** What a change of a customer's own budget is bound to. */
export type CustomerBudgetStep = {
  /** What the customer has to have until then; null: none of its own. Left out: whatever it has. */
  readonly before?: Budget | null;
  /** Written in the same step. */
  readonly audit?: AuditDraft;
};

export interface LedgerStore {
  /** How a key stands; null when there is no such key. */
  keyStanding(keyId: string): Promise<KeyStanding | null>;
  /** How a customer of a key stands, also one that never had a task; null when there is no such key. */
  customerStanding(keyId: string, customer: string): Promise<CustomerStanding | null>;
  /**
   * Gives a customer a budget of its own; null takes it away. `missing` when there is no such key, `stale` when the customer had
   * another one than `before`; then nothing was changed.
   */
  setCustomerBudget(
    keyId: string,
    customer: string,
    budget: Budget | null,
    step?: CustomerBudgetStep,
  ): Promise<"set" | "missing" | "stale">;
  /** The thresholds that charges of the key and its customers have reached, newest first, at most `limit`. */
  listSpendMarks(keyId: string, limit: number): Promise<SpendMark[]>;
  /** What is held and was charged in a window: of the whole key, or of one customer of it. Zeros where there was nothing. */
  balance(keyId: string, customer: string | null, window: BudgetWindow): Promise<Balance>;
  /** The key's holds, oldest first, at most `limit`. */
  listHolds(keyId: string, limit: number): Promise<Hold[]>;
  /** The key's movements, newest first; `before` is the last one of the page before. None when that one is gone. */
  listMovements(
    keyId: string,
    page: { limit: number; before: MovementPlace | null },
  ): Promise<{ movements: Movement[]; hasMore: boolean }>;
  /** Keys that have balances, about `limit` at a time; `next` is where to go on, null at the end. A key may come twice. */
  listBalanceKeys(
    after: string | null,
    limit: number,
  ): Promise<{ keyIds: readonly string[]; next: string | null }>;
  /**
   * Reckons the balances of one key anew: what was charged from the opening (movements that the retention removed) and the movements, what
   * is reserved from the holds. It reads the key's whole ledger: for commands, not for requests.
   */
  checkBalances(keyId: string): Promise<BalanceCheck>;
}
