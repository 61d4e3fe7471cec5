/** Budgets of keys: a task is taken only where what it holds back fits into what is left, however many ask at once. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { StepTransition } from "../../../src/tasks/transition.ts";
import { createSeededRandom } from "../../fixture/seeded-random.ts";
import { virtualKey } from "../../fixture/virtual-key.ts";
import { Bench, COMPLETE, RESERVED, type StoreContract, scopeOf } from "../store-harness.ts";
import { fail } from "./leftovers.ts";

const NOTHING = { reservedMicros: 0, chargedMicros: 0 };

export function budgetContract(contract: StoreContract): void {
  describe("a budget", () => {
    let bench: Bench;
    const balance = (keyId = "a", customer: string | null = null) =>
      bench.store.balance(keyId, customer, "total");
    const holds = () => bench.store.listHolds("a", 1_000);
    const complete = (costMicros: number) => ({ ...COMPLETE, costMicros }) as StepTransition;
    const sum = (amounts: readonly number[]) => amounts.reduce((total, amount) => total + amount, 0);
    const LIMIT = RESERVED * 3;
    const budgets = (limitMicros = LIMIT) => [{ limitMicros, period: "total" as const }];
    const setBudget = (limitMicros: number, keyId = "a") =>
      bench.store.updateKey(keyId, { budgets: budgets(limitMicros) }, bench.now());
    beforeEach(async () => {
      bench = await Bench.open(contract);
      await setBudget(LIMIT);
    });
    afterEach(() => bench.dispose());

    test("takes tasks as long as they fit, and then says what is used of it", async () => {
      for (let task = 0; task < 3; task++) await bench.submit();
      expect(await bench.create()).toEqual({
        outcome: "budget_exceeded",
        period: "total",
        customer: null,
        limitMicros: LIMIT,
        chargedMicros: 0,
        reservedMicros: LIMIT,
        resetsAt: null,
        rate: null,
      });
      await bench.apply(await bench.claimOne(), complete(400));
      expect(await bench.create()).toMatchObject({ chargedMicros: 400, reservedMicros: RESERVED * 2 });
      expect((await bench.create({ reservedMicros: RESERVED - 400 })).outcome).toBe("created");
      expect((await bench.create({ reservedMicros: 1 })).outcome).toBe("budget_exceeded");
      expect(await holds()).toHaveLength(3);
    });

    test("is given back what a task did not use, and what failed", async () => {
      for (let task = 0; task < 3; task++) await bench.submit();
      await bench.apply(await bench.claimOne(), fail(true));
      await bench.submit();
      expect((await bench.create()).outcome).toBe("budget_exceeded");
    });

    test("that is used up takes what is free, and repeats of what it took before", async () => {
      const idempotency = { key: "k", fingerprint: "f", ttlMs: 60_000 };
      await bench.submit({ reservedMicros: LIMIT, idempotency });
      expect((await bench.create({ reservedMicros: LIMIT, idempotency })).outcome).toBe("replayed");
      expect((await bench.create({ reservedMicros: 0, price: null })).outcome).toBe("created");
      expect((await bench.create({ reservedMicros: 1 })).outcome).toBe("budget_exceeded");
    });

    test("leaves nothing behind of a task that it does not take", async () => {
      const refused = bench.draft({ reservedMicros: LIMIT + 1, customer: "cust" });
      expect((await bench.store.create(refused, { maxQueuedPerKey: 100 })).outcome).toBe("budget_exceeded");
      expect(await bench.store.get(scopeOf("a"), refused.id)).toBeNull();
      expect(await balance()).toEqual(NOTHING);
      expect(await balance("a", "cust")).toEqual(NOTHING);
      expect(await holds()).toEqual([]);
      expect((await bench.stat()).ready).toBe(0);
    });

    test("is its key's alone, counts what was spent before it was set, and can be changed and lifted", async () => {
      for (let task = 0; task < 3; task++) {
        await bench.submit({ keyId: "b" });
        await bench.submit();
      }
      await bench.submit({ keyId: "b" });
      await setBudget(RESERVED * 4, "b");
      expect((await bench.create({ keyId: "b" })).outcome).toBe("budget_exceeded");
      await setBudget(LIMIT + RESERVED);
      await bench.submit();
      expect((await bench.create()).outcome).toBe("budget_exceeded");
      await bench.store.updateKey("a", { name: "changed otherwise" }, bench.now());
      expect((await bench.create()).outcome).toBe("budget_exceeded");
      expect(await bench.store.updateKey("a", { budgets: [] }, bench.now())).toMatchObject({
        key: { budgets: [] },
      });
      await bench.submit();
      expect((await bench.store.getKey("a"))?.budgets).toEqual([]);
    });

    test("comes with a new key", async () => {
      await bench.store.createKey(virtualKey({ id: "d", budgets: budgets(0) }));
      expect((await bench.store.getKey("d"))?.budgets).toEqual(budgets(0));
      expect((await bench.create({ keyId: "d", reservedMicros: 1 })).outcome).toBe("budget_exceeded");
      expect((await bench.create({ keyId: "d", reservedMicros: 0, price: null })).outcome).toBe("created");
    });

    test("is never exceeded, however many requests race for what is left of it", async () => {
      await setBudget(RESERVED * 10);
      const random = createSeededRandom(5);
      for (let round = 0; round < 6; round++) {
        const prices = Array.from({ length: 40 }, () => 1 + random.below(RESERVED));
        const outcomes = await Promise.all(
          prices.map((reservedMicros) => bench.create({ reservedMicros, subject: random.pick(["", "ann"]) })),
        );
        const taken = prices.filter((_, index) => outcomes[index]?.outcome === "created");
        const { reservedMicros, chargedMicros } = await balance();
        expect(reservedMicros + chargedMicros).toBeLessThanOrEqual(RESERVED * 10);
        expect(taken.length).toBeLessThan(40);
        for (const refused of outcomes) expect(["created", "budget_exceeded"]).toContain(refused.outcome);
        for (const claim of await bench.claim(40))
          await bench.apply(claim, complete(random.below(RESERVED / 2)));
      }
      const { reservedMicros, chargedMicros } = await balance();
      expect(reservedMicros).toBe(sum((await holds()).map(({ amountMicros }) => amountMicros)));
      expect(chargedMicros).toBe(
        sum(
          (await bench.store.listMovements("a", { limit: 1_000, before: null })).movements.map(
            (movement) => movement.chargedMicros,
          ),
        ),
      );
    });
  });
}
