/** Thresholds of budgets: half, 80, 90 and 100 per cent, each recorded once in a period, in the step of the charge. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Budget } from "../../../src/accounts/money/budgets.ts";
import type { BudgetPeriod } from "../../../src/protocol/key.ts";
import type { StepTransition } from "../../../src/tasks/transition.ts";
import { Bench, COMPLETE, RESERVED, type StoreContract } from "../store-harness.ts";
import { fail } from "./leftovers.ts";

const DAY_MS = 86_400_000;
const WEDNESDAY = Date.UTC(2026, 11, 2, 12);

export function spendMarkContract(contract: StoreContract): void {
  describe("a threshold of spending", () => {
    let bench: Bench;
    beforeEach(async () => {
      bench = await Bench.open(contract);
      goTo(WEDNESDAY);
    });
    afterEach(() => bench.dispose());

    const goTo = (moment: number) => bench.advance(moment - bench.now());
    const charge = async (costMicros: number, customer: string | null = null) => {
      await bench.submit({ customer, reservedMicros: costMicros });
      await bench.apply(await bench.claimOne(), { ...COMPLETE, costMicros } as StepTransition);
    };
    const setBudgets = (...budgets: Budget[]) => bench.store.updateKey("a", { budgets }, bench.now());
    const budget = (limitMicros: number, period: BudgetPeriod = "total"): Budget => ({ limitMicros, period });
    const marks = () => bench.store.listSpendMarks("a", 100);
    const told = async () =>
      (await marks())
        .map(({ customer, window, percent }) => `${customer ?? "key"} ${window} ${percent}`)
        .sort();

    test("is recorded once it is reached, with the limit and the charges then", async () => {
      await setBudgets(budget(1_000));
      await charge(499);
      expect(await marks()).toEqual([]);
      await charge(1);
      expect(await marks()).toEqual([
        {
          keyId: "a",
          customer: null,
          period: "total",
          window: "total",
          percent: 50,
          limitMicros: 1_000,
          chargedMicros: 500,
          at: bench.now(),
        },
      ]);
      expect((await bench.store.keyStanding("a"))?.budgets).toMatchObject([{ reached: 50 }]);
    });

    test("is recorded with all below it that one charge has passed, and never again", async () => {
      await setBudgets(budget(10_000));
      for (let part = 0; part < 8; part++) await charge(1_000);
      expect(await told()).toEqual(["key total 50", "key total 80"]);
      await charge(1_000);
      await charge(1_000);
      expect(await told()).toEqual(["key total 100", "key total 50", "key total 80", "key total 90"]);
      await setBudgets(budget(20_000));
      await charge(1_000);
      expect(await marks()).toHaveLength(4);
    });

    test("counts charges and not what is held, nor what failed", async () => {
      await setBudgets(budget(1_000));
      await bench.submit({ reservedMicros: 1_000 });
      await bench.apply(await bench.claimOne(), fail(true));
      expect(await marks()).toEqual([]);
    });

    test("is each budget's own, and begins anew with its period", async () => {
      await setBudgets(
        budget(1_000, "daily"),
        budget(1_000, "weekly"),
        budget(1_000, "monthly"),
        budget(100_000),
      );
      await charge(500);
      expect(await told()).toEqual(["key 2026-11-30 50", "key 2026-12 50", "key 2026-12-02 50"]);
      goTo(Date.UTC(2026, 11, 7));
      await charge(500);
      expect(await told()).toEqual([
        "key 2026-11-30 50",
        "key 2026-12 100",
        "key 2026-12 50",
        "key 2026-12 80",
        "key 2026-12 90",
        "key 2026-12-02 50",
        "key 2026-12-07 50",
        "key 2026-12-07 50",
      ]);
      expect((await bench.store.keyStanding("a"))?.budgets.map(({ reached }) => reached)).toEqual([
        50,
        50,
        100,
        null,
      ]);
    });

    test("is looked for in the period of the hold", async () => {
      await setBudgets(budget(1_000, "daily"));
      goTo(WEDNESDAY + DAY_MS / 2 - 1);
      await bench.submit({ reservedMicros: 500 });
      bench.advance(1);
      await bench.apply(await bench.claimOne(), { ...COMPLETE, costMicros: 500 } as StepTransition);
      expect(await told()).toEqual(["key 2026-12-02 50"]);
    });

    test("of a customer is its own", async () => {
      await bench.store.updateKey("a", { customerBudget: budget(1_000, "daily") }, bench.now());
      await bench.store.setCustomerBudget("a", "é: bob", budget(10_000));
      await charge(800, "ann");
      await charge(800, "é: bob");
      await charge(800);
      expect(await told()).toEqual(["ann 2026-12-02 50", "ann 2026-12-02 80"]);
      for (let task = 0; task < 6; task++) await charge(800, "é: bob");
      expect(await told()).toContain("é: bob total 50");
      expect((await bench.store.customerStanding("a", "ann"))?.budget?.reached).toBe(80);
    });

    test("counts the grants that hold then", async () => {
      await setBudgets(budget(1_000));
      const grants = [{ amountMicros: 1_000, expiresAt: bench.now() + 1_000 }];
      await bench.store.updateKey("a", { grants }, bench.now());
      await charge(900);
      expect(await told()).toEqual([]);
      bench.advance(1_000);
      await charge(50);
      expect(await marks()).toHaveLength(3);
    });

    test("is reached by sessions, and by the bills of what tasks left behind", async () => {
      await setBudgets(budget(1_000));
      await bench.store.openSession(
        {
          id: "s1",
          keyId: "a",
          subject: "",
          customer: null,
          provider: "p",
          model: "m",
          reservedMicros: 500,
          price: null,
        },
        { max: 9, maxPerKey: 9 },
        1_000,
      );
      await bench.store.endSession("s1", 1, { closeReason: "client", counters: {}, costMicros: 500 });
      expect(await told()).toEqual(["key total 50"]);
    });

    test("is recorded once, however many charges race past it", async () => {
      await setBudgets(budget(20 * RESERVED));
      for (let task = 0; task < 20; task++) await bench.submit();
      const claims = await bench.claim(20);
      await Promise.all(
        claims.map((claim) => bench.apply(claim, { ...COMPLETE, costMicros: RESERVED } as StepTransition)),
      );
      expect(await told()).toEqual(["key total 100", "key total 50", "key total 80", "key total 90"]);
    });

    test("is forgotten two months after its period, that of the total with its key", async () => {
      const retention = { tasksMs: 400 * DAY_MS, eventsMs: DAY_MS, ledgerMs: 400 * DAY_MS };
      await setBudgets(budget(1_000), budget(1_000, "daily"));
      await charge(500);
      goTo(WEDNESDAY + 62 * DAY_MS - 1);
      await bench.store.retire(retention, 10);
      expect(await marks()).toHaveLength(2);
      bench.advance(1);
      await bench.store.retire(retention, 10);
      expect(await told()).toEqual(["key total 50"]);
    });
  });
}
