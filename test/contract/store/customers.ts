/** Customers of keys: each has a balance and may have a budget, within those of its key. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Budget } from "../../../src/accounts/money/budgets.ts";
import type { StepTransition } from "../../../src/tasks/transition.ts";
import { Bench, COMPLETE, RESERVED, type StoreContract } from "../store-harness.ts";

export function customerContract(contract: StoreContract): void {
  describe("a customer", () => {
    let bench: Bench;
    beforeEach(async () => {
      bench = await Bench.open(contract);
    });
    afterEach(() => bench.dispose());

    const complete = (costMicros: number) => ({ ...COMPLETE, costMicros }) as StepTransition;
    const daily = (tasks: number): Budget => ({ limitMicros: RESERVED * tasks, period: "daily" });
    const setBudget = (keyId: string, customer: string, budget: Budget | null) =>
      bench.store.setCustomerBudget(keyId, customer, budget);
    const byDefault = (customerBudget: Budget | null) =>
      bench.store.updateKey("a", { customerBudget }, bench.now());
    const outcome = async (customer: string | null) => (await bench.create({ customer })).outcome;

    test("has its key's default budget, each for itself, and who is none has none", async () => {
      expect(await byDefault(daily(1))).toMatchObject({ key: { customerBudget: daily(1) } });
      expect(await outcome("ann")).toBe("created");
      expect(await bench.create({ customer: "ann" })).toMatchObject({
        outcome: "budget_exceeded",
        period: "daily",
        customer: "ann",
        limitMicros: RESERVED,
        reservedMicros: RESERVED,
      });
      expect(await outcome("bob")).toBe("created");
      for (let task = 0; task < 3; task++) expect(await outcome(null)).toBe("created");
      expect((await bench.create({ customer: "ann", reservedMicros: 0, price: null })).outcome).toBe(
        "created",
      );
      await byDefault(null);
      expect(await outcome("ann")).toBe("created");
    });

    test("may have a budget of its own, which counts in the default's place until it is taken away", async () => {
      await byDefault(daily(1));
      const own: Budget = { limitMicros: RESERVED * 2, period: "total" };
      expect(await setBudget("a", "é: ann", own)).toBe("set");
      for (let task = 0; task < 2; task++) expect(await outcome("é: ann")).toBe("created");
      expect(await bench.create({ customer: "é: ann" })).toMatchObject({ period: "total" });
      expect(await bench.store.customerStanding("a", "é: ann")).toEqual({
        own,
        budget: {
          ...own,
          grantedMicros: 0,
          reservedMicros: RESERVED * 2,
          chargedMicros: 0,
          resetsAt: null,
          reached: null,
        },
      });
      expect(await setBudget("a", "é: ann", null)).toBe("set");
      expect(await bench.create({ customer: "é: ann" })).toMatchObject({ period: "daily" });
      expect(await bench.store.customerStanding("a", "é: ann")).toMatchObject({
        own: null,
        budget: daily(1),
      });
    });

    test("with a budget of its own of nought may do nothing that costs, where its key sets none", async () => {
      await setBudget("a", "ann", { limitMicros: 0, period: "monthly" });
      expect(await bench.create({ customer: "ann", reservedMicros: 1 })).toMatchObject({
        outcome: "budget_exceeded",
        customer: "ann",
      });
      expect(await outcome("bob")).toBe("created");
      expect((await bench.create({ keyId: "b", customer: "ann" })).outcome).toBe("created");
    });

    test("is refused by its key's budgets first, and is not given its key's grants", async () => {
      await byDefault(daily(1));
      await bench.store.updateKey(
        "a",
        {
          budgets: [{ limitMicros: RESERVED, period: "total" }],
          grants: [{ amountMicros: RESERVED, expiresAt: bench.now() + 1_000 }],
        },
        bench.now(),
      );
      await bench.submit({ customer: "ann" });
      expect(await bench.create({ customer: "ann" })).toMatchObject({ customer: "ann" });
      await bench.submit({ customer: "bob" });
      expect(await bench.create({ customer: "cid" })).toMatchObject({ customer: null, period: "total" });
    });

    test("has its own budget changed from what its change was decided on, and not from another one", async () => {
      const own = async () => (await bench.store.customerStanding("a", "ann"))?.own;
      const set = (before: Budget | null, budget: Budget | null) =>
        bench.store.setCustomerBudget("a", "ann", budget, { before });
      expect(await set(daily(1), daily(2))).toBe("stale");
      expect(await own()).toBeNull();
      expect(await set(null, daily(2))).toBe("set");
      expect(await set(null, null)).toBe("stale");
      expect(await set({ period: "daily", limitMicros: RESERVED }, null)).toBe("stale");
      expect(await set({ ...daily(2), period: "weekly" }, null)).toBe("stale");
      expect(await own()).toEqual(daily(2));
      expect(await set({ period: "daily", limitMicros: RESERVED * 2 }, null)).toBe("set");
      expect(await own()).toBeNull();
    });

    test("stands at nought before its first task, and no key means no customer", async () => {
      expect(await bench.store.customerStanding("a", "ann")).toEqual({ own: null, budget: null });
      expect(await bench.store.customerStanding("nobody", "ann")).toBeNull();
      expect(await setBudget("nobody", "ann", daily(1))).toBe("missing");
      expect(await bench.store.keyStanding("nobody")).toBeNull();
    });

    test("loses its budget with its key", async () => {
      await setBudget("a", "ann", daily(0));
      const key = await bench.store.getKey("a");
      await bench.store.deleteKey("a");
      await bench.store.createKey(key!);
      expect(await outcome("ann")).toBe("created");
    });

    test("is never charged more than its budget, however many race for it", async () => {
      await byDefault(daily(5));
      const names = ["ann", "bob", "cid"];
      for (let round = 0; round < 3; round++) {
        await Promise.all(Array.from({ length: 60 }, (_, index) => outcome(names[index % 3] as string)));
        for (const claim of await bench.claim(60)) await bench.apply(claim, complete(RESERVED / 2));
      }
      for (const name of names)
        expect((await bench.store.customerStanding("a", name))?.budget).toMatchObject({
          chargedMicros: 8 * (RESERVED / 2),
          reservedMicros: 0,
        });
    });
  });
}
