/** Usage: what was settled, summed up by day, type, model, key and customer, in the step that settles. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { dayNumberOf } from "../../../src/accounts/money/budgets.ts";
import {
  type DayRange,
  NOTHING_USED,
  type PayerUsage,
  type UsageCounts,
  type UsagePage,
  type UsagePlace,
  type UsageScope,
} from "../../../src/accounts/money/usage-store.ts";
import type { StepTransition } from "../../../src/tasks/transition.ts";
import { Bench, COMPLETE, LEASE_MS, RESERVED, type StoreContract, scopeOf } from "../store-harness.ts";
import { bill, claimOneWork, fail, nextCandidate, save, through } from "./leftovers.ts";

const DAY_MS = 24 * 3_600_000;
const RETENTION = { tasksMs: 30 * DAY_MS, eventsMs: DAY_MS, ledgerMs: 60 * DAY_MS };
const EVERY_KEY: UsageScope = { keyId: null, customer: null };

const complete = (costMicros: number, upstreamMicros = costMicros): StepTransition =>
  ({ ...COMPLETE, costMicros, upstreamMicros }) as StepTransition;

export function usageContract(contract: StoreContract): void {
  describe("usage", () => {
    let bench: Bench;
    let start: number;
    beforeEach(async () => {
      bench = await Bench.open(contract);
      start = dayNumberOf(bench.now());
    });
    afterEach(() => bench.dispose());

    const since = (): DayRange => ({ from: start, to: dayNumberOf(bench.now()) });
    const of = (keyId: string, customer: string | null = null): UsageScope => ({ keyId, customer });
    const used = (counts: Partial<UsageCounts>): UsageCounts => ({ ...NOTHING_USED, ...counts });
    const total = async (scope: UsageScope, days = since()) =>
      (await bench.store.usage(scope, days, "type")).map(({ group, ...counts }) => [group, counts]);
    const make = async (
      changes: Parameters<Bench["draft"]>[0],
      transition: StepTransition = complete(400),
    ) => {
      const task = await bench.submit(changes);
      await bench.apply(await bench.claimOne({ lane: task.type }), transition);
      return task;
    };
    const pages = async (read: (after: UsagePlace | null) => Promise<UsagePage>): Promise<PayerUsage[]> => {
      const rows: PayerUsage[] = [];
      for (let after: UsagePlace | null = null; ; ) {
        const page = await read(after);
        rows.push(...page.rows);
        if (page.next === null) return rows;
        after = page.next;
      }
    };
    const customers = (keyId: string | null, days = since(), limit = 2) =>
      pages((after) => bench.store.usageOfCustomers(keyId, days, { limit, after }));
    const keys = (days = since(), limit = 2) =>
      pages((after) => bench.store.usageOfKeys(days, { limit, after }));

    test("of nothing is nothing", async () => {
      await bench.submit();
      await bench.claimOne();
      expect(await total(EVERY_KEY)).toEqual([]);
      expect(await total(of("a"))).toEqual([]);
      expect(await keys()).toEqual([]);
      expect(await customers("a")).toEqual([]);
    });

    test("counts what is settled by how it ended, with its results and its money", async () => {
      await make({}, complete(400, 450));
      await make({}, fail(true));
      const cancelled = await bench.submit();
      await bench.store.cancel(scopeOf("a"), cancelled.id);
      await make({}, complete(RESERVED * 3));
      const counts = used({
        completed: 2,
        failed: 1,
        cancelled: 1,
        items: 2,
        chargedMicros: 400 + RESERVED,
        upstreamMicros: 450 + RESERVED * 3,
        overrunMicros: RESERVED * 2,
      });
      expect(await total(of("a"))).toEqual([["image", counts]]);
      expect(await total(EVERY_KEY)).toEqual([["image", counts]]);
    });

    test("counts what cost nothing as a request", async () => {
      await make({ reservedMicros: 0, price: null }, complete(0));
      expect(await total(of("a"))).toEqual([["image", used({ completed: 1, items: 1 })]]);
    });

    test("is told by day, type and model, each in its order", async () => {
      await make({ model: "one" });
      bench.advance(DAY_MS);
      await make({ model: "two words: é", type: "video" });
      bench.advance(2 * DAY_MS);
      await make({ model: "one" }, complete(7));
      const one = used({ completed: 1, items: 1, chargedMicros: 400, upstreamMicros: 400 });
      const seven = used({ completed: 1, items: 1, chargedMicros: 7, upstreamMicros: 7 });
      const both = used({ completed: 2, items: 2, chargedMicros: 407, upstreamMicros: 407 });
      expect(await bench.store.usage(of("a"), since(), "day")).toEqual([
        { group: "2026-11-22", ...one },
        { group: "2026-11-23", ...one },
        { group: "2026-11-25", ...seven },
      ]);
      expect(await bench.store.usage(of("a"), since(), "type")).toEqual([
        { group: "image", ...both },
        { group: "video", ...one },
      ]);
      expect(await bench.store.usage(EVERY_KEY, since(), "model")).toEqual([
        { group: "one", ...both },
        { group: "two words: é", ...one },
      ]);
      expect(await total(of("a"), { from: start + 1, to: start + 2 })).toEqual([["video", one]]);
    });

    test("goes to the day of the settlement, to the millisecond", async () => {
      await bench.submit();
      const claim = await bench.claimOne({ leaseMs: 2 * DAY_MS });
      bench.advance(DAY_MS - 1);
      await make({}, complete(1));
      bench.advance(1);
      await bench.apply(claim, complete(2));
      const days = await bench.store.usage(of("a"), since(), "day");
      expect(days.map(({ group, chargedMicros }) => [group, chargedMicros])).toEqual([
        ["2026-11-22", 1],
        ["2026-11-23", 2],
      ]);
    });

    test("is told for one customer alone, and the customers of a key page by page", async () => {
      for (const customer of ["zoe", "ann", "b:ob é", "ann"]) await make({ customer });
      await make({});
      await make({ keyId: "b", customer: "ann" });
      const one = used({ completed: 1, items: 1, chargedMicros: 400, upstreamMicros: 400 });
      const two = used({ completed: 2, items: 2, chargedMicros: 800, upstreamMicros: 800 });
      expect(await total(of("a", "ann"))).toEqual([["image", two]]);
      expect(await total(of("a", "nobody"))).toEqual([]);
      const ofA = [
        { keyId: "a", customer: null, ...one },
        { keyId: "a", customer: "ann", ...two },
        { keyId: "a", customer: "b:ob é", ...one },
        { keyId: "a", customer: "zoe", ...one },
      ];
      expect(await customers("a")).toEqual(ofA);
      expect(await customers("a", since(), 100)).toEqual(ofA);
      expect(await customers("b")).toEqual([{ keyId: "b", customer: "ann", ...one }]);
      expect(await customers(null, since(), 1)).toEqual([...ofA, { keyId: "b", customer: "ann", ...one }]);
    });

    test("of the keys is told page by page, without those that used nothing in these days", async () => {
      await make({ keyId: "a" });
      bench.advance(DAY_MS);
      await make({ keyId: "b", customer: "ann" });
      await make({ keyId: "c" });
      const ids = async (days: DayRange, limit?: number) =>
        (await keys(days, limit)).map(({ keyId }) => keyId);
      expect(await ids(since())).toEqual(["a", "b", "c"]);
      expect(await ids(since(), 1)).toEqual(["a", "b", "c"]);
      expect(await ids({ from: start + 1, to: start + 1 })).toEqual(["b", "c"]);
      expect(await customers(null, { from: start, to: start })).toMatchObject([
        { keyId: "a", customer: null },
      ]);
    });

    test("of a session is that of its charge", async () => {
      const { id } = bench.draft();
      const draft = { id, keyId: "a", subject: "", customer: "ann", provider: "x", model: "voice" };
      await bench.store.openSession(
        { ...draft, reservedMicros: RESERVED, price: null },
        { maxPerKey: 9, max: 9 },
        LEASE_MS,
      );
      await bench.store.endSession(id, 1, { closeReason: "client", counters: {}, costMicros: 30 });
      const counts = used({ completed: 1, chargedMicros: 30, upstreamMicros: 30 });
      expect(await total(of("a"))).toEqual([["realtime", counts]]);
      expect(await total(of("a", "ann"))).toEqual([["realtime", counts]]);
    });

    test("takes in what is billed for a job that was left behind, before and after the task is settled", async () => {
      await bench.submit(through("x", "y"));
      const first = await bench.claimOne();
      await bench.apply(first, save("job"));
      await bench.apply(first, nextCandidate());
      await bench.apply(await bench.claimOne(), complete(300));
      await bill(bench, await claimOneWork(bench), 120);
      expect(await total(of("a"))).toEqual([
        ["image", used({ completed: 1, items: 1, chargedMicros: 300, upstreamMicros: 420 })],
      ]);
    });

    test("is kept as long as the ledger, and then goes in bounded steps", async () => {
      for (const customer of [null, "ann", "bob"]) await make({ customer });
      bench.advance(40 * DAY_MS);
      await make({ customer: "bob" });
      bench.advance(RETENTION.ledgerMs - 40 * DAY_MS);
      await bench.store.retire(RETENTION, 100);
      expect(await bench.store.usage(of("a"), since(), "day")).toHaveLength(2);
      bench.advance(DAY_MS);
      let steps = 1;
      while ((await bench.store.retire(RETENTION, 1)).more) steps += 1;
      expect(steps).toBeGreaterThan(1);
      expect((await bench.store.usage(of("a"), since(), "day")).map(({ group }) => group)).toEqual([
        "2027-01-01",
      ]);
      expect(await bench.store.usage(EVERY_KEY, since(), "day")).toHaveLength(1);
      bench.advance(100 * DAY_MS);
      for (let step = 0; step < 9; step++) await bench.store.retire(RETENTION, 100);
      expect(await keys()).toEqual([]);
      expect(await customers(null)).toEqual([]);
    });
  });
}
