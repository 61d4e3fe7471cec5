/** Budgets of days, weeks and months: what was held and charged in a period counts in it, and in no other. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Budget } from "../../../src/accounts/money/budgets.ts";
import type { BudgetPeriod } from "../../../src/protocol/key.ts";
import type { StepTransition } from "../../../src/tasks/transition.ts";
import { virtualKey } from "../../fixture/virtual-key.ts";
import { Bench, COMPLETE, RESERVED, type StoreContract } from "../store-harness.ts";
import { fail } from "./leftovers.ts";

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** A thousand calls, each of which may cross a network, ms. */
const RACE_MS = 60_000;
/** A Wednesday in a month of 31 days. */
const WEDNESDAY = Date.UTC(2026, 11, 2, 12);

export function budgetPeriodContract(contract: StoreContract): void {
  describe("a budget of a period", () => {
    let bench: Bench;
    beforeEach(async () => {
      bench = await Bench.open(contract);
      goTo(WEDNESDAY);
    });
    afterEach(() => bench.dispose());

    const goTo = (moment: number) => bench.advance(moment - bench.now());
    const complete = (costMicros: number) => ({ ...COMPLETE, costMicros }) as StepTransition;
    const setBudgets = (...budgets: Budget[]) => bench.store.updateKey("a", { budgets }, bench.now());
    const budget = (period: BudgetPeriod, tasks: number): Budget => ({
      limitMicros: RESERVED * tasks,
      period,
    });
    const charge = async (costMicros = RESERVED) => {
      await bench.submit();
      await bench.apply(await bench.claimOne(), complete(costMicros));
    };
    const outcome = async () => (await bench.create()).outcome;
    const states = async () => (await bench.store.keyStanding("a"))?.budgets;

    test.each<[BudgetPeriod, last: number, next: number]>([
      ["daily", Date.UTC(2026, 11, 3) - 1, Date.UTC(2026, 11, 3)],
      ["weekly", Date.UTC(2026, 11, 7) - 1, Date.UTC(2026, 11, 7)],
      ["monthly", Date.UTC(2027, 0, 1) - 1, Date.UTC(2027, 0, 1)],
    ])("that is %s begins anew with its period, by UTC", async (period, last, next) => {
      await setBudgets(budget(period, 2));
      await charge();
      goTo(last);
      await charge();
      expect(await bench.create()).toEqual({
        outcome: "budget_exceeded",
        period,
        rate: null,
        customer: null,
        limitMicros: RESERVED * 2,
        chargedMicros: RESERVED * 2,
        reservedMicros: 0,
        resetsAt: next,
      });
      goTo(next);
      expect(await outcome()).toBe("created");
      expect(await states()).toMatchObject([{ period, chargedMicros: 0, reservedMicros: RESERVED }]);
    });

    test("that is total never begins anew", async () => {
      await setBudgets(budget("total", 1));
      await charge();
      goTo(Date.UTC(2030, 0, 1));
      expect(await bench.create()).toMatchObject({ outcome: "budget_exceeded", resetsAt: null });
    });

    test("counts what was spent in it before it was set", async () => {
      goTo(Date.UTC(2026, 11, 1));
      await charge();
      goTo(Date.UTC(2026, 11, 30));
      await charge();
      await setBudgets(budget("monthly", 2), budget("daily", 2), budget("weekly", 2));
      expect(await bench.create()).toMatchObject({ outcome: "budget_exceeded", period: "monthly" });
      await setBudgets(budget("daily", 2), budget("weekly", 2));
      expect(await outcome()).toBe("created");
    });

    test.each<BudgetPeriod>(["total", "daily", "weekly", "monthly"])(
      "that is the tightest of four refuses, whichever it is: %s",
      async (period) => {
        const all: BudgetPeriod[] = ["total", "daily", "weekly", "monthly"];
        await setBudgets(...all.map((one) => budget(one, one === period ? 1 : 9)));
        await bench.submit();
        expect(await bench.create()).toMatchObject({ outcome: "budget_exceeded", period });
        expect(await states()).toEqual(
          all.map((one) => expect.objectContaining({ period: one, reservedMicros: RESERVED })),
        );
      },
    );

    test("settles in the period a task was accepted in, whenever it ends", async () => {
      await setBudgets(budget("daily", 1));
      goTo(Date.UTC(2026, 11, 3) - 1);
      await bench.submit();
      bench.advance(1);
      expect(await outcome()).toBe("created");
      for (const claim of await bench.claim(2)) await bench.apply(claim, complete(400));
      for (const day of ["2026-12-02", "2026-12-03"])
        expect(await bench.store.balance("a", null, day)).toEqual({ reservedMicros: 0, chargedMicros: 400 });
      expect(await states()).toMatchObject([{ chargedMicros: 400 }]);
    });

    test("is given back in the period of its hold what a failed task held", async () => {
      await bench.submit();
      goTo(WEDNESDAY + DAY_MS - HOUR_MS / 2);
      await bench.apply(await bench.claimOne(), fail(true));
      expect(await bench.store.balance("a", null, "2026-12-02")).toEqual({
        reservedMicros: 0,
        chargedMicros: 0,
      });
    });

    test("goes on to count in its week and month where the clock is set back by a day", async () => {
      await setBudgets(budget("weekly", 1), budget("monthly", 1));
      await charge();
      goTo(WEDNESDAY - DAY_MS);
      expect(await outcome()).toBe("budget_exceeded");
      await setBudgets(budget("daily", 1));
      expect(await outcome()).toBe("created");
      goTo(WEDNESDAY);
      expect(await outcome()).toBe("budget_exceeded");
    });

    test("is held by sessions too", async () => {
      await setBudgets(budget("daily", 1));
      const open = (id: string, reservedMicros: number) =>
        bench.store.openSession(
          {
            id,
            keyId: "a",
            subject: "",
            customer: null,
            provider: "p",
            model: "m",
            reservedMicros,
            price: null,
          },
          { max: 9, maxPerKey: 9 },
          1_000,
        );
      expect((await open("s1", RESERVED)).outcome).toBe("opened");
      expect(await open("s2", 1)).toMatchObject({
        outcome: "budget_exceeded",
        period: "daily",
        reservedMicros: RESERVED,
      });
      expect((await open("s3", 0)).outcome).toBe("opened");
      expect(await outcome()).toBe("budget_exceeded");
      const end = { closeReason: "client", counters: {}, costMicros: 10 };
      expect(await bench.store.endSession("s1", 1, end)).toBe(true);
      expect(await states()).toMatchObject([{ chargedMicros: 10, reservedMicros: 0 }]);
    });

    test("is raised by the key's grants until they expire, each of its budgets", async () => {
      await setBudgets(budget("total", 1), budget("daily", 1));
      const grants = [
        { amountMicros: RESERVED, expiresAt: bench.now() + 1_000 },
        { amountMicros: RESERVED, expiresAt: bench.now() + 2_000 },
        { amountMicros: RESERVED * 9, expiresAt: bench.now() },
      ];
      const granted = await bench.store.updateKey("a", { grants }, bench.now());
      expect(granted).toMatchObject({ key: { grants } });
      for (let task = 0; task < 3; task++) await bench.submit();
      expect(await bench.create()).toMatchObject({
        outcome: "budget_exceeded",
        period: "total",
        limitMicros: RESERVED * 3,
      });
      expect(await states()).toMatchObject([
        { limitMicros: RESERVED, grantedMicros: RESERVED * 2 },
        { limitMicros: RESERVED, grantedMicros: RESERVED * 2 },
      ]);
      bench.advance(1_000);
      expect(await bench.create()).toMatchObject({ limitMicros: RESERVED * 2 });
      await bench.store.updateKey("a", { grants: [] }, bench.now());
      expect(await bench.create()).toMatchObject({ limitMicros: RESERVED });
      expect((await bench.store.getKey("a"))?.grants).toEqual([]);
    });

    test("that ended is forgotten after two months, those of customers after one, and what is held in it is not", async () => {
      const retention = { tasksMs: 400 * DAY_MS, eventsMs: DAY_MS, ledgerMs: 400 * DAY_MS };
      const kept = async (customer: string | null) =>
        (await bench.store.balance("a", customer, "2026-12-02")).chargedMicros;
      await bench.submit({ customer: "é: x" });
      await bench.apply(await bench.claimOne(), complete(400));
      goTo(Date.UTC(2027, 0, 3) - 1);
      await bench.store.retire(retention, 10);
      expect([await kept(null), await kept("é: x")]).toEqual([400, 400]);
      bench.advance(1 + DAY_MS);
      await bench.store.retire(retention, 10);
      expect([await kept(null), await kept("é: x")]).toEqual([400, 0]);
      goTo(Date.UTC(2027, 1, 4));
      await bench.store.retire(retention, 10);
      expect(await kept(null)).toBe(0);
      expect(await bench.store.balance("a", "é: x", "total")).toMatchObject({ chargedMicros: 400 });
    });

    test("that something is still held in stays until that is settled", async () => {
      const retention = { tasksMs: 400 * DAY_MS, eventsMs: DAY_MS, ledgerMs: 400 * DAY_MS };
      await bench.store.openSession(
        {
          id: "s1",
          keyId: "a",
          subject: "",
          customer: "c",
          provider: "p",
          model: "m",
          reservedMicros: 70,
          price: null,
        },
        { max: 9, maxPerKey: 9 },
        200 * DAY_MS,
      );
      goTo(Date.UTC(2027, 2, 1));
      await bench.store.retire(retention, 10);
      const day = (customer: string | null) => bench.store.balance("a", customer, "2026-12-02");
      expect(await day(null)).toEqual({ reservedMicros: 70, chargedMicros: 0 });
      await bench.store.endSession("s1", 1, { closeReason: "client", counters: {}, costMicros: 30 });
      for (const customer of [null, "c"])
        expect(await day(customer)).toEqual({ reservedMicros: 0, chargedMicros: 30 });
      goTo(Date.UTC(2027, 4, 1));
      await bench.store.retire(retention, 10);
      for (const customer of [null, "c"])
        expect(await day(customer)).toEqual({ reservedMicros: 0, chargedMicros: 0 });
    });

    test("lets in exactly as many of a thousand requests at once as there is room for, and holds no more", {
      timeout: RACE_MS,
    }, async () => {
      const room = 37;
      await setBudgets(budget("total", 1_000), budget("monthly", room), budget("daily", 500));
      const outcomes = await Promise.all(
        Array.from({ length: 1_000 }, (_, index) =>
          bench.create({
            customer: index % 3 === 0 ? `c${index % 9}` : null,
            subject: index % 2 ? "ann" : "",
          }),
        ),
      );
      const made = outcomes.filter(({ outcome }) => outcome === "created");
      const refused = outcomes.filter(({ outcome }) => outcome === "budget_exceeded");
      expect([made.length, refused.length]).toEqual([room, 1_000 - room]);
      for (const state of (await states()) ?? []) expect(state.reservedMicros).toBe(room * RESERVED);
      expect(await bench.store.listHolds("a", 1_000)).toHaveLength(room);
    });

    test("comes with a new key, with its grants and limits", async () => {
      const key = virtualKey({
        id: "d",
        budgets: [budget("weekly", 0), budget("monthly", 5)],
        grants: [{ amountMicros: RESERVED, expiresAt: bench.now() + 1 }],
        customerBudget: budget("daily", 1),
        requestsPerMinute: 5,
        requestsPerDay: 7,
      });
      await bench.store.createKey(key);
      expect(await bench.store.getKey("d")).toEqual(key);
      await bench.submit({ keyId: "d", customer: "c" });
      expect(await bench.create({ keyId: "d" })).toMatchObject({ period: "weekly", customer: null });
    });
  });
}
