/** Cleanup items: what an end leaves behind upstream is looked after, settled once, and given up in time. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Json } from "../../../src/protocol/task.ts";
import { cleanupPayload, upstreamJobOf } from "../../../src/tasks/due-work.ts";
import type { Claim, ClaimedWork } from "../../../src/tasks/ports/task-store.ts";
import type { Task } from "../../../src/tasks/task.ts";
import { NOTHING_SPENT } from "../../../src/tasks/transition.ts";
import {
  Bench,
  FAILURE,
  LEASE_MS,
  RESERVED,
  type StoreContract,
  scopeOf,
  TIMEOUT_MS,
} from "../store-harness.ts";

const GIVE_UP_MS = 10 * 60_000;

export function cleanupContract(contract: StoreContract): void {
  describe("cleanup", () => {
    let bench: Bench;
    beforeEach(async () => {
      bench = await Bench.open(contract);
    });
    afterEach(() => bench.dispose());

    const items = (max = 10) => bench.cleanups(max);
    const cancel = (task: Task) => bench.store.cancel(scopeOf("a"), task.id);
    /** A task cancelled while its job runs upstream under the reference. */
    const abandoned = async (state: string): Promise<{ task: Task; claim: Claim }> => {
      const task = await bench.submit();
      const claim = await bench.claimOne();
      await bench.apply(claim, { kind: "save", state, spent: NOTHING_SPENT });
      await cancel(task);
      return { task, claim };
    };
    const settled = (work: ClaimedWork, billedMicros: number | null) => bench.bill(work, billedMicros);
    const stateOf = ({ item }: ClaimedWork) => cleanupPayload(item).state;
    const report = ({ lease, task }: Claim, state: Json, costMicros: number | null, fence = lease.fence) =>
      bench.store.reportLate({ taskId: task.id, fence, job: upstreamJobOf(task), state, costMicros });

    test("an end that leaves nothing upstream leaves no item and is settled", async () => {
      const task = await bench.submit();
      await cancel(task);
      expect(await bench.read(task)).toMatchObject({ settled: true, costMicros: 0 });
      expect(await items()).toEqual([]);
      expect(await bench.store.nextWorkIn("cleanup")).toBeNull();
    });

    test("a cancelled job is looked after and settled at its bill, once", async () => {
      const { task } = await abandoned("job 1");
      expect(await bench.read(task)).toMatchObject({
        settled: false,
        costMicros: 0,
        cancellation: "requested",
      });
      expect(await bench.store.nextWorkIn("cleanup")).toBe(0);
      const [item] = await items();
      expect(item).toMatchObject({
        item: {
          kind: "cleanup",
          destination: "local",
          taskId: task.id,
          payload: {
            provider: "local",
            model: "canvas",
            credential: null,
            attempt: 1,
            state: "job 1",
            reported: false,
            costMicros: null,
          },
          tries: 0,
          createdAt: bench.now(),
          giveUpAt: bench.now() + GIVE_UP_MS,
        },
        task: { id: task.id, request: task.request, status: "cancelled" },
        overdue: false,
      });
      expect(await items()).toEqual([]);
      expect(await settled(item!, 250)).toBe(true);
      expect(await bench.read(task)).toMatchObject({
        settled: true,
        costMicros: 250,
        cancellation: "immediate",
      });
      expect(await settled(item!, 900)).toBe(false);
      expect((await bench.read(task)).costMicros).toBe(250);
      expect(await bench.store.nextWorkIn("cleanup")).toBeNull();
    });

    test("a bill is bounded by the reservation, and no bill is free", async () => {
      const dear = await abandoned("dear");
      const free = await abandoned("free");
      for (const item of await items()) await settled(item, stateOf(item) === "dear" ? RESERVED * 7 : null);
      expect((await bench.read(dear.task)).costMicros).toBe(RESERVED);
      expect((await bench.read(free.task)).costMicros).toBe(0);
    });

    test("a failed task is never charged, whatever its provider billed", async () => {
      const task = await bench.submit();
      const claim = await bench.claimOne();
      await bench.apply(claim, { kind: "save", state: "job", spent: NOTHING_SPENT });
      await bench.apply(claim, { kind: "fail", error: FAILURE, jobOver: false, spent: NOTHING_SPENT });
      expect((await bench.read(task)).settled).toBe(false);
      const [item] = await items();
      expect(await settled(item!, 300)).toBe(true);
      expect(await bench.read(task)).toMatchObject({
        status: "failed",
        settled: true,
        costMicros: 0,
        cancellation: null,
      });
    });

    test("an item put off comes again when it is due, with its tries counted", async () => {
      await abandoned("job");
      const [first] = await items();
      expect(await bench.store.finishWork(first!.item, { kind: "again", delayMs: 5_000 })).toBe(true);
      expect(await items()).toEqual([]);
      expect(await bench.store.nextWorkIn("cleanup")).toBe(5_000);
      bench.advance(5_000);
      const [second] = await items();
      expect(second).toMatchObject({ item: { tries: 1, payload: { state: "job" } } });
      expect(await settled(first!, 1)).toBe(false);
      expect(await settled(second!, 1)).toBe(true);
    });

    test("an item whose holder was lost is claimed again, and the lost holder cannot settle it", async () => {
      const { task } = await abandoned("job");
      const [lost] = await items();
      bench.advance(LEASE_MS - 1);
      expect(await items()).toEqual([]);
      bench.advance(1);
      const [taken] = await items();
      expect(await settled(lost!, 700)).toBe(false);
      expect((await bench.read(task)).settled).toBe(false);
      expect(await settled(taken!, 300)).toBe(true);
    });

    test("an item past its time is handed out as overdue, whatever its destination, and settles free", async () => {
      const { task } = await abandoned("job");
      const [first] = await items();
      await bench.store.finishWork(first!.item, { kind: "again", delayMs: GIVE_UP_MS * 2 });
      bench.advance(GIVE_UP_MS - 1);
      const elsewhere = { kind: "cleanup", leaseMs: LEASE_MS, max: 10, maxPerDestination: 10 } as const;
      expect(await bench.store.claimWork({ ...elsewhere, destinations: ["other"] })).toEqual([]);
      bench.advance(1);
      const [overdue] = await bench.store.claimWork({ ...elsewhere, destinations: ["other"] });
      expect(overdue).toMatchObject({ overdue: true, item: { payload: { state: "job" } } });
      expect(await settled(overdue!, null)).toBe(true);
      expect(await bench.read(task)).toMatchObject({ settled: true, costMicros: 0, status: "cancelled" });
      expect(await bench.store.nextWorkIn("cleanup")).toBeNull();
    });

    test("an item past its time stays with whoever works on it", async () => {
      const { task } = await abandoned("job");
      bench.advance(GIVE_UP_MS);
      const [item] = await items();
      expect(await items()).toEqual([]);
      expect(await settled(item!, 123)).toBe(true);
      expect((await bench.read(task)).costMicros).toBe(123);
    });

    test("a deadline and a cancel of a held task leave an item even without a reference", async () => {
      const expired = await bench.submit();
      await bench.claimOne();
      bench.advance(TIMEOUT_MS);
      await bench.store.sweep(10);
      const cancelled = await bench.submit();
      await bench.claimOne();
      await cancel(cancelled);
      const claimed = await items();
      expect(claimed.map(({ item }) => item.taskId).sort()).toEqual([expired.id, cancelled.id].sort());
      expect(claimed.map(stateOf)).toEqual([null, null]);
    });

    test("the overtaken holder may still hand over its reference and its cost, and nobody else may", async () => {
      const task = await bench.submit();
      const holder = await bench.claimOne();
      await cancel(task);
      await report(holder, "forged", 999, holder.lease.fence + 1);
      await report({ ...holder, task: { ...holder.task, id: "unknown" } }, null, null);
      const [untouched] = await items();
      expect(untouched).toMatchObject({ item: { payload: { state: null, reported: false } } });
      await report(holder, "job 5", 77);
      const [item] = await items();
      expect(item).toMatchObject({ item: { payload: { state: "job 5", reported: true, costMicros: 77 } } });
      expect(await bench.read(task)).toMatchObject({ status: "cancelled", state: null, settled: false });
    });

    test("a late report overtakes whoever settles without knowing it", async () => {
      const task = await bench.submit();
      const holder = await bench.claimOne();
      await cancel(task);
      const [blind] = await items();
      await report(holder, "job 6", null);
      expect(await settled(blind!, null)).toBe(false);
      const [informed] = await items();
      expect(informed).toMatchObject({ item: { payload: { state: "job 6", reported: true }, tries: 1 } });
      expect(await settled(informed!, 10)).toBe(true);
    });

    test("a late report with nothing in it says that the call is over: the item is due at once and keeps its reference", async () => {
      const { claim } = await abandoned("job 7");
      const [item] = await items();
      await bench.store.finishWork(item!.item, { kind: "again", delayMs: 60_000 });
      expect(await items()).toEqual([]);
      await report(claim, null, null);
      expect(await items()).toMatchObject([{ item: { payload: { state: "job 7", reported: true } } }]);
    });

    test("a report after the settlement changes nothing", async () => {
      const { task, claim } = await abandoned("job");
      const [item] = await items();
      await settled(item!, 5);
      const before = await bench.read(task);
      await report(claim, "more", 800);
      expect(await bench.read(task)).toEqual(before);
      expect(await items()).toEqual([]);
    });

    test("claims at once never hand out one item twice", async () => {
      for (let index = 0; index < 12; index++) await abandoned(`job ${index}`);
      const claimed = (await Promise.all(Array.from({ length: 8 }, () => items(3)))).flat();
      expect(new Set(claimed.map(({ item }) => item.taskId)).size).toBe(12);
      expect(claimed).toHaveLength(12);
    });
  });
}
