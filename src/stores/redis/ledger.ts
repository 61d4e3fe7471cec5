/** Money as it is read: balances, holds and movements. It moves with what it pays for; see scripts/parts/money.lua. */

import type { Balance, BudgetWindow, Hold, LedgerStore, Movement } from "../../accounts/ledger-store.ts";
import type { SessionDraft } from "../../realtime/session-store.ts";
import type { TaskDraft } from "../../tasks/ports/task-store.ts";
import { listOf, textOf } from "./replies.ts";
import type { Reply, ScriptRunner } from "./script-runner.ts";

/** What stands of a hold with what it pays for; when it was made, and in which windows, stand beside it. */
type StoredHold = Pick<Hold, "keyId" | "subject" | "customer" | "amountMicros" | "price" | "expiresAt">;

export function holdText(draft: TaskDraft | SessionDraft): string {
  const { keyId, subject } = "tenant" in draft ? draft.tenant : draft;
  const hold: StoredHold = {
    keyId,
    subject,
    customer: draft.customer,
    amountMicros: draft.reservedMicros,
    price: "price" in draft ? draft.price : null,
    expiresAt: null,
  };
  return JSON.stringify(hold);
}

export class RedisLedger implements LedgerStore {
  readonly #scripts: ScriptRunner;

  constructor(scripts: ScriptRunner) {
    this.#scripts = scripts;
  }

  async balance(keyId: string, customer: string | null, window: BudgetWindow): Promise<Balance> {
    const [reserved, charged] = listOf(await this.#scripts.run("balance", keyId, customer ?? "", window));
    return { reservedMicros: Number(reserved ?? 0), chargedMicros: Number(charged ?? 0) };
  }

  async listHolds(keyId: string, limit: number): Promise<Hold[]> {
    const holds = listOf(await this.#scripts.run("listHolds", keyId, String(limit)));
    return readable(holds, (reply) => {
      const [source, sourceId, createdAt, text, windows] = listOf(reply).map(textOf);
      return {
        ...(JSON.parse(text as string) as StoredHold),
        source: source as Hold["source"],
        sourceId: sourceId as string,
        windows: (windows as string).split(" ") as BudgetWindow[],
        createdAt: Number(createdAt),
      };
    });
  }

  async listMovements(
    keyId: string,
    { limit, before }: { limit: number; before: string | null },
  ): Promise<{ movements: Movement[]; hasMore: boolean }> {
    const texts = listOf(
      await this.#scripts.run("listMovements", keyId, String(limit + 1), before ?? ""),
    );
    const movements = readable(texts, (text) => {
      const movement = JSON.parse(textOf(text)) as Omit<Movement, "id">;
      return { id: `${movement.source}/${movement.sourceId}`, ...movement };
    });
    return { movements: movements.slice(0, limit), hasMore: texts.length > limit };
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
