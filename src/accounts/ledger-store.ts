/**
 * The money port: what is held back, what was charged, and every movement it came from. Holds are made and settled by
 * the steps of the task store (and of the session store), never apart from what they pay for; here they are read.
 * Money is micro-dollars, times are the store's milliseconds.
 */

import { BUDGET_PERIODS } from "../protocol/key.ts";
import type { Json } from "../protocol/task.ts";

/** What a hold or a movement is for. */
export type MoneySource = "task" | "session";

/** A period a budget counts in, and so a balance is kept for. */
export const BUDGET_WINDOWS = BUDGET_PERIODS;
export type BudgetWindow = (typeof BUDGET_WINDOWS)[number];

/** What a key may spend in a window: charges and holds together. */
export type Budget = { readonly limitMicros: number; readonly period: BudgetWindow };

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

/** One entry of the ledger: what one piece of work cost. */
export type Movement = {
  /** `<source>/<sourceId>`: there is one for each. */
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

export interface LedgerStore {
  /** What is held and was charged in a window: of the whole key, or of one customer of it. Zeros where there was nothing. */
  balance(keyId: string, customer: string | null, window: BudgetWindow): Promise<Balance>;
  /** The key's holds, oldest first, at most `limit`. */
  listHolds(keyId: string, limit: number): Promise<Hold[]>;
  /** The key's movements, newest first; `before` is the last one of the page before. None when that one is gone. */
  listMovements(
    keyId: string,
    page: { limit: number; before: MovementPlace | null },
  ): Promise<{ movements: Movement[]; hasMore: boolean }>;
}
