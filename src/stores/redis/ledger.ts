/** Money as it is read: balances, holds and movements. It moves with what it pays for; see scripts/parts/money.lua. */

import {
  type Balance,
  BUDGET_WINDOWS,
  type BudgetWindow,
  type Hold,
  type LedgerStore,
  type Movement,
  type MovementPlace,
} from "../../accounts/ledger-store.ts";
import type { Json } from "../../protocol/task.ts";
import type { Reply } from "./server/replies.ts";
import { listReply, numberOf, textOf } from "./server/replies.ts";
import type { ScriptRunner } from "./server/script-runner.ts";

/** The windows of a hold that names none. */
const FIRST_WINDOWS = "total";

/**
 * The field of a hold in the hash of the task or session that it pays for: the windows it is held in. Its amount, price, key
 * and customer are fields of that task or session already.
 */
export function holdFields(): string[] {
  const windows = BUDGET_WINDOWS.join(" ");
  return windows === FIRST_WINDOWS ? [] : ["windows", windows];
}

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

export class RedisLedger implements LedgerStore {
  readonly #scripts: ScriptRunner;

  constructor(scripts: ScriptRunner) {
    this.#scripts = scripts;
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
        windows: textOf(windows ?? FIRST_WINDOWS).split(" ") as BudgetWindow[],
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
}

/** What can be read of many; the rest is left out. */
export function readable<T>(replies: readonly Reply[], read: (reply: Reply) => T): T[] {
  return replies.flatMap((reply) => {
    try {
      return [read(reply)];
    } catch {
      return [];
    }
  });
}
