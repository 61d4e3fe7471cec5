/** The ledger: every balance is what its entries add up to, whatever happened and whatever the retention removed. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { BalanceDifference } from "../../../src/accounts/money/ledger-store.ts";
import type { StepTransition } from "../../../src/tasks/transition.ts";
import { createSeededRandom } from "../../fixture/seeded-random.ts";
import { Bench, COMPLETE, LEASE_MS, RESERVED, type StoreContract, scopeOf } from "../store-harness.ts";
import { bill, claimWork, fail, save } from "./leftovers.ts";

const DAY_MS = 24 * 3_600_000;
const RETENTION = { tasksMs: 2 * DAY_MS, eventsMs: DAY_MS, ledgerMs: 30 * DAY_MS };
const LONG_TEST_MS = 60_000;
/** Fewer than there are keys, so that there are several pages. Redis looks at so many names of any kind, of all tests. */
const FIRST_PAGE = 2;
const FURTHER_PAGES = 1_000;
const CUSTOMERS = [null, "ann", "b:ob é"];

const complete = (costMicros: number) => ({ ...COMPLETE, costMicros }) as StepTransition;

export function ledgerCheckContract(contract: StoreContract): void {
  describe("the ledger", () => {
    let bench: Bench;
    beforeEach(async () => {
      bench = await Bench.open(contract);
    });
    afterEach(() => bench.dispose());

    const keysWithBalances = async () => {
      const ids = new Set<string>();
      for (let after: string | null = null; ; ) {
        const page = await bench.store.listBalanceKeys(after, after === null ? FIRST_PAGE : FURTHER_PAGES);
        for (const id of page.keyIds) ids.add(id);
        if (page.next === null) return [...ids].sort();
        after = page.next;
      }
    };
    const differences = async (): Promise<BalanceDifference[]> => {
      const all: BalanceDifference[] = [];
      for (const keyId of await keysWithBalances())
        all.push(...(await bench.store.checkBalances(keyId)).differences);
      return all;
    };

    test("names the keys that have balances", async () => {
      expect(await keysWithBalances()).toEqual([]);
      for (const keyId of ["a", "b", "c"]) await bench.submit({ keyId, customer: "ann" });
      expect(await keysWithBalances()).toEqual(["a", "b", "c"]);
      expect((await bench.store.checkBalances("a")).balances).toBeGreaterThan(1);
      expect(await bench.store.checkBalances("nobody")).toEqual({
        balances: 0,
        differences: [],
        skipped: null,
      });
    });

    test(
      "adds up to the balances after whatever happens, and after the retention took movements",
      async () => {
        const random = createSeededRandom(11);
        const draw = (below: number) => random.below(below);
        for (let step = 0; step < 120; step++) {
          const keyId = ["a", "b"][draw(2)] as string;
          const task = await bench.submit({
            keyId,
            customer: CUSTOMERS[draw(3)] as string | null,
            maxWaitMs: 365 * DAY_MS,
          });
          switch (draw(6)) {
            case 0:
              await bench.apply(await bench.claimOne(), complete(draw(RESERVED * 2)));
              break;
            case 1:
              await bench.apply(await bench.claimOne(), fail(draw(2) === 0));
              break;
            case 2:
              await bench.store.cancel(scopeOf(keyId), task.id);
              break;
            case 3: {
              const claim = await bench.claimOne();
              await bench.apply(claim, save("job"));
              await bench.store.cancel(scopeOf(claim.task.tenant.keyId), claim.task.id);
              break;
            }
            case 4:
              for (const work of await claimWork(bench, { max: 2 }))
                await bill(bench, work, draw(RESERVED * 2));
              break;
            default:
              break;
          }
          bench.advance(draw(DAY_MS));
          if (draw(4) === 0) await bench.store.retire(RETENTION, 1 + draw(3));
          if (step % 20 === 19) expect(await differences()).toEqual([]);
        }
        const before = await bench.store.balance("a", null, "total");
        bench.advance(RETENTION.ledgerMs);
        for (let step = 0; step < 100; step++) await bench.store.retire(RETENTION, 3);
        expect((await bench.store.listMovements("a", { limit: 1, before: null })).movements).toEqual([]);
        expect(await bench.store.balance("a", null, "total")).toEqual(before);
        expect(before.chargedMicros).toBeGreaterThan(0);
        expect(await differences()).toEqual([]);
      },
      LONG_TEST_MS,
    );

    test("has what sessions hold and were charged", async () => {
      const draft = { keyId: "a", subject: "", customer: "ann", provider: "x", model: "voice" };
      for (const charged of [30, null]) {
        const { id } = bench.draft();
        const limits = { maxPerKey: 9, max: 9 };
        await bench.store.openSession(
          { ...draft, id, reservedMicros: RESERVED, price: null },
          limits,
          LEASE_MS,
        );
        if (charged !== null)
          await bench.store.endSession(id, 1, { closeReason: "x", counters: {}, costMicros: charged });
      }
      expect(await bench.store.balance("a", "ann", "total")).toEqual({
        reservedMicros: RESERVED,
        chargedMicros: 30,
      });
      expect(await differences()).toEqual([]);
    });
  });
}
