/** What tasks leave behind at providers: every job is cleaned up under its own names, and its bill settles its task once. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Json } from "../../../src/protocol/task.ts";
import { upstreamJobOf } from "../../../src/tasks/due-work.ts";
import type { Claim, ClaimedWork } from "../../../src/tasks/ports/task-store.ts";
import type { Task } from "../../../src/tasks/task.ts";
import {
  Bench,
  COMPLETE,
  LEASE_MS,
  RESERVED,
  type StoreContract,
  scopeOf,
  TIMEOUT_MS,
} from "../store-harness.ts";
import {
  abandon,
  again,
  bill,
  claimOneWork,
  claimWork,
  fail,
  nextCandidate,
  payloadOf,
  save,
  started,
  through,
} from "./leftovers.ts";

export function billContract(contract: StoreContract): void {
  describe("bills", () => {
    let bench: Bench;
    beforeEach(async () => {
      bench = await Bench.open(contract);
    });
    afterEach(() => bench.dispose());

    const cancel = (task: Task) => bench.store.cancel(scopeOf(task.tenant.keyId), task.id);
    const idsOf = (claimed: readonly ClaimedWork[]) => claimed.map(({ item }) => item.taskId);

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
          fence: expect.any(Number),
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
          fence: expect.any(Number),
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
        const job = {
          provider: "x",
          model: "old-model",
          credential: "old account",
          attempt: 1,
          fence: stale.lease.fence,
        };
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

      test("of a bill whose job never had a reference is recorded once, and charged to nobody", async () => {
        const { task, stale, holder } = await overtaken();
        const { id: taskId } = task;
        const late = { taskId, fence: stale.lease.fence, job: upstreamJobOf(stale.task), state: null };
        await bench.store.reportLate({ ...late, costMicros: 900, unnamed: true });
        await bench.store.reportLate({ ...late, costMicros: 900, unnamed: true });
        const work = await claimOneWork(bench);
        expect(payloadOf(work)).toMatchObject({ state: null, reported: true, costMicros: 900 });
        await bench.apply(holder, COMPLETE);
        await bill(bench, work, 900);
        expect(await claimWork(bench)).toEqual([]);
        expect(await bench.read(task)).toMatchObject({
          costMicros: 400,
          upstreamMicros: 1_300,
          openCleanups: 0,
        });
      });

      test("counts also before another holder has the task", async () => {
        const { task, claim } = await started(bench, null, through("x"));
        bench.advance(LEASE_MS);
        await bench.store.sweep(10);
        await report(claim, "stray");
        const work = await claimOneWork(bench);
        expect(payloadOf(work)).toMatchObject({ state: "stray", reported: true });
        await bench.apply(await bench.claimOne(), COMPLETE);
        await bill(bench, work, 70);
        expect(await bench.read(task)).toMatchObject({ costMicros: 400, upstreamMicros: 470 });
      });

      test("of an end that was stored although its answer was lost does nothing", async () => {
        const { task, claim } = await started(bench, null);
        await bench.apply(claim, COMPLETE);
        const { taskId, fence } = claim.lease;
        const job = upstreamJobOf(claim.task);
        await bench.store.reportLate({ taskId, fence, job, state: null, costMicros: 400, unnamed: true });
        expect(await claimWork(bench)).toEqual([]);
        expect(await bench.read(task)).toMatchObject({ upstreamMicros: 400, openCleanups: 0 });
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
  });
}
