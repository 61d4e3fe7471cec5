/** Due work: handed out once under a lease, a queue for each destination, finished by whoever still holds it. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Json } from "../../../src/protocol/task.ts";
import { upstreamJobOf } from "../../../src/tasks/due-work.ts";
import type { Claim, ClaimedWork } from "../../../src/tasks/ports/task-store.ts";
import type { Task } from "../../../src/tasks/task.ts";
import { createSeededRandom } from "../../fixture/seeded-random.ts";
import {
  Bench,
  COMPLETE,
  LEASE_MS,
  MAX_WAIT_MS,
  RESERVED,
  type StoreContract,
  scopeOf,
  TIMEOUT_MS,
} from "../store-harness.ts";
import {
  abandon,
  abandonAt,
  again,
  announced,
  bill,
  CLEANUP_LIMIT_MS,
  claimOneWork,
  claimWork,
  DELIVERY_LIMIT_MS,
  fail,
  finish,
  hook,
  nextCandidate,
  payloadOf,
  save,
  started,
  through,
} from "./leftovers.ts";

/** Thousands of calls, each of which may cross a network, ms. */
const LONG_TEST_MS = 60_000;
const RETENTION = { tasksMs: 3_600_000, eventsMs: 3_600_000, ledgerMs: 3_600_000 };

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
    const nextAt = (destinations?: readonly string[]) => bench.store.nextWorkAt("cleanup", destinations);

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
        expect(await nextAt()).toBeNull();
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
        expect(await bench.store.nextWorkAt("delivery")).toBe(bench.now());
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
        expect(await nextAt()).toBeNull();
        await abandonAt(bench, "x", "y");
        const first = await claimOneWork(bench, { destinations: ["x"] });
        await again(bench, first, 8_000);
        expect(await nextAt()).toBeLessThanOrEqual(bench.now());
        const second = await claimOneWork(bench, { destinations: ["y"] });
        await again(bench, second, 3_000);
        expect(await nextAt()).toBe(bench.now() + 3_000);
        expect(await bench.store.nextWorkAt("delivery")).toBeNull();
      });

      test("of an item that is held is the end of its lease", async () => {
        await abandon(bench, "job");
        await claimOneWork(bench);
        expect(await nextAt()).toBe(bench.now() + LEASE_MS);
      });

      test("counts the destinations asked for, and what is overdue wherever it is", async () => {
        await abandonAt(bench, "x", "y");
        const createdAt = bench.now() - 2;
        await again(bench, await claimOneWork(bench, { destinations: ["y"] }), 8_000);
        expect(await nextAt(["y"])).toBe(bench.now() + 8_000);
        expect(await nextAt(["x", "y"])).toBeLessThanOrEqual(bench.now());
        expect(await nextAt(["nowhere"])).toBe(createdAt + CLEANUP_LIMIT_MS);
      });

      test("of a destination that rests is the end of its pause", async () => {
        await abandonAt(bench, "x", "x", "y");
        await again(bench, await claimOneWork(bench, { destinations: ["x"] }), 1_000, 30_000);
        expect(await nextAt(["x"])).toBe(bench.now() + 30_000);
        expect(await nextAt()).toBeLessThanOrEqual(bench.now());
        await bill(bench, await claimOneWork(bench, { destinations: ["y"] }), 1);
        expect(await nextAt()).toBe(bench.now() + 30_000);
        bench.advance(30_000);
        expect(await nextAt()).toBeLessThanOrEqual(bench.now());
      });
    });

    describe("a task's bill", () => {
      /** Its job at `x` was given up for one at `y`, where it runs now. */
      const rerouted = async (jobs: { x: Json; y: Json }) => {
        const { task, claim } = await started(bench, jobs.x, through("x", "y"));
        await bench.apply(claim, save(jobs.x, "account of x"));
        await bench.apply(claim, nextCandidate());
        const second = await bench.claimOne();
        await bench.apply(second, save(jobs.y, "account of y"));
        return { task, second };
      };
      const jobsLeft = async () =>
        (await claimWork(bench)).sort((one, other) =>
          one.item.destination.localeCompare(other.item.destination),
        );

      test("settles a cancelled one at what its job came to, within the reservation, once", async () => {
        for (const [billed, charged] of [
          [250, 250],
          [RESERVED * 7, RESERVED],
          [null, 0],
          [0, 0],
        ] as const) {
          const task = await abandon(bench, "job");
          expect(await bench.read(task)).toMatchObject({ settled: false, costMicros: 0, openCleanups: 1 });
          const work = await claimOneWork(bench);
          const both = await Promise.all([bill(bench, work, billed), bill(bench, work, billed)]);
          expect(both.filter(Boolean)).toHaveLength(1);
          expect(await bench.read(task)).toMatchObject({
            settled: true,
            costMicros: charged,
            upstreamMicros: billed,
            openCleanups: 0,
          });
        }
      });

      test("says how the job ended", async () => {
        const task = await abandon(bench, "job");
        expect((await bench.read(task)).cancellation).toBe("requested");
        await bill(bench, await claimOneWork(bench), 1, "unsupported_upstream");
        expect((await bench.read(task)).cancellation).toBe("unsupported_upstream");
      });

      test("is never charged to a failed one", async () => {
        const { task, claim } = await started(bench, "job");
        await bench.apply(claim, fail(false));
        await bill(bench, await claimOneWork(bench), 300);
        expect(await bench.read(task)).toMatchObject({
          status: "failed",
          settled: true,
          costMicros: 0,
          upstreamMicros: 300,
          cancellation: null,
        });
      });

      test("leaves nothing to do where the provider said that the job is over", async () => {
        const { claim } = await started(bench, "job");
        await bench.apply(claim, fail(true));
        expect(await claimWork(bench)).toEqual([]);
      });

      test("of a candidate that was given up is asked for under that candidate's own names", async () => {
        await rerouted({ x: "job at x", y: "job at y" });
        const [left, ...none] = await jobsLeft();
        expect(none).toEqual([]);
        expect(payloadOf(left!)).toEqual({
          provider: "x",
          model: "x-model",
          credential: "account of x",
          attempt: 1,
          state: "job at x",
          reported: false,
          costMicros: null,
        });
        expect(left!.item.destination).toBe("x");
      });

      test("is complete when the last of several jobs is in: their sum", async () => {
        const { task } = await rerouted({ x: "job at x", y: "job at y" });
        await cancel(task);
        const [atX, atY] = await jobsLeft();
        expect(payloadOf(atY!)).toMatchObject({
          provider: "y",
          model: "y-model",
          credential: "account of y",
          attempt: 2,
          state: "job at y",
        });
        await bill(bench, atY!, 300);
        expect(await bench.read(task)).toMatchObject({ settled: false, costMicros: 0, openCleanups: 1 });
        await bill(bench, atX!, 40);
        expect(await bench.read(task)).toMatchObject({
          settled: true,
          costMicros: 340,
          upstreamMicros: 340,
          openCleanups: 0,
        });
      });

      test.each([
        { bills: [700, 600], charged: RESERVED },
        { bills: [null, 40], charged: 40 },
        { bills: [null, null], charged: 0 },
      ])("of several jobs stays within the reservation: $bills", async ({ bills, charged }) => {
        const { task } = await rerouted({ x: 1, y: 2 });
        await cancel(task);
        const left = await jobsLeft();
        await Promise.all(left.map((work, index) => bill(bench, work, bills[index]!)));
        expect(await bench.read(task)).toMatchObject({ settled: true, costMicros: charged });
      });

      test("of a candidate that was given up does not wait for a task that still runs, nor add to its price", async () => {
        const { task, second } = await rerouted({ x: 1, y: 2 });
        const [left] = await jobsLeft();
        expect(await bill(bench, left!, 70)).toBe(true);
        expect(await bench.read(task)).toMatchObject({ status: "running", settled: false, openCleanups: 0 });
        await bench.apply(second, COMPLETE);
        expect(await bench.read(task)).toMatchObject({
          settled: true,
          costMicros: 400,
          upstreamMicros: 470,
        });
      });

      test("that comes after the task was completed is recorded and charged to nobody", async () => {
        const { task, second } = await rerouted({ x: 1, y: 2 });
        await bench.apply(second, COMPLETE);
        const [left] = await jobsLeft();
        expect(await bill(bench, left!, 70)).toBe(true);
        expect(await bench.read(task)).toMatchObject({
          status: "completed",
          settled: true,
          costMicros: 400,
          upstreamMicros: 470,
          openCleanups: 0,
        });
      });

      test("of a task cancelled between two candidates settles it when the first one's job is in", async () => {
        const { task, claim } = await started(bench, "job at x", through("x", "y"));
        await bench.apply(claim, nextCandidate());
        await cancel(task);
        expect(await bench.read(task)).toMatchObject({ status: "cancelled", settled: false });
        await bill(bench, await claimOneWork(bench), 55);
        expect(await bench.read(task)).toMatchObject({ settled: true, costMicros: 55 });
      });

      test("is asked for where a held task ended without a reference: its holder may still hand one over", async () => {
        const expired = await bench.submit();
        await bench.claimOne();
        bench.advance(TIMEOUT_MS);
        await bench.store.sweep(10);
        const cancelled = await bench.submit();
        await bench.claimOne();
        await cancel(cancelled);
        const left = await claimWork(bench);
        expect(idsOf(left).sort()).toEqual([expired.id, cancelled.id].sort());
        expect(left.map((work) => payloadOf(work).state)).toEqual([null, null]);
      });
    });

    describe("a late report", () => {
      const report = (
        { lease, task }: Claim,
        state: Json,
        costMicros: number | null = null,
        fence = lease.fence,
      ) => bench.store.reportLate({ taskId: task.id, fence, job: upstreamJobOf(task), state, costMicros });
      /** Cancelled while the first call was open: a cleanup without a reference. */
      const blindly = async () => {
        const task = await bench.submit();
        const holder = await bench.claimOne();
        await cancel(task);
        return { task, holder };
      };
      /** The first holder's lease ran out before it had a reference; another one holds the task now. */
      const overtaken = async () => {
        const task = await bench.submit(through("x"));
        const stale = await bench.claimOne();
        bench.advance(LEASE_MS);
        await bench.store.sweep(10);
        return { task, stale, holder: await bench.claimOne() };
      };

      test("adds what the holder knew to the cleanup it left, due at once", async () => {
        const { task, holder } = await blindly();
        await again(bench, await claimOneWork(bench), 60_000);
        await report(holder, "job 5", 77);
        const work = await claimOneWork(bench);
        expect(payloadOf(work)).toMatchObject({ state: "job 5", reported: true, costMicros: 77 });
        expect(await claimWork(bench)).toEqual([]);
        expect((await bench.read(task)).openCleanups).toBe(1);
      });

      test("takes the item from whoever works on it without knowing", async () => {
        const { task, holder } = await blindly();
        const blind = await claimOneWork(bench);
        await report(holder, "job 6");
        expect(await bill(bench, blind, null)).toBe(false);
        expect(await again(bench, blind, 60_000)).toBe(false);
        const informed = await claimOneWork(bench);
        expect(informed.item.tries).toBe(1);
        expect(payloadOf(informed)).toMatchObject({ state: "job 6", reported: true });
        expect(await bill(bench, informed, 10)).toBe(true);
        expect((await bench.read(task)).costMicros).toBe(10);
      });

      test("gives back the place of whoever it took the item from", async () => {
        const { holder } = await blindly();
        await claimOneWork(bench, { maxPerDestination: 1 });
        await report(holder, "job");
        expect(await claimWork(bench, { maxPerDestination: 1 })).toHaveLength(1);
        expect(await claimWork(bench, { maxPerDestination: 1 })).toEqual([]);
      });

      test("with nothing in it says that the call is over, and what was known stays known", async () => {
        const { task, claim } = await started(bench, "job 7");
        await cancel(task);
        await again(bench, await claimOneWork(bench), 60_000);
        await report(claim, null);
        const work = await claimOneWork(bench);
        expect(payloadOf(work)).toMatchObject({ state: "job 7", reported: true, costMicros: null });
      });

      test("of a submit that the task does not go on with gets a cleanup of its own", async () => {
        const { task, stale, holder } = await overtaken();
        await bench.apply(holder, save("the task's job"));
        const job = { provider: "x", model: "old-model", credential: "old account", attempt: 1 };
        const late = { taskId: task.id, fence: stale.lease.fence, job, state: "stray", costMicros: null };
        await bench.store.reportLate(late);
        await bench.store.reportLate(late);
        expect(await bench.read(task)).toMatchObject({ state: "the task's job", openCleanups: 1 });
        const [work, ...none] = await claimWork(bench);
        expect(none).toEqual([]);
        expect(work?.item).toMatchObject({ destination: "x", taskId: task.id, tries: 0 });
        expect(payloadOf(work!)).toMatchObject({ ...job, state: "stray", reported: true });
        await bench.apply(holder, COMPLETE);
        expect(await bill(bench, work!, 70)).toBe(true);
        expect(await bench.read(task)).toMatchObject({
          status: "completed",
          costMicros: 400,
          upstreamMicros: 470,
          openCleanups: 0,
        });
      });

      test("of such a submit counts in the bill of a task that is cancelled", async () => {
        const { task, stale, holder } = await overtaken();
        await bench.apply(holder, save("the task's job"));
        await report(stale, "stray");
        await cancel(task);
        const left = await claimWork(bench);
        expect(left).toHaveLength(2);
        for (const work of left) await bill(bench, work, 30);
        expect(await bench.read(task)).toMatchObject({ settled: true, costMicros: 60 });
      });

      test("of the job that the task goes on with does nothing", async () => {
        const { task, claim } = await started(bench, "the job");
        bench.advance(LEASE_MS);
        await bench.store.sweep(10);
        await bench.claimOne();
        const before = await bench.read(task);
        await report(claim, "the job", 900);
        expect(await bench.read(task)).toEqual(before);
        expect(await claimWork(bench)).toEqual([]);
      });

      test("of a job that another holder's cleanup looks after makes no second one", async () => {
        const { task, claim } = await started(bench, "job at x", through("x", "y"));
        bench.advance(LEASE_MS);
        await bench.store.sweep(10);
        // The second holder goes on with the job, and gives it up for the next candidate's.
        await bench.apply(await bench.claimOne(), nextCandidate());
        await bench.apply(await bench.claimOne(), save("job at y"));
        await report(claim, "job at x");
        await cancel(task);
        const left = await claimWork(bench);
        expect(left.map((work) => payloadOf(work).state).sort()).toEqual(["job at x", "job at y"]);
        for (const work of left) await bill(bench, work, 30);
        expect(await bench.read(task)).toMatchObject({ settled: true, costMicros: 60 });
      });

      test("without a reference, from a holder that left no cleanup, does nothing", async () => {
        const { task, stale } = await overtaken();
        const before = await bench.read(task);
        await report(stale, null, 900);
        expect(await bench.read(task)).toEqual(before);
        expect(await claimWork(bench)).toEqual([]);
      });

      test("under a fence that no lost holder has does nothing", async () => {
        const { task, holder } = await overtaken();
        const before = await bench.read(task);
        for (const fence of [holder.lease.fence, holder.lease.fence + 1])
          await report(holder, "forged", 900, fence);
        await report({ ...holder, task: { ...holder.task, id: "unknown" } }, "forged", 900, 0);
        expect(await bench.read(task)).toEqual(before);
        expect(await claimWork(bench)).toEqual([]);
      });

      test("of a job whose bill is in does nothing", async () => {
        const { task, claim } = await started(bench, "job");
        await cancel(task);
        await bill(bench, await claimOneWork(bench), 5);
        const before = await bench.read(task);
        await report(claim, "job", 800);
        expect(await bench.read(task)).toEqual(before);
        expect(await claimWork(bench)).toEqual([]);
      });

      test("changes the price of nothing that is settled", async () => {
        const { task, holder } = await blindly();
        await bill(bench, await claimOneWork(bench), null);
        await report(holder, "an unknown job", 800);
        for (const work of await claimWork(bench)) await bill(bench, work, 800);
        expect(await bench.read(task)).toMatchObject({ settled: true, costMicros: 0, openCleanups: 0 });
      });
    });

    describe("a webhook", () => {
      const URL_OF_HOOK = "https://user.example:8443/hooks/1?key=é";
      const ends: Record<string, () => Promise<Task>> = {
        completed: async () => {
          await bench.submit(hook(URL_OF_HOOK));
          return bench.apply(await bench.claimOne(), COMPLETE);
        },
        failed: async () => {
          await bench.submit(hook(URL_OF_HOOK));
          return bench.apply(await bench.claimOne(), fail(true));
        },
        cancelled: async () => {
          const task = await bench.submit(hook(URL_OF_HOOK));
          await cancel(task);
          return bench.read(task);
        },
        expired: async () => {
          await bench.submit(hook(URL_OF_HOOK));
          bench.advance(MAX_WAIT_MS);
          return (await bench.store.sweep(10)).updates[0]!.task;
        },
      };

      test.each(Object.keys(ends))("hears of the end of a %s task, once, at its origin", async (how) => {
        const task = await ends[how]!();
        const claimed = await deliveries();
        expect(claimed).toEqual([
          {
            item: {
              id: `${task.id}/${task.seq}`,
              kind: "delivery",
              destination: "https://user.example:8443",
              taskId: task.id,
              payload: { url: URL_OF_HOOK, type: `task.${task.status}`, seq: task.seq },
              createdAt: bench.now(),
              giveUpAt: bench.now() + DELIVERY_LIMIT_MS,
              tries: 0,
              fence: expect.any(Number),
            },
            task,
            overdue: false,
          },
        ]);
        await cancel(task);
        expect(await deliveries()).toEqual([]);
        expect(await finish(bench, claimed[0]!, { kind: "done" })).toBe(true);
        expect(await bench.store.nextWorkAt("delivery")).toBeNull();
        expect(await bench.read(task)).toEqual(task);
      });

      test("hears of nothing before the end, nor of an end that was refused", async () => {
        const task = await bench.submit({ ...hook(URL_OF_HOOK), ...through("x", "y") });
        const lost = await bench.claimOne();
        await bench.apply(lost, nextCandidate());
        const holder = await bench.claimOne();
        await bench.apply(holder, save("job"));
        expect((await bench.store.advance(lost.lease, COMPLETE)).applied).toBe(false);
        expect(await deliveries()).toEqual([]);
        await bench.apply(holder, COMPLETE);
        expect((await bench.store.advance(holder.lease, fail(true))).applied).toBe(false);
        expect(idsOf(await deliveries())).toEqual([task.id]);
      });

      test("hears once of a task that several end at the same time", async () => {
        for (let round = 0; round < 6; round++) {
          const task = await bench.submit({ ...hook(URL_OF_HOOK), timeoutMs: 1_000 });
          const claim = await bench.claimOne();
          bench.advance(1_000);
          const ends = [
            () => bench.store.advance(claim.lease, COMPLETE),
            () => cancel(task),
            () => bench.store.sweep(10),
            () => bench.store.advance(claim.lease, fail(true)),
          ];
          const turned = [...ends.slice(round % ends.length), ...ends.slice(0, round % ends.length)];
          await Promise.all(turned.map((end) => end()));
          const { status, seq } = await bench.read(task);
          const heard = await deliveries();
          expect(heard.map(({ item }) => item.payload)).toEqual([
            { url: URL_OF_HOOK, type: `task.${status}`, seq },
          ]);
          await finish(bench, heard[0]!, { kind: "done" });
        }
      });

      test("that nobody asked for gets nothing", async () => {
        await bench.submit();
        await bench.apply(await bench.claimOne(), COMPLETE);
        expect(await deliveries()).toEqual([]);
        expect(await bench.store.nextWorkAt("delivery")).toBeNull();
      });
    });

    describe("a task that is removed", () => {
      const removals: Record<string, (task: Task) => Promise<unknown>> = {
        purge: (task) => bench.store.purge(scopeOf("a"), task.id),
        retention: () => {
          bench.advance(RETENTION.tasksMs);
          return bench.store.retire(RETENTION, 10);
        },
      };

      test.each(Object.keys(removals))("by %s takes its due work with it", async (how) => {
        const task = await announced(bench, "https://x.example/hook");
        await removals[how]!(task);
        expect(await bench.store.get(scopeOf("a"), task.id)).toBeNull();
        bench.advance(LEASE_MS);
        expect(await deliveries()).toEqual([]);
        expect(await bench.store.nextWorkAt("delivery")).toBeNull();
      });

      test.each(Object.keys(removals))(
        "by %s while its work is held frees that place, and the holder finishes nothing",
        async (how) => {
          const claim = () =>
            claimWork(bench, { kind: "delivery", leaseMs: 7_200_000, maxPerDestination: 1 });
          const task = await announced(bench, "https://x.example/hook");
          const [held] = await claim();
          await removals[how]!(task);
          const next = await announced(bench, "https://x.example/hook");
          expect(idsOf(await claim())).toEqual([next.id]);
          expect(await finish(bench, held!, { kind: "done" })).toBe(false);
          expect(await again(bench, held!, 0)).toBe(false);
          expect(await claim()).toEqual([]);
        },
      );
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
          expect(await nextAt()).toBeNull();
        },
      );
    });
  });
}
