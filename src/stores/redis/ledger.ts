/** Money as it is read: balances, holds and movements. It moves with what it pays for; see scripts/parts/money/money.lua. */

import {
  type Budget,
  type BudgetWindow,
  dayNumberOf,
  FIRST_WINDOWS,
  periodEnd,
  type SpendThreshold,
} from "../../accounts/money/budgets.ts";
import type {
  Balance,
  BalanceCheck,
  BudgetState,
  CustomerBudgetStep,
  CustomerStanding,
  Hold,
  KeyStanding,
  LedgerStore,
  Movement,
  MovementPlace,
  SpendMark,
} from "../../accounts/money/ledger-store.ts";
import type { BudgetPeriod } from "../../protocol/key.ts";
import type { Json } from "../../protocol/task.ts";
import { auditArguments } from "./accounts/audit.ts";
import { checkRedisBalances } from "./ledger-check.ts";
import type { Reply } from "./server/replies.ts";
import { listReply, numberOf, readable, textOf } from "./server/replies.ts";
import type { ScriptRunner } from "./server/script-runner.ts";
import { readRate } from "./start-refusal.ts";

/** The windows of every hold but for its day, which the server adds. A hold's windows stand in the hash of what it pays for. */
export const TIMELESS_WINDOWS = FIRST_WINDOWS.join(" ");
/** The cursor with which a scan of names begins, and which it answers at its end. */
const SCAN_START = "0";

/** What stands of a movement under its id, in its key's ledger. */
type StoredMovement = Omit<Movement, "id" | "source" | "sourceId" | "keyId">;

const MISSING_IN_MOVEMENT: Pick<
  Movement,
  "subject" | "customer" | "upstreamMicros" | "overrunMicros" | "windows"
> = {
  subject: "",
  customer: null,
  upstreamMicros: null,
  overrunMicros: 0,
  windows: ["total"],
};

/** A movement's JSON as far as its caller knows it; what is as if it were missing is left out. */
export function movementText(
  movement: Omit<StoredMovement, "windows" | "at" | "chargedMicros"> & { chargedMicros?: number },
): string {
  const { subject, customer, upstreamMicros, overrunMicros, ...rest } = movement;
  const told = {
    ...rest,
    ...(subject !== "" && { subject }),
    ...(customer !== null && { customer }),
    ...(upstreamMicros !== null && { upstreamMicros }),
    ...(overrunMicros !== 0 && { overrunMicros }),
  };
  return JSON.stringify(told).slice(0, -1);
}

/** In the place of the budget that a customer has to have. */
const WHATEVER = "*";

/** What stands in the store of a customer's own budget; nothing for none. Two that are the same are the same text. */
function budgetText(budget: Budget | null): string {
  return budget === null ? "" : JSON.stringify({ limitMicros: budget.limitMicros, period: budget.period });
}

/** Period, its name, per cent, customer. */
const MARK = /^(\S+) (\S+) (\d+) (.*)$/s;

export class RedisLedger implements LedgerStore {
  readonly #scripts: ScriptRunner;

  constructor(scripts: ScriptRunner) {
    this.#scripts = scripts;
  }

  async keyStanding(keyId: string): Promise<KeyStanding | null> {
    const reply = await this.#scripts.run("keyStanding", keyId);
    if (reply === null) return null;
    const [moment, budgets, rates] = listReply(reply);
    const at = numberOf(moment);
    return {
      at,
      budgets: listReply(budgets).map((budget) => readBudget(budget, at)),
      rates: listReply(rates).map(readRate),
    };
  }

  async customerStanding(keyId: string, customer: string): Promise<CustomerStanding | null> {
    const reply = await this.#scripts.run("customerStanding", keyId, customer);
    if (reply === null) return null;
    const [moment, own, budgets] = listReply(reply);
    const [budget] = listReply(budgets);
    const text = textOf(own);
    return {
      own: text === "" ? null : (JSON.parse(text) as Budget),
      budget: budget === undefined ? null : readBudget(budget, numberOf(moment)),
    };
  }

