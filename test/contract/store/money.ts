/** Money: held back when a task is accepted, settled once with its end, and every amount found again in the ledger. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Balance, Movement } from "../../../src/accounts/money/ledger-store.ts";
import type { Claim, ClaimedWork } from "../../../src/tasks/ports/task-store.ts";
import type { Task } from "../../../src/tasks/task.ts";
import type { StepTransition } from "../../../src/tasks/transition.ts";
import { createSeededRandom } from "../../fixture/seeded-random.ts";
import {
  Bench,
  COMPLETE,
  LEASE_MS,
  MAX_WAIT_MS,
  RESERVED,
  RESULT,
  type StoreContract,
  scopeOf,
} from "../store-harness.ts";
import {
  abandon,
  bill,
  CLEANUP_LIMIT_MS,
  claimOneWork,
  claimWork,
  fail,
  nextCandidate,
  pend,
  save,
  through,
} from "./leftovers.ts";

/** Thousands of calls, each of which may cross a network, ms. */
const LONG_TEST_MS = 60_000;
const NOTHING: Balance = { reservedMicros: 0, chargedMicros: 0 };
const PRICE = { kind: "per_image", micros: RESERVED, note: "é" };

const complete = (costMicros: number): StepTransition => ({
  kind: "complete",
  result: RESULT,
  costMicros,
  spent: { providerMs: 0, storeMs: 0 },
});

