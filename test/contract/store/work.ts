/** Due work: handed out once under a lease, a queue for each destination, finished by whoever still holds it. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ClaimedWork } from "../../../src/tasks/ports/task-store.ts";
import type { Task } from "../../../src/tasks/task.ts";
import { createSeededRandom } from "../../fixture/seeded-random.ts";
import { Bench, LEASE_MS, type StoreContract, scopeOf } from "../store-harness.ts";
import {
  abandon,
  abandonAt,
  again,
  announced,
  bill,
  CLEANUP_LIMIT_MS,
  claimOneWork,
  claimWork,
  finish,
  hook,
  save,
  started,
  through,
} from "./leftovers.ts";

/** Thousands of calls, each of which may cross a network, ms. */
const LONG_TEST_MS = 60_000;

export function workContract(contract: StoreContract): void {
  describe("due work", () => {
    let bench: Bench;
    beforeEach(async () => {
      bench = await Bench.open(contract);
    });
    afterEach(() => bench.dispose());

    const cancel = (task: Task) => bench.store.cancel(scopeOf(task.tenant.keyId), task.id);
    const deliveries = () => claimWork(bench, { kind: "delivery" });
    const idsOf = (claimed: readonly ClaimedWork[]) => claimed.map(({ item }) => item.taskId);
    const nextIn = (destinations?: readonly string[]) => bench.store.nextWorkIn("cleanup", destinations);

    describe("an item", () => {
      test("is handed out once, whole, with the task it is about", async () => {
        const { task, claim } = await started(bench, { job: "é 1" }, through("x"));
        await bench.apply(claim, save({ job: "é 2" }, "second account"));
        await cancel(task);
        const claimed = await claimWork(bench);
        expect(claimed).toEqual([
          {
            item: {
              id: `${task.id}/${claim.lease.fence}`,
              kind: "cleanup",
              destination: "x",
              taskId: task.id,
              payload: {
                provider: "x",
                model: "x-model",
                credential: "second account",
                attempt: 1,
                fence: expect.any(Number),
                state: { job: "é 2" },
                reported: false,
                costMicros: null,
              },
              createdAt: bench.now(),
              giveUpAt: bench.now() + CLEANUP_LIMIT_MS,
              tries: 0,
              fence: expect.any(Number),
            },
            task: await bench.read(task),
            overdue: false,
          },
        ]);
        expect(await claimWork(bench)).toEqual([]);
      });

      test("that is done is gone, for its holder too", async () => {
        await abandon(bench, "job");
        const work = await claimOneWork(bench);
        expect(await bill(bench, work, 1)).toBe(true);
        expect(await bill(bench, work, 1)).toBe(false);
        expect(await again(bench, work, 0)).toBe(false);
        bench.advance(CLEANUP_LIMIT_MS);
        expect(await claimWork(bench)).toEqual([]);
        expect(await nextIn()).toBeNull();
      });

      test("put off comes again when it is due, one try richer, and its old holder has no say", async () => {
        await abandon(bench, "job");
        const first = await claimOneWork(bench);
        expect(await again(bench, first, 5_000)).toBe(true);
        bench.advance(4_999);
        expect(await claimWork(bench)).toEqual([]);
        bench.advance(1);
        const second = await claimOneWork(bench);
        expect([first.item.tries, second.item.tries]).toEqual([0, 1]);
        expect(second.item).toMatchObject({
          id: first.item.id,
          payload: first.item.payload,
          createdAt: first.item.createdAt,
          giveUpAt: first.item.giveUpAt,
        });
        expect(await again(bench, first, 60_000)).toBe(false);
        expect(await bill(bench, first, 1)).toBe(false);
        expect(await bill(bench, second, 1)).toBe(true);
      });

      test("cannot be finished a second time by whoever put it off", async () => {
        const task = await abandon(bench, "job");
        const work = await claimOneWork(bench);
        await again(bench, work, 5_000);
        expect(await bill(bench, work, 700)).toBe(false);
        expect(await again(bench, work, 0)).toBe(false);
        expect(await claimWork(bench)).toEqual([]);
        expect((await bench.read(task)).settled).toBe(false);
      });

      test("whose holder was lost is taken over when the lease ends, and the lost holder writes nothing", async () => {
        const task = await abandon(bench, "job");
        const lost = await claimOneWork(bench);
        bench.advance(LEASE_MS - 1);
        expect(await claimWork(bench)).toEqual([]);
        bench.advance(1);
        const taken = await claimOneWork(bench);
        expect(taken.item.tries).toBe(1);
        expect(await bill(bench, lost, 700)).toBe(false);
        expect(await again(bench, lost, 60_000)).toBe(false);
        expect((await bench.read(task)).settled).toBe(false);
        expect(await bill(bench, taken, 300)).toBe(true);
        expect((await bench.read(task)).costMicros).toBe(300);
      });

      test("is still its holder's after the lease while nobody took it over", async () => {
        const task = await abandon(bench, "job");
        const work = await claimOneWork(bench);
        bench.advance(LEASE_MS * 2);
        expect(await bill(bench, work, 300)).toBe(true);
        expect((await bench.read(task)).costMicros).toBe(300);
      });

      test("of one kind is no work of another", async () => {
        const task = await abandon(bench, "job", hook("https://x.example/hook"));
        expect(await bench.store.nextWorkIn("delivery")).toBe(0);
        const [cleanup] = await claimWork(bench);
        const [delivery] = await deliveries();
        expect(cleanup?.item).toMatchObject({ kind: "cleanup", taskId: task.id });
        expect(delivery?.item).toMatchObject({ kind: "delivery", taskId: task.id });
        expect(await finish(bench, delivery!, { kind: "done" })).toBe(true);
        expect(await bill(bench, cleanup!, 20)).toBe(true);
        expect(await bench.read(task)).toMatchObject({ settled: true, costMicros: 20 });
      });

      test("that does not exist is not finished", async () => {
        await abandon(bench, "job");
        const work = await claimOneWork(bench);
        const unknown = { ...work, item: { ...work.item, id: "nobody/1" } };
        expect(await bill(bench, unknown, 1)).toBe(false);
        const forged = { ...work, item: { ...work.item, fence: work.item.fence + 1 } };
        expect(await bill(bench, forged, 1)).toBe(false);
        expect(await bill(bench, work, 1)).toBe(true);
      });

      test("waits for the next claim where there are more than the claim may take", async () => {
        const tasks = await abandonAt(bench, "x", "y", "x", "y", "x");
        const claims = [await claimWork(bench, { max: 2 }), await claimWork(bench, { max: 2 })];
        expect(claims.map((claim) => claim.length)).toEqual([2, 2]);
        const last = await claimWork(bench, { max: 2 });
        expect([...claims.flatMap(idsOf), ...idsOf(last)].sort()).toEqual(tasks.map(({ id }) => id).sort());
      });
    });

    describe("a destination", () => {
      test("hands its items out in the order they are due", async () => {
        const tasks = await abandonAt(bench, "x", "x", "x");
        const [first] = await claimWork(bench, { max: 1 });
        expect(first?.item.taskId).toBe(tasks[0]!.id);
        await again(bench, first!, 5_000);
        bench.advance(5_000);
        const order: string[] = [];
        for (let index = 0; index < 3; index++) order.push(...idsOf(await claimWork(bench, { max: 1 })));
        expect(order).toEqual([tasks[1]!.id, tasks[2]!.id, tasks[0]!.id]);
      });

      test("has so many places for everybody together, whichever way one becomes free", async () => {
        await abandonAt(bench, ...Array.from({ length: 6 }, () => "x"));
        const claim = () => claimWork(bench, { maxPerDestination: 2 });
        const held = await claim();
        expect(held).toHaveLength(2);
        expect(await claim()).toEqual([]);
        await bill(bench, held[0]!, 1);
        expect(await claim()).toHaveLength(1);
        await again(bench, held[1]!, CLEANUP_LIMIT_MS);
        expect(await claim()).toHaveLength(1);
        expect(await claim()).toEqual([]);
        bench.advance(LEASE_MS);
        expect(await claim()).toHaveLength(2);
        expect(await claim()).toEqual([]);
      });

      test("has its own places: a full one keeps nothing from the others in the same claim", async () => {
        await abandonAt(bench, "x", "x", "x", "y", "y", "z");
        const claimed = await claimWork(bench, { maxPerDestination: 1 });
        expect(claimed.map(({ item }) => item.destination).sort()).toEqual(["x", "y", "z"]);
      });

      test("with thousands of items does not keep another's single one out of the same claim", {
        timeout: LONG_TEST_MS,
      }, async () => {
        for (let batch = 0; batch < 20; batch++)
          await Promise.all(Array.from({ length: 100 }, () => announced(bench, "https://slow.example/hook")));
        bench.advance(1);
        const late = await announced(bench, "https://other.example/hook");
        const claim = () =>
          bench.store.claimWork({ kind: "delivery", leaseMs: LEASE_MS, max: 32, maxPerDestination: 4 });
        const claimed = await claim();
        expect(claimed).toHaveLength(5);
        expect(idsOf(claimed)).toContain(late.id);
        expect(await claim()).toEqual([]);
      });

      test("that was not asked for keeps its items", async () => {
        const [, inY] = await abandonAt(bench, "x", "y", "z");
        expect(await claimWork(bench, { destinations: [] })).toEqual([]);
        expect(await claimWork(bench, { destinations: ["nowhere"] })).toEqual([]);
        expect(idsOf(await claimWork(bench, { destinations: ["y", "nowhere"] }))).toEqual([inY!.id]);
        const rest = await claimWork(bench);
        expect(rest.map(({ item }) => item.destination).sort()).toEqual(["x", "z"]);
      });

      test("that is paused gives out nothing until the pause ends, and the others go on", async () => {
        await abandonAt(bench, "x", "x", "x", "y");
        const [failing, open] = await claimWork(bench, { destinations: ["x"], max: 2 });
        await again(bench, failing!, 1_000, 30_000);
        bench.advance(1_000);
        expect((await claimWork(bench)).map(({ item }) => item.destination)).toEqual(["y"]);
        // Who has begun before the pause may end.
        expect(await bill(bench, open!, 1)).toBe(true);
        bench.advance(28_999);
        expect(await claimWork(bench, { destinations: ["x"] })).toEqual([]);
        bench.advance(1);
        expect(await claimWork(bench, { destinations: ["x"] })).toHaveLength(2);
      });

      test("that is paused takes in new items and keeps them", async () => {
        await abandonAt(bench, "x");
        await again(bench, await claimOneWork(bench), 0, 30_000);
        await abandonAt(bench, "x");
        expect(await claimWork(bench)).toEqual([]);
        bench.advance(30_000);
        expect(await claimWork(bench)).toHaveLength(2);
      });
    });

    describe("an item past its time", () => {
      const elsewhere = { destinations: ["other"] };

      test("goes to anybody, and says that it is overdue", async () => {
        await abandonAt(bench, "x");
        bench.advance(CLEANUP_LIMIT_MS - 2);
        expect(await claimWork(bench, elsewhere)).toEqual([]);
        bench.advance(1);
        const [work] = await claimWork(bench, elsewhere);
        expect(work).toMatchObject({ overdue: true, item: { destination: "x", tries: 0 } });
        expect(await claimWork(bench)).toEqual([]);
        expect(await bill(bench, work!, null)).toBe(true);
      });

      test("comes at its time though it was put off beyond it and its destination rests", async () => {
        const task = await abandon(bench, "job", through("x"));
        await again(bench, await claimOneWork(bench), CLEANUP_LIMIT_MS * 3, CLEANUP_LIMIT_MS * 3);
        bench.advance(CLEANUP_LIMIT_MS - 1);
        expect(await claimWork(bench)).toEqual([]);
        bench.advance(1);
        const work = await claimOneWork(bench, elsewhere);
        expect(work.overdue).toBe(true);
        await bill(bench, work, null);
        expect(await bench.read(task)).toMatchObject({ settled: true, costMicros: 0 });
      });

      test("stays with whoever works on it until that lease ends", async () => {
        await abandon(bench, "job");
        bench.advance(CLEANUP_LIMIT_MS - 1);
        const work = await claimOneWork(bench);
        expect(work.overdue).toBe(false);
        bench.advance(LEASE_MS - 1);
        expect(await claimWork(bench)).toEqual([]);
        expect(await bill(bench, work, 5)).toBe(true);
      });

      test("is not kept by a claim for a destination that has more of them", async () => {
        await abandonAt(bench, "x", "x", "x", "y");
        bench.advance(CLEANUP_LIMIT_MS);
        const seen = new Set<string>();
        for (let round = 0; round < 4; round++)
          for (const { item } of await claimWork(bench, { max: 1, ...elsewhere })) seen.add(item.id);
        expect(seen.size).toBe(4);
      });
    });

    describe("the next moment", () => {
      test("is null without work, and that of the earliest item with it", async () => {
        expect(await nextIn()).toBeNull();
        await abandonAt(bench, "x", "y");
        const first = await claimOneWork(bench, { destinations: ["x"] });
        await again(bench, first, 8_000);
        expect(await nextIn()).toBe(0);
        const second = await claimOneWork(bench, { destinations: ["y"] });
        await again(bench, second, 3_000);
        expect(await nextIn()).toBe(3_000);
        expect(await bench.store.nextWorkIn("delivery")).toBeNull();
      });

      test("of an item that is held is the end of its lease", async () => {
        await abandon(bench, "job");
        await claimOneWork(bench);
        expect(await nextIn()).toBe(LEASE_MS);
      });

      test("counts the destinations asked for, and what is overdue wherever it is", async () => {
        await abandonAt(bench, "x", "y");
        const createdAt = bench.now() - 2;
        await again(bench, await claimOneWork(bench, { destinations: ["y"] }), 8_000);
        expect(await nextIn(["y"])).toBe(8_000);
        expect(await nextIn(["x", "y"])).toBe(0);
        expect(await nextIn(["nowhere"])).toBe(createdAt + CLEANUP_LIMIT_MS - bench.now());
      });

      test("of a destination that rests is the end of its pause", async () => {
        await abandonAt(bench, "x", "x", "y");
        await again(bench, await claimOneWork(bench, { destinations: ["x"] }), 1_000, 30_000);
        expect(await nextIn(["x"])).toBe(30_000);
        expect(await nextIn()).toBe(0);
        await bill(bench, await claimOneWork(bench, { destinations: ["y"] }), 1);
        expect(await nextIn()).toBe(30_000);
        bench.advance(30_000);
        expect(await nextIn()).toBe(0);
      });
    });

    describe("races", () => {
      test("claims at once never share an item, and leave none", async () => {
        const tasks = await abandonAt(bench, ...Array.from({ length: 24 }, (_, index) => "xyz"[index % 3]!));
        const claims = await Promise.all(Array.from({ length: 12 }, () => claimWork(bench, { max: 3 })));
        expect(idsOf(claims.flat()).sort()).toEqual(tasks.map(({ id }) => id).sort());
      });

      test("claims at once never exceed a destination's places", async () => {
        await abandonAt(bench, ...Array.from({ length: 12 }, (_, index) => "xy"[index % 2]!));
        const claims = await Promise.all(
          Array.from({ length: 8 }, () => claimWork(bench, { maxPerDestination: 2 })),
        );
        const destinations = claims.flat().map(({ item }) => item.destination);
        expect(destinations.sort()).toEqual(["x", "x", "y", "y"]);
      });

      test.each([1, 2])(
        "every item is finished exactly once, whoever is lost, late or put off meanwhile (seed %i)",
        { timeout: LONG_TEST_MS },
        async (seed) => {
          const random = createSeededRandom(seed);
          const tasks = await abandonAt(
            bench,
            ...Array.from({ length: 30 }, () => random.pick(["x", "y", "z"])),
          );
          const claimed: ClaimedWork[] = [];
          const done: string[] = [];
          const step = async () => {
            const work = claimed[random.below(Math.max(1, claimed.length))];
            switch (random.below(4)) {
              case 0:
                claimed.push(...(await claimWork(bench, { max: 4, maxPerDestination: 3 })));
                return;
              case 1:
                if (work) await again(bench, work, random.below(3_000), random.below(2_000));
                return;
              case 2:
                if (work && (await bill(bench, work, 10))) done.push(work.item.taskId);
                return;
              default:
                bench.advance(random.below(LEASE_MS / 2));
            }
          };
          for (let round = 0; round < 30; round++) await Promise.all(Array.from({ length: 6 }, step));
          bench.advance(CLEANUP_LIMIT_MS);
          for (const work of await claimWork(bench))
            if (await bill(bench, work, 10)) done.push(work.item.taskId);
          expect([...done].sort()).toEqual(tasks.map(({ id }) => id).sort());
          for (const task of tasks)
            expect(await bench.read(task)).toMatchObject({ settled: true, costMicros: 10, openCleanups: 0 });
          expect(await nextIn()).toBeNull();
        },
      );
    });
  });
}