  async setCustomerBudget(
    keyId: string,
    customer: string,
    budget: Budget | null,
    { before, audit }: CustomerBudgetStep = {},
  ): Promise<"set" | "missing" | "stale"> {
    const found = before === undefined ? WHATEVER : budgetText(before);
    const entry = auditArguments(audit ?? null);
    const told = await this.#scripts.run(
      "setCustomerBudget",
      keyId,
      customer,
      budgetText(budget),
      found,
      ...entry,
    );
    return textOf(told) as "set" | "missing" | "stale";
  }

  async listSpendMarks(keyId: string, limit: number): Promise<SpendMark[]> {
    const marks = listReply(await this.#scripts.run("listSpendMarks", keyId, String(limit)));
    return readable(marks, (reply) => {
      const [name = "", text = ""] = listReply(reply).map(textOf);
      const [, period, window, percent, customer] = MARK.exec(name) ?? [];
      return {
        keyId,
        customer: customer || null,
        period: period as BudgetPeriod,
        window: window as string,
        percent: Number(percent) as SpendThreshold,
        ...(JSON.parse(text) as Pick<SpendMark, "limitMicros" | "chargedMicros" | "at">),
      };
    });
  }

  async balance(keyId: string, customer: string | null, window: BudgetWindow): Promise<Balance> {
    const [reserved, charged] = listReply(await this.#scripts.run("balance", keyId, window, customer ?? ""));
    return { reservedMicros: Number(reserved), chargedMicros: Number(charged) };
  }

  async listHolds(keyId: string, limit: number): Promise<Hold[]> {
    const holds = listReply(await this.#scripts.run("listHolds", keyId, String(limit)));
    return readable(holds, (reply) => {
      const [source, sourceId, createdAt, keyId, subject, customer, spec, amount, price, windows] =
        listReply(reply);
      const inSpec = JSON.parse(textOf(spec ?? "{}")) as { customer?: string };
      return {
        source: textOf(source) as Hold["source"],
        sourceId: textOf(sourceId),
        keyId: textOf(keyId),
        subject: textOf(subject ?? ""),
        customer: customer ? textOf(customer) : (inSpec.customer ?? null),
        amountMicros: numberOf(amount),
        price: price ? (JSON.parse(textOf(price)) as Json) : null,
        windows: textOf(windows ?? TIMELESS_WINDOWS).split(" ") as BudgetWindow[],
        createdAt: numberOf(createdAt),
        expiresAt: null,
      };
    });
  }

  async listMovements(
    keyId: string,
    { limit, before }: { limit: number; before: MovementPlace | null },
  ): Promise<{ movements: Movement[]; hasMore: boolean }> {
    const pairs = listReply(
      await this.#scripts.run("listMovements", keyId, String(limit + 1), before?.id ?? ""),
    );
    const movements = readable(pairs, (pair): Movement => {
      const [id = "", text = ""] = listReply(pair).map(textOf);
      const [source, sourceId] = id.split("/", 2);
      return {
        id,
        source: source as Movement["source"],
        sourceId: sourceId as string,
        keyId,
        ...MISSING_IN_MOVEMENT,
        ...(JSON.parse(text) as StoredMovement),
      };
    });
    return { movements: movements.slice(0, limit), hasMore: pairs.length > limit };
  }

  async listBalanceKeys(
    after: string | null,
    limit: number,
  ): Promise<{ keyIds: readonly string[]; next: string | null }> {
    const reply = await this.#scripts.run("listBalanceKeys", after ?? SCAN_START, String(limit));
    const [next, keys] = listReply(reply);
    return { keyIds: listReply(keys).map(textOf), next: textOf(next) === SCAN_START ? null : textOf(next) };
  }

  checkBalances(keyId: string): Promise<BalanceCheck> {
    return checkRedisBalances(this.#scripts, keyId);
  }
}

function readBudget(reply: Reply, at: number): BudgetState {
  const [named, ...texts] = listReply(reply);
  const period = textOf(named) as BudgetPeriod;
  const [limitMicros = 0, grantedMicros = 0, reservedMicros = 0, chargedMicros = 0, reached = 0] = texts.map(
    (text) => Number(text),
  );
  return {
    limitMicros,
    period,
    grantedMicros,
    reservedMicros,
    chargedMicros,
    resetsAt: periodEnd(period, dayNumberOf(at)),
    reached: reached === 0 ? null : (reached as SpendThreshold),
  };
}