export function moneyContract(contract: StoreContract): void {
  describe("money", () => {
    let bench: Bench;
    beforeEach(async () => {
      bench = await Bench.open(contract);
    });
    afterEach(() => bench.dispose());

    const balance = (keyId = "a", customer: string | null = null) =>
      bench.store.balance(keyId, customer, "total");
    const holds = (keyId = "a") => bench.store.listHolds(keyId, 1_000);
    /** All of a key's movements, page by page, newest first. */
    const movements = async (keyId = "a", limit = 1_000): Promise<Movement[]> => {
      const all: Movement[] = [];
      for (let before: Movement | null = null; ; before = all.at(-1) ?? null) {
        const page = await bench.store.listMovements(keyId, { limit, before });
        all.push(...page.movements);
        if (!page.hasMore) return all;
      }
    };
    const sum = (amounts: readonly number[]) => amounts.reduce((total, amount) => total + amount, 0);
    const cancel = (task: Task) => bench.store.cancel(scopeOf(task.tenant.keyId), task.id);

    describe("a hold", () => {
      test("is made with the task, by the price it was reckoned by", async () => {
        const task = await bench.submit({ subject: "ann", customer: "cust é", price: PRICE });
        expect(await holds()).toEqual([
          {
            source: "task",
            sourceId: task.id,
            keyId: "a",
            subject: "ann",
            customer: "cust é",
            amountMicros: RESERVED,
            price: PRICE,
            windows: ["total", new Date(bench.now()).toISOString().slice(0, 10)],
            createdAt: bench.now(),
            expiresAt: null,
          },
        ]);
        expect(await balance()).toEqual({ reservedMicros: RESERVED, chargedMicros: 0 });
        expect(await movements()).toEqual([]);
      });

      test("is not made by a request that was accepted before or is refused", async () => {
        const idempotency = { key: "k", fingerprint: "f", ttlMs: 60_000 };
        await bench.submit({ idempotency });
        expect((await bench.create({ idempotency })).outcome).toBe("replayed");
        expect((await bench.create({ idempotency: { ...idempotency, fingerprint: "g" } })).outcome).toBe(
          "conflict",
        );
        expect((await bench.create({}, 1)).outcome).toBe("queue_full");
        expect((await bench.create({ keyId: "nobody" })).outcome).toBe("key_refused");
        expect(await holds()).toHaveLength(1);
        expect(await balance()).toEqual({ reservedMicros: RESERVED, chargedMicros: 0 });
        expect(await balance("nobody")).toEqual(NOTHING);
      });

      test("stays through claims, polls, retries and changes of candidate", async () => {
        await bench.submit(through("x", "y"));
        await bench.apply(await bench.claimOne(), pend("job", 10));
        bench.advance(10);
        await bench.apply(await bench.claimOne(), nextCandidate());
        await bench.claimOne();
        bench.advance(LEASE_MS);
        await bench.store.sweep(10);
        expect(await holds()).toHaveLength(1);
        expect(await balance()).toEqual({ reservedMicros: RESERVED, chargedMicros: 0 });
      });

      test("is listed with its key's others, oldest first and no more than asked for", async () => {
        const tasks: Task[] = [];
        for (let index = 0; index < 4; index++) {
          tasks.push(await bench.submit({ reservedMicros: 100 + index }));
          bench.advance(1);
        }
        await bench.submit({ keyId: "b" });
        expect((await holds()).map(({ sourceId }) => sourceId)).toEqual(tasks.map(({ id }) => id));
        const first = await bench.store.listHolds("a", 2);
        expect(first.map(({ amountMicros }) => amountMicros)).toEqual([100, 101]);
        expect(await bench.store.listHolds("c", 10)).toEqual([]);
      });
    });

    describe("a settlement", () => {
      test("gives back what was held, and records what was charged and to whom", async () => {
        const task = await bench.submit({
          ...through("x", "y"),
          model: "alias",
          type: "video",
          subject: "ann",
          customer: "cust",
        });
        await bench.apply(await bench.claimOne({ lane: "video" }), nextCandidate());
        bench.advance(1_234);
        await bench.apply(await bench.claimOne({ lane: "video" }), complete(400));
        expect(await holds()).toEqual([]);
        expect(await balance()).toEqual({ reservedMicros: 0, chargedMicros: 400 });
        expect(await movements()).toEqual([
          {
            id: `task/${task.id}`,
            source: "task",
            sourceId: task.id,
            keyId: "a",
            subject: "ann",
            customer: "cust",
            type: "video",
            model: "alias",
            provider: "y",
            chargedMicros: 400,
            upstreamMicros: 400,
            overrunMicros: 0,
            windows: ["total", new Date(bench.now()).toISOString().slice(0, 10)],
            at: bench.now(),
          },
        ]);
      });

      test("charges no more than was held, and records what the provider billed", async () => {
        await bench.submit();
        await bench.apply(await bench.claimOne(), complete(RESERVED * 9));
        expect(await movements()).toMatchObject([
          { chargedMicros: RESERVED, upstreamMicros: RESERVED * 9, overrunMicros: RESERVED * 8 },
        ]);
        expect(await balance()).toEqual({ reservedMicros: 0, chargedMicros: RESERVED });
      });

      test("keeps apart what is charged and what the provider billed", async () => {
        const task = await bench.submit();
        await bench.apply(await bench.claimOne(), {
          ...complete(300),
          upstreamMicros: 450,
        } as StepTransition);
        expect(await movements()).toMatchObject([
          { chargedMicros: 300, upstreamMicros: 450, overrunMicros: 0 },
        ]);
        expect(await bench.read(task)).toMatchObject({ costMicros: 300, upstreamMicros: 450 });
      });

      test("finds the price of the hold with the task, in whatever step it is claimed", async () => {
        const price = { candidates: [{ price: { kind: "per_image", micros: 1.25 }, note: "é" }] };
        const task = await bench.submit({ price });
        expect(task.price).toEqual(price);
        const claim = await bench.claimOne();
        expect(claim.task.price).toEqual(price);
        const pended = await bench.apply(claim, pend("job", 10));
        expect(pended.price).toEqual(price);
        bench.advance(10);
        expect((await bench.claimOne()).task.price).toEqual(price);
        expect((await bench.read(task)).price).toEqual(price);
      });

      test("happens once, whoever ends the task at the same time", async () => {
        for (let round = 0; round < 8; round++) {
          const task = await bench.submit();
          const claim = await bench.claimOne();
          await Promise.all([
            bench.store.advance(claim.lease, complete(400)),
            bench.store.advance(claim.lease, fail(true)),
            cancel(task),
            bench.store.advance(claim.lease, complete(700)),
          ]);
          for (const work of await claimWork(bench))
            await Promise.all([bill(bench, work, 50), bill(bench, work, 60)]);
        }
        const costs = (await bench.store.list(scopeOf("a"), { limit: 100 })).tasks.map(
          ({ task }) => task.costMicros,
        );
        expect(await balance()).toEqual({ reservedMicros: 0, chargedMicros: sum(costs) });
        expect(sum((await movements()).map(({ chargedMicros }) => chargedMicros))).toBe(sum(costs));
        expect(await holds()).toEqual([]);
      });

      test("of a cancelled task waits for its job's bill, and its hold with it", async () => {
        const task = await abandon(bench, "job", { customer: "cust" });
        expect(await holds()).toMatchObject([{ sourceId: task.id, amountMicros: RESERVED }]);
        expect(await balance()).toEqual({ reservedMicros: RESERVED, chargedMicros: 0 });
        bench.advance(5_000);
        await bill(bench, await claimOneWork(bench), 250);
        expect(await holds()).toEqual([]);
        expect(await balance()).toEqual({ reservedMicros: 0, chargedMicros: 250 });
        expect(await balance("a", "cust")).toEqual({ reservedMicros: 0, chargedMicros: 250 });
        expect(await movements()).toMatchObject([
          { sourceId: task.id, chargedMicros: 250, upstreamMicros: 250, at: bench.now() },
        ]);
      });

      test("of a cancelled task with two jobs moves once, their sum", async () => {
        const task = await bench.submit(through("x", "y"));
        const first = await bench.claimOne();
        await bench.apply(first, save("job at x"));
        await bench.apply(first, nextCandidate());
        await bench.apply(await bench.claimOne(), save("job at y"));
        await cancel(task);
        const [one, other] = await claimWork(bench);
        await bill(bench, one!, 30);
        expect(await balance()).toEqual({ reservedMicros: RESERVED, chargedMicros: 0 });
        expect(await movements()).toEqual([]);
        await bill(bench, other!, 40);
        expect(await balance()).toEqual({ reservedMicros: 0, chargedMicros: 70 });
        expect(await movements()).toMatchObject([{ chargedMicros: 70, upstreamMicros: 70 }]);
      });

      test("is followed by an entry for each bill that comes after it, which charges nobody", async () => {
        const task = await bench.submit({ ...through("x", "y", "z"), customer: "cust" });
        for (const job of ["job at x", "job at y"]) {
          const claim = await bench.claimOne();
          await bench.apply(claim, save(job));
          await bench.apply(claim, nextCandidate());
        }
        await bench.apply(await bench.claimOne(), complete(400));
        const [one, other] = await claimWork(bench);
        bench.advance(5_000);
        await bill(bench, one!, 70);
        bench.advance(5_000);
        await bill(bench, other!, RESERVED);
        const whose = { source: "task", sourceId: task.id, customer: "cust", chargedMicros: 0 };
        expect(await movements("a", 1)).toMatchObject([
          { ...whose, id: `task/${task.id}/470`, upstreamMicros: RESERVED, overrunMicros: 470 },
          { ...whose, id: `task/${task.id}/400`, upstreamMicros: 70, overrunMicros: 0 },
          { ...whose, id: `task/${task.id}`, chargedMicros: 400, upstreamMicros: 400 },
        ]);
        expect(await balance()).toEqual({ reservedMicros: 0, chargedMicros: 400 });
        expect((await bench.store.checkBalances("a")).differences).toEqual([]);
      });

      test("of a task that failed or is free records what its provider billed", async () => {
        const failed = await bench.submit();
        const nothingCame = { ...fail(true), upstreamMicros: 90 } as StepTransition;
        await bench.apply(await bench.claimOne(), nothingCame);
        expect(await bench.read(failed)).toMatchObject({ settled: true, costMicros: 0, upstreamMicros: 90 });
        const free = await bench.submit({ keyId: "b", reservedMicros: 0, price: null });
        const charged = { ...complete(0), upstreamMicros: 30 } as StepTransition;
        await bench.apply(await bench.claimOne(), charged);
        const billed = { chargedMicros: 0, overrunMicros: 0 };
        expect(await movements("a")).toMatchObject([{ sourceId: failed.id, ...billed, upstreamMicros: 90 }]);
        expect(await movements("b")).toMatchObject([{ sourceId: free.id, ...billed, upstreamMicros: 30 }]);
        expect([await balance("a"), await balance("b")]).toEqual([NOTHING, NOTHING]);
      });

      test.each(["failed", "expired", "cancelled before it started", "failed with its job left"])(
        "charges nothing for a task that %s, and gives all of it back",
        async (how) => {
          const task = await bench.submit();
          switch (how) {
            case "failed":
              await bench.apply(await bench.claimOne(), fail(true));
              break;
            case "expired":
              bench.advance(MAX_WAIT_MS);
              await bench.store.sweep(10);
              break;
            case "failed with its job left": {
              const claim = await bench.claimOne();
              await bench.apply(claim, save("job"));
              await bench.apply(claim, fail(false));
              expect(await balance()).toEqual({ reservedMicros: RESERVED, chargedMicros: 0 });
              await bill(bench, await claimOneWork(bench), 300);
              break;
            }
            default:
              await cancel(task);
          }
          expect((await bench.read(task)).settled).toBe(true);
          expect(await balance()).toEqual(NOTHING);
          expect(await holds()).toEqual([]);
          expect(sum((await movements()).map(({ chargedMicros }) => chargedMicros))).toBe(0);
        },
      );

      test("of a task that holds nothing charges nothing, and records what was billed", async () => {
        const free = { reservedMicros: 0, price: null };
        await bench.submit(free);
        expect(await holds()).toEqual([]);
        await bench.apply(await bench.claimOne(), complete(400));
        const abandoned = await abandon(bench, "job", free);
        await bill(bench, await claimOneWork(bench), 300);
        expect(await bench.read(abandoned)).toMatchObject({ settled: true, costMicros: 0 });
        expect(await movements()).toMatchObject([
          { sourceId: abandoned.id, chargedMicros: 0, upstreamMicros: 300, overrunMicros: 0 },
          { chargedMicros: 0, upstreamMicros: 400, overrunMicros: 0 },
        ]);
        expect(await balance()).toEqual(NOTHING);
      });
    });

    describe("a balance", () => {
      test("is zero where there was nothing", async () => {
        expect(await balance("unknown")).toEqual(NOTHING);
        expect(await balance("a", "unknown")).toEqual(NOTHING);
      });

      test("of a key counts all of its subjects and customers, that of a customer only its own", async () => {
        await bench.submit({ reservedMicros: 1, customer: "one" });
        await bench.submit({ reservedMicros: 10, customer: "two", subject: "ann" });
        await bench.submit({ reservedMicros: 100 });
        await bench.submit({ reservedMicros: 1_000, customer: "one", keyId: "b" });
        const reserved = async (keyId: string, customer: string | null) =>
          (await balance(keyId, customer)).reservedMicros;
        expect(await reserved("a", null)).toBe(111);
        expect(await reserved("a", "one")).toBe(1);
        expect(await reserved("a", "two")).toBe(10);
        expect(await reserved("b", "one")).toBe(1_000);
        expect(await reserved("b", "two")).toBe(0);
        for (const claim of await bench.claim(10)) await bench.apply(claim, complete(5_000));
        expect(await balance()).toEqual({ reservedMicros: 0, chargedMicros: 111 });
        expect(await balance("a", "one")).toEqual({ reservedMicros: 0, chargedMicros: 1 });
        expect(await balance("b", null)).toEqual({ reservedMicros: 0, chargedMicros: 1_000 });
      });
    });

    describe("the ledger", () => {
      const charge = async (changes: Parameters<Bench["draft"]>[0] = {}) => {
        const task = await bench.submit(changes);
        await bench.apply(await bench.claimOne(), complete(400));
        bench.advance(1);
        return task;
      };

      test("is read newest first, in pages, each key its own", async () => {
        const tasks: Task[] = [];
        for (let index = 0; index < 5; index++) tasks.push(await charge());
        await charge({ keyId: "b" });
        const newest = tasks.map(({ id }) => `task/${id}`).reverse();
        const page = async (limit: number, last: string | null) => {
          const before = (await movements()).find(({ id }) => id === last) ?? null;
          const { movements: found, hasMore } = await bench.store.listMovements("a", { limit, before });
          return [found.map(({ id }) => id), hasMore];
        };
        expect(await page(2, null)).toEqual([newest.slice(0, 2), true]);
        expect(await page(2, newest[1]!)).toEqual([newest.slice(2, 4), true]);
        expect(await page(2, newest[3]!)).toEqual([newest.slice(4), false]);
        expect(await page(5, null)).toEqual([newest, false]);
        expect(await bench.store.listMovements("c", { limit: 5, before: null })).toEqual({
          movements: [],
          hasMore: false,
        });
      });

      test("has every movement of one moment on some page", async () => {
        const tasks = await Promise.all(Array.from({ length: 7 }, () => bench.submit()));
        for (const claim of await bench.claim(10)) await bench.apply(claim, complete(400));
        const found = (await movements("a", 2)).map(({ sourceId }) => sourceId);
        expect(found.sort()).toEqual(tasks.map(({ id }) => id).sort());
      });

      test("keeps a task that is charged already as long as a job it left behind is being cleaned up", async () => {
        const task = await bench.submit(through("x", "y"));
        const first = await bench.claimOne();
        await bench.apply(first, save("job at x"));
        await bench.apply(first, nextCandidate());
        await bench.apply(await bench.claimOne(), complete(400));
        expect(await balance()).toEqual({ reservedMicros: 0, chargedMicros: 400 });
        expect(await bench.store.purge(scopeOf("a"), task.id)).toBe("not_finished");
        await bill(bench, await claimOneWork(bench), 30);
        expect(await bench.store.purge(scopeOf("a"), task.id)).toBe("purged");
      });

      test("keeps a movement though its task is purged", async () => {
        const task = await charge();
        expect(await bench.store.purge(scopeOf("a"), task.id)).toBe("purged");
        expect(await movements()).toMatchObject([{ sourceId: task.id, chargedMicros: 400 }]);
        expect(await balance()).toEqual({ reservedMicros: 0, chargedMicros: 400 });
      });

      test("forgets movements after their retention, and the balance forgets nothing", async () => {
        const retention = { tasksMs: 1_000, eventsMs: 1_000, ledgerMs: 50_000 };
        await charge({ customer: "cust" });
        const settledAt = bench.now() - 1;
        bench.advance(settledAt + 49_999 - bench.now());
        await bench.store.retire(retention, 10);
        expect(await movements()).toHaveLength(1);
        bench.advance(1);
        await bench.store.retire(retention, 10);
        expect(await movements()).toEqual([]);
        expect(await balance()).toEqual({ reservedMicros: 0, chargedMicros: 400 });
        expect(await balance("a", "cust")).toEqual({ reservedMicros: 0, chargedMicros: 400 });
      });

      test("keeps a deleted key's balance as long as something is held or charged, and no longer", async () => {
        const retention = { tasksMs: 1_000, eventsMs: 1_000, ledgerMs: 50_000 };
        const retire = () => bench.store.retire(retention, 100);
        await bench.submit({ reservedMicros: 600 });
        const claim = await bench.claimOne();
        await bench.store.deleteKey("a");
        await retire();
        expect(await balance()).toEqual({ reservedMicros: 600, chargedMicros: 0 });
        await bench.apply(claim, complete(400));
        bench.advance(1_000);
        // Each of the two passes looks at every tenant once.
        await retire();
        await retire();
        expect(await balance()).toEqual({ reservedMicros: 0, chargedMicros: 400 });
        bench.advance(49_000);
        await retire();
        await retire();
        expect(await balance()).toEqual(NOTHING);
      });
    });

    test.each([1, 2, 3])(
      "adds up after whatever happens to many tasks at once (seed %i)",
      { timeout: LONG_TEST_MS },
      async (seed) => {
        const random = createSeededRandom(seed);
        const keys = ["a", "b"];
        const customers = [null, "one", "two"];
        const tasks: Task[] = [];
        const claims: Claim[] = [];
        const left: ClaimedWork[] = [];
        const some = <T>(items: readonly T[]): T | undefined =>
          items[random.below(Math.max(1, items.length))];
        const end = (claim: Claim, transition: StepTransition) =>
          bench.store.advance(claim.lease, transition);
        const step = async (): Promise<unknown> => {
          const claim = some(claims);
          switch (random.below(12)) {
            case 0:
            case 1:
            case 2:
              return tasks.push(
                await bench.submit({
                  ...through("x", "y"),
                  keyId: random.pick(keys),
                  subject: random.below(2) === 0 ? "ann" : "",
                  customer: random.pick(customers),
                  reservedMicros: random.below(4) === 0 ? 0 : 1 + random.below(1_000),
                }),
              );
            case 3:
            case 4:
              return claims.push(...(await bench.claim(1 + random.below(4))));
            case 5:
              return claim && end(claim, save(`job ${random.below(9)}`));
            case 6:
              return claim && end(claim, nextCandidate());
            case 7:
              return claim && end(claim, complete(random.below(1_500)));
            case 8:
              return claim && end(claim, fail(random.below(2) === 0));
            case 9: {
              const task = some(tasks);
              return task && cancel(task);
            }
            case 10:
              left.push(...(await claimWork(bench, { max: 1 + random.below(3) })));
              return;
            default: {
              const work = some(left);
              if (work) await bill(bench, work, random.below(4) === 0 ? null : random.below(800));
              bench.advance(random.below(2_000));
              return bench.store.sweep(10);
            }
          }
        };
        const expectBalanced = async () => {
          const stored = await Promise.all(tasks.map((task) => bench.read(task)));
          for (const keyId of keys) {
            const open = await holds(keyId);
            const moved = await movements(keyId, 50);
            const own = stored.filter((task) => task.tenant.keyId === keyId);
            expect(open.map(({ sourceId }) => sourceId).sort()).toEqual(
              own
                .filter((task) => !task.settled && task.reservedMicros > 0)
                .map(({ id }) => id)
                .sort(),
            );
            expect(new Set(moved.map(({ id }) => id)).size).toBe(moved.length);
            for (const customer of customers) {
              const of = <T extends { customer: string | null }>(entries: readonly T[]) =>
                customer === null ? entries : entries.filter((entry) => entry.customer === customer);
              expect(await balance(keyId, customer)).toEqual({
                reservedMicros: sum(of(open).map(({ amountMicros }) => amountMicros)),
                chargedMicros: sum(of(moved).map(({ chargedMicros }) => chargedMicros)),
              });
              expect(sum(of(moved).map(({ chargedMicros }) => chargedMicros))).toBe(
                sum(of(own).map(({ costMicros }) => costMicros)),
              );
            }
          }
        };
        for (let round = 0; round < 40; round++) {
          await Promise.all(Array.from({ length: 8 }, step));
          if (round % 8 === 0) await expectBalanced();
        }
        await expectBalanced();

        for (const task of tasks) await cancel(task);
        bench.advance(CLEANUP_LIMIT_MS);
        for (let found = await claimWork(bench); found.length > 0; found = await claimWork(bench))
          for (const work of found) await bill(bench, work, random.below(800));
        await expectBalanced();
        for (const keyId of keys) {
          expect(await holds(keyId)).toEqual([]);
          expect((await balance(keyId)).reservedMicros).toBe(0);
        }
        for (const task of tasks) {
          const { settled, costMicros, reservedMicros, status } = await bench.read(task);
          expect(settled).toBe(true);
          expect(costMicros).toBeLessThanOrEqual(reservedMicros);
          if (status === "failed") expect(costMicros).toBe(0);
        }
      },
    );

    test("a task that was held while its process died costs what the one that went on came to", async () => {
      const task = await bench.submit();
      const lost = await bench.claimOne();
      bench.advance(LEASE_MS);
      await bench.store.sweep(10);
      await bench.apply(await bench.claimOne(), COMPLETE);
      expect((await bench.store.advance(lost.lease, complete(900))).applied).toBe(false);
      expect(await movements()).toMatchObject([{ sourceId: task.id, chargedMicros: 400 }]);
    });
  });
}
