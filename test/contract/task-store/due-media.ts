/** Whose files are due: all of a task's some time after its end, never before, and none passed over when a caller dies. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { MediaRetention } from "../../../src/tasks/ports/task-store.ts";
import type { Task } from "../../../src/tasks/task.ts";
import {
  Bench,
  COMPLETE,
  ENDINGS,
  LEASE_MS,
  RELEASE,
  type StoreContract,
  scopeOf,
} from "../store-harness.ts";

const HOUR_MS = 3_600_000;
const MEDIA_MS = 24 * HOUR_MS;
const NEVER_STRAY: MediaRetention = { mediaMs: MEDIA_MS, strayMs: 1e15 };
const NEVER_EXPIRED: MediaRetention = { mediaMs: 1e15, strayMs: HOUR_MS };

export function dueMediaContract(contract: StoreContract): void {
  describe("media", () => {
    let bench: Bench;
    beforeEach(async () => {
      bench = await Bench.open(contract);
    });
    afterEach(() => bench.dispose());

    const finish = async (): Promise<Task> => {
      await bench.submit();
      return bench.apply(await bench.claimOne(), COMPLETE);
    };
    const finishMany = async (count: number): Promise<string[]> => {
      const ids: string[] = [];
      for (let index = 0; index < count; index++) ids.push((await finish()).id);
      return ids;
    };
    const expired = async (limit = 100, mediaMs = MEDIA_MS): Promise<string[]> =>
      (await bench.store.dueMedia({ ...NEVER_STRAY, mediaMs }, limit, null)).expired;
    /** What a sweep that does everything it is told is told, step by step. */
    const sweep = async (retention: MediaRetention, limit = 100): Promise<string[][]> => {
      const steps: string[][] = [];
      for (let receipt: string | null = null; ; ) {
        const due = await bench.store.dueMedia(retention, limit, receipt);
        receipt = due.receipt;
        if (receipt === null) return steps;
        steps.push([...due.expired, ...due.untidy]);
      }
    };

    test("of a task at work is never due, however old it is", async () => {
      await bench.submit({ timeoutMs: MEDIA_MS * 10, maxWaitMs: MEDIA_MS * 10 });
      await bench.claimOne({ leaseMs: MEDIA_MS * 9 });
      await bench.submit({ timeoutMs: MEDIA_MS * 10, maxWaitMs: MEDIA_MS * 10 });
      bench.advance(MEDIA_MS * 5);
      expect(await bench.store.dueMedia({ mediaMs: 0, strayMs: 0 }, 10, null)).toEqual({
        expired: [],
        untidy: [],
        receipt: null,
      });
    });

    test("is due its time after the task's end, not after its beginning", async () => {
      const task = await bench.submit({ timeoutMs: MEDIA_MS * 10, maxWaitMs: MEDIA_MS * 10 });
      const claim = await bench.claimOne({ leaseMs: MEDIA_MS * 9 });
      bench.advance(MEDIA_MS * 2);
      await bench.apply(claim, COMPLETE);
      bench.advance(MEDIA_MS - 1);
      expect(await expired()).toEqual([]);
      bench.advance(1);
      expect(await expired()).toEqual([task.id]);
    });

    test("is named again until somebody says that it is done, and then no more", async () => {
      const ids = await finishMany(2);
      bench.advance(MEDIA_MS);
      const first = await bench.store.dueMedia(NEVER_STRAY, 10, null);
      expect(first.expired.sort()).toEqual(ids.sort());
      // The caller died: the next one is told the same.
      const second = await bench.store.dueMedia(NEVER_STRAY, 10, null);
      expect(second.expired.sort()).toEqual(ids);
      for (const receipt of [second.receipt, second.receipt, first.receipt, null])
        expect(await bench.store.dueMedia(NEVER_STRAY, 10, receipt)).toEqual({
          expired: [],
          untidy: [],
          receipt: null,
        });
    });

    test("of more tasks that end in one millisecond than a step takes is due once each", async () => {
      const ids = await finishMany(7);
      bench.advance(1);
      const last = await finish();
      bench.advance(MEDIA_MS);
      const steps = await sweep(NEVER_STRAY, 2);
      expect(steps.map((step) => step.length)).toEqual([2, 2, 2, 2]);
      expect(steps.flat().sort()).toEqual([...ids, last.id].sort());
      expect(steps.flat().at(-1)).toBe(last.id);
      expect(await sweep(NEVER_STRAY, 2)).toEqual([]);
    });

    test("is due once, whenever the task's events are removed and whatever task is removed between", async () => {
      const ids = await finishMany(6);
      const kept = { tasksMs: MEDIA_MS * 3, eventsMs: MEDIA_MS, ledgerMs: MEDIA_MS };
      bench.advance(MEDIA_MS);
      const first = await bench.store.dueMedia(NEVER_STRAY, 2, null);
      await bench.store.retire(kept, 3);
      const second = await bench.store.dueMedia(NEVER_STRAY, 2, first.receipt);
      await bench.store.retire(kept, 3);
      await bench.store.purge(scopeOf("a"), second.expired.at(-1)!);
      const third = await bench.store.dueMedia(NEVER_STRAY, 9, second.receipt);
      expect([...first.expired, ...second.expired, ...third.expired].sort()).toEqual(ids.sort());
      bench.advance(1);
      const later = await finish();
      bench.advance(MEDIA_MS);
      const fourth = await bench.store.dueMedia(NEVER_STRAY, 9, third.receipt);
      expect(fourth.expired).toEqual([later.id]);
    });

    test("is due at once when it is kept for less time, and was due already when it is kept for more", async () => {
      const [old] = await finishMany(1);
      bench.advance(HOUR_MS);
      const [young] = await finishMany(1);
      bench.advance(MEDIA_MS - HOUR_MS);
      expect(await sweep(NEVER_STRAY)).toEqual([[old]]);
      expect(await sweep({ ...NEVER_STRAY, mediaMs: MEDIA_MS * 2 })).toEqual([]);
      expect(await sweep({ ...NEVER_STRAY, mediaMs: HOUR_MS })).toEqual([[young]]);
      expect(await sweep({ ...NEVER_STRAY, mediaMs: HOUR_MS })).toEqual([]);
    });

    test("of a task whose upstream job is not settled is due by the task's end as well", async () => {
      const task = await bench.submit();
      await bench.claimOne();
      await bench.store.cancel(scopeOf("a"), task.id);
      expect(await bench.read(task)).toMatchObject({ status: "cancelled", settled: false });
      bench.advance(HOUR_MS);
      const other = await finish();
      bench.advance(MEDIA_MS - HOUR_MS - 1);
      expect(await expired()).toEqual([]);
      bench.advance(1);
      expect(await sweep(NEVER_STRAY)).toEqual([[task.id]]);
      expect(await sweep(NEVER_STRAY)).toEqual([]);
      bench.advance(HOUR_MS);
      expect(await sweep(NEVER_STRAY)).toEqual([[other.id]]);
    });

    test("of a task that was settled behind others' ends is due all the same", async () => {
      const task = await bench.submit();
      await bench.claimOne();
      await bench.store.cancel(scopeOf("a"), task.id);
      bench.advance(1);
      const other = await finish();
      bench.advance(MEDIA_MS);
      const [work] = await bench.cleanups(1);
      await bench.bill(work!, null);
      const told = (await sweep(NEVER_STRAY, 1)).flat();
      expect([...new Set(told)].sort()).toEqual([task.id, other.id].sort());
      expect(await sweep(NEVER_STRAY, 1)).toEqual([]);
    });

    test("of tasks that ended after a clock was set back is due in its time", async () => {
      bench.advance(MEDIA_MS * 100);
      await finish();
      bench.advance(MEDIA_MS);
      expect(await sweep(NEVER_STRAY)).toHaveLength(1);
      bench.advance(-MEDIA_MS * 50);
      expect(await sweep(NEVER_STRAY)).toEqual([]);
      bench.advance(1);
      const task = await finish();
      bench.advance(MEDIA_MS);
      expect(await sweep(NEVER_STRAY)).toEqual([[task.id]]);
    });

    test.each(Object.keys(ENDINGS))(
      "may be a stray of a task that has %s, unless at its first go",
      async (name) => {
        const task = await ENDINGS[name]!(bench);
        bench.advance(HOUR_MS - 1);
        expect(await sweep(NEVER_EXPIRED)).toEqual([]);
        bench.advance(1);
        expect(await sweep(NEVER_EXPIRED)).toEqual([name === "completed" ? [] : [task.id]]);
        expect(await sweep(NEVER_EXPIRED)).toEqual([]);
      },
    );

    test("may be a stray where a task was completed by another holder than its first", async () => {
      const repeat = {
        released: async () => bench.apply(await bench.claimOne(), RELEASE),
        lost: async () => {
          await bench.claimOne();
          bench.advance(LEASE_MS);
          await bench.store.sweep(10);
        },
      };
      for (const first of Object.values(repeat)) {
        const task = await bench.submit({ maxAttempts: 3 });
        await first();
        await bench.apply(await bench.claimOne(), COMPLETE);
        bench.advance(HOUR_MS);
        expect(await sweep(NEVER_EXPIRED)).toEqual([[task.id]]);
      }
    });

    test("of both kinds is due side by side, each in its own steps", async () => {
      const ids = await finishMany(3);
      bench.advance(HOUR_MS);
      const stray = await ENDINGS.failed!(bench);
      bench.advance(MEDIA_MS - HOUR_MS);
      const due = await bench.store.dueMedia({ mediaMs: MEDIA_MS, strayMs: HOUR_MS }, 10, null);
      expect(due.expired.sort()).toEqual(ids.sort());
      expect(due.untidy).toEqual([stray.id]);
      expect((await bench.store.dueMedia(NEVER_STRAY, 10, due.receipt)).receipt).toBeNull();
    });
  });
}
