/** Retention and purge: everything stored has an end, and what goes is gone whole. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Bench, COMPLETE, RESULT, type StoreContract, scopeOf } from "../store-harness.ts";

const HOUR_MS = 3_600_000;
const RETENTION = { tasksMs: 30 * 24 * HOUR_MS, eventsMs: 24 * HOUR_MS, ledgerMs: 400 * 24 * HOUR_MS };

export function retentionContract(contract: StoreContract): void {
  describe("retention", () => {
    let bench: Bench;
    beforeEach(async () => {
      bench = await Bench.open(contract);
    });
    afterEach(() => bench.dispose());

    const finish = async () => {
      const task = await bench.submit();
      await bench.apply(await bench.claimOne(), COMPLETE);
      return task;
    };

    test("a finished task can be purged with everything about it, an unfinished one cannot", async () => {
      const idempotency = { key: "k", fingerprint: "f", ttlMs: HOUR_MS };
      const task = await bench.submit({ idempotency });
      expect(await bench.store.purge(scopeOf("a"), task.id)).toBe("not_finished");
      await bench.apply(await bench.claimOne(), COMPLETE);
      expect(await bench.store.purge(scopeOf("a"), task.id)).toBe("purged");
      expect(await bench.store.get(scopeOf("a"), task.id)).toBeNull();
      expect(await bench.store.readLog(scopeOf("a"), task.id, { epoch: task.epoch, seq: 0 }, 10)).toEqual({
        outcome: "not_found",
      });
      expect(await bench.store.purge(scopeOf("a"), task.id)).toBe("not_found");
      expect((await bench.create({ idempotency })).outcome).toBe("created");
    });

    test("a task whose upstream job is not settled yet counts as unfinished", async () => {
      const task = await bench.submit();
      await bench.claimOne();
      await bench.store.cancel(scopeOf("a"), task.id);
      expect(await bench.store.purge(scopeOf("a"), task.id)).toBe("not_finished");
      const [work] = await bench.cleanups(1);
      await bench.bill(work!, null);
      expect(await bench.store.purge(scopeOf("a"), task.id)).toBe("purged");
    });

    test("events go some hours after the end: the log has a new epoch, the task stays", async () => {
      const task = await finish();
      bench.advance(RETENTION.eventsMs - 1);
      expect(await bench.store.retire(RETENTION, 10)).toEqual({
        removedTaskIds: [],
        trimmedLogs: 0,
        more: false,
      });
      bench.advance(1);
      expect(await bench.store.retire(RETENTION, 10)).toEqual({
        removedTaskIds: [],
        trimmedLogs: 1,
        more: false,
      });
      expect(await bench.store.retire(RETENTION, 10)).toMatchObject({ trimmedLogs: 0 });
      const after = await bench.read(task);
      expect(after.epoch).not.toBe(task.epoch);
      expect(after).toMatchObject({ status: "completed", seq: 3, result: RESULT });
      const read = (seq: number, epoch: string) =>
        bench.store.readLog(scopeOf("a"), task.id, { epoch, seq }, 10);
      expect(await read(3, task.epoch)).toEqual({ outcome: "reset" });
      expect(await read(0, after.epoch)).toEqual({ outcome: "reset" });
      expect(await read(3, after.epoch)).toMatchObject({ outcome: "events", events: [] });
    });

    test("tasks go some days after the end, in bounded steps, oldest first", async () => {
      const tasks = [await finish(), await finish(), await finish()];
      const waiting = await bench.submit({ maxWaitMs: RETENTION.tasksMs * 2 });
      bench.advance(RETENTION.tasksMs - 1);
      expect((await bench.store.retire(RETENTION, 10)).removedTaskIds).toEqual([]);
      bench.advance(1);
      const first = await bench.store.retire(RETENTION, 2);
      expect(first.more).toBe(true);
      const second = await bench.store.retire(RETENTION, 2);
      expect([...first.removedTaskIds, ...second.removedTaskIds].sort()).toEqual(
        tasks.map((task) => task.id).sort(),
      );
      expect(await bench.store.retire(RETENTION, 2)).toMatchObject({ removedTaskIds: [], more: false });
      const left = await bench.store.list(scopeOf("a"), { limit: 10 });
      expect(left.tasks.map(({ task }) => task.id)).toEqual([waiting.id]);
    });

    test("unfinished tasks keep everything, however old", async () => {
      const task = await bench.submit({ maxWaitMs: RETENTION.tasksMs * 4 });
      bench.advance(RETENTION.tasksMs * 2);
      expect(await bench.store.retire(RETENTION, 10)).toEqual({
        removedTaskIds: [],
        trimmedLogs: 0,
        more: false,
      });
      expect(await bench.log(task)).toEqual(["1 queued"]);
    });

    test("a task waits for its settlement before it goes", async () => {
      const task = await bench.submit();
      await bench.claimOne();
      await bench.store.cancel(scopeOf("a"), task.id);
      bench.advance(RETENTION.tasksMs);
      expect((await bench.store.retire(RETENTION, 10)).removedTaskIds).toEqual([]);
      for (const overdue of await bench.cleanups()) await bench.bill(overdue, null);
      expect((await bench.store.retire(RETENTION, 10)).removedTaskIds).toEqual([task.id]);
    });

    test("a subject's stream that is followed keeps its place, whatever is removed", async () => {
      const scope = { keyId: "a", subject: "ann" };
      const start = await bench.store.followTenant(scope);
      for (let step = 0; step < 3; step++) await bench.store.retire(RETENTION, 10);
      expect(await bench.create({ subject: "ann" })).toMatchObject({
        update: { subjectEpoch: start.epoch, subjectSeq: start.seq + 1, followed: { subject: true } },
      });
    });

    test("a tenant's stream goes on after its tasks were removed", async () => {
      const scope = { keyId: "a", subject: "ann" };
      const task = await bench.submit({ subject: "ann" });
      await bench.store.cancel(scope, task.id);
      bench.advance(RETENTION.tasksMs);
      await bench.store.retire(RETENTION, 10);
      await bench.store.retire(RETENTION, 10);
      const position = await bench.store.followTenant(scope);
      expect(await bench.create({ subject: "ann" })).toMatchObject({
        update: { subjectEpoch: position.epoch, subjectSeq: position.seq + 1, followed: { subject: true } },
      });
    });

    test("a file belongs to a task that is unfinished, or that names it in its result or its state", async () => {
      const running = await bench.submit();
      const claim = await bench.claimOne();
      const done = await finish();
      const named = RESULT.items[0]!.media.path;
      const files = [
        { path: "2026/11/22/r/anything.png", taskId: running.id },
        { path: named, taskId: done.id },
        { path: "2026/11/22/d/leftover.png", taskId: done.id },
        { path: "2026/11/22/u/stray.png", taskId: "unknown" },
      ];
      expect(await bench.store.unreferencedMedia(files)).toEqual([files[2]!.path, files[3]!.path]);
      const state = { finished: [{ media: { path: "2026/11/22/r/part.png" } }] };
      await bench.apply(claim, { kind: "save", state, spent: { providerMs: 0, storeMs: 0 } });
      await bench.store.cancel(scopeOf("a"), running.id);
      const parts = ["2026/11/22/r/part.png", "2026/11/22/r/anything.png", "part.png"];
      expect(
        await bench.store.unreferencedMedia(parts.map((path) => ({ path, taskId: running.id }))),
      ).toEqual(parts.slice(1));
      expect(await bench.store.unreferencedMedia([])).toEqual([]);
    });

    test("the files a caller handed in belong to their task for as long as it is kept", async () => {
      const input = (taskId: string) => ({
        path: `2026/11/22/${taskId}/in.png`,
        contentType: "image/png",
        bytes: 9,
      });
      const task = await bench.submit({ inputs: [{ ...input("x"), role: "image" }] });
      const file = { path: input("x").path, taskId: task.id };
      expect(await bench.store.unreferencedMedia([file])).toEqual([]);
      await bench.store.cancel(scopeOf("a"), task.id);
      const stray = { path: input("y").path, taskId: task.id };
      expect(await bench.store.unreferencedMedia([file, stray])).toEqual([stray.path]);
    });

    test("a store that answers pings answers", async () => {
      await expect(bench.store.ping()).resolves.toBeUndefined();
    });
  });
}
