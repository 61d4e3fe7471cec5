/** Logs and followers: a snapshot and a position in one step, then everything in order, and every loss is said. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { TenantLogRead } from "../../../src/tasks/ports/task-store.ts";
import type { Position, Task, TenantScope } from "../../../src/tasks/task.ts";
import { NOTHING_SPENT } from "../../../src/tasks/transition.ts";
import { Bench, COMPLETE, FAILURE, type StoreContract, scopeOf } from "../store-harness.ts";

const HOUR_MS = 3_600_000;
/** What a tenant's log keeps for a reader that fell behind. */
const TENANT_LOG_EVENTS = 1_000;

export function logContract(contract: StoreContract): void {
  describe("logs", () => {
    let bench: Bench;
    beforeEach(async () => {
      bench = await Bench.open(contract);
    });
    afterEach(() => bench.dispose());

    const whole = scopeOf("a");
    const read = (task: Task, seq: number, limit = 100, epoch = task.epoch) =>
      bench.store.readLog(whole, task.id, { epoch, seq }, limit);
    const types = (outcome: TenantLogRead) => {
      if (outcome.outcome !== "events") throw new Error(outcome.outcome);
      return outcome.entries.map(({ event }) => event.type);
    };

    test("a log is read after a position, in order, and says where it ended", async () => {
      const task = await bench.submit();
      const claim = await bench.claimOne();
      const done = await bench.apply(claim, COMPLETE);
      const rest = await read(task, 1);
      if (rest.outcome !== "events") throw new Error(rest.outcome);
      expect(rest.events.map((event) => [event.seq, event.type, event.status, event.progress])).toEqual([
        [2, "started", "running", 0],
        [3, "completed", "completed", 100],
      ]);
      expect(rest.position).toEqual({ epoch: task.epoch, seq: 3 });
      expect(rest.task).toEqual(done);
      expect(await read(task, 3)).toMatchObject({ outcome: "events", events: [], position: { seq: 3 } });
    });

    test("a limited read continues where it ended", async () => {
      const task = await bench.submit();
      await bench.apply(await bench.claimOne(), COMPLETE);
      const seen: number[] = [];
      for (let seq = 0; seq < 3; ) {
        const page = await read(task, seq, 1);
        if (page.outcome !== "events") throw new Error(page.outcome);
        seen.push(...page.events.map((event) => event.seq));
        seq = page.position.seq;
      }
      expect(seen).toEqual([1, 2, 3]);
    });

    test("the last progress is read when it is newer than the position, and only the last", async () => {
      const task = await bench.submit();
      const claim = await bench.claimOne();
      for (const percent of [10, 20, 30])
        await bench.apply(claim, { kind: "progress", percent, message: `at ${percent}` });
      const after = await read(task, 2);
      if (after.outcome !== "events") throw new Error(after.outcome);
      expect(after.events).toMatchObject([
        {
          seq: 5,
          type: "progress",
          status: "running",
          progress: 30,
          message: "at 30",
          at: bench.now(),
          keySeq: null,
        },
      ]);
      expect(after.position.seq).toBe(5);
      expect(await read(task, 5)).toMatchObject({ outcome: "events", events: [] });
      expect(await read(task, 1, 1)).toMatchObject({
        outcome: "events",
        events: [{ seq: 2 }],
        position: { seq: 2 },
      });
    });

    test("another epoch, a position from the future and an unknown task are told apart", async () => {
      const task = await bench.submit();
      expect(await read(task, 0, 100, "elsewhere")).toEqual({ outcome: "reset" });
      expect(await read(task, 2)).toEqual({ outcome: "reset" });
      expect(await bench.store.readLog(whole, "unknown", { epoch: task.epoch, seq: 0 }, 10)).toEqual({
        outcome: "not_found",
      });
    });

    test("the sequence has no gap under transitions at once", async () => {
      const task = await bench.submit();
      const claim = await bench.claimOne();
      const outcomes = await Promise.all(
        Array.from({ length: 40 }, (_, index) =>
          bench.store.advance(claim.lease, { kind: "progress", percent: index + 1, message: `${index}` }),
        ),
      );
      const seqs = outcomes.flatMap((outcome) =>
        outcome.applied ? outcome.update.events.map((event) => event.seq) : [],
      );
      expect(seqs.sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, index) => index + 3));
      expect((await bench.read(task)).seq).toBe(42);
    });

    test("from the follow on, every transition says that the task is followed, until it is unfollowed", async () => {
      const task = await bench.submit();
      const claim = await bench.claimOne();
      expect(claim.update?.followed.task).toBe(false);
      const followed = await bench.store.follow(whole, task.id);
      expect(followed).toEqual({
        view: { task: claim.task, queuePosition: null },
        position: { epoch: task.epoch, seq: 2 },
      });
      await bench.store.follow(whole, task.id);
      const progress = await bench.store.advance(claim.lease, {
        kind: "progress",
        percent: 5,
        message: null,
      });
      expect(progress).toMatchObject({
        applied: true,
        update: { followed: { task: true, key: false, subject: false } },
      });
      await bench.store.unfollow(scopeOf("b"), task.id);
      expect(
        await bench.store.advance(claim.lease, { kind: "progress", percent: 6, message: null }),
      ).toMatchObject({
        update: { followed: { task: true } },
      });
      await bench.store.unfollow(whole, task.id);
      const end = await bench.store.cancel(whole, task.id);
      expect(end).toMatchObject({ outcome: "cancelled", update: { followed: { task: false } } });
      expect(await bench.store.follow(whole, "unknown")).toBeNull();
    });

    test("a follower that comes in among transitions misses none: its snapshot and what is published after it join", async () => {
      const task = await bench.submit();
      const claim = await bench.claimOne();
      const steps = Array.from({ length: 20 }, (_, index) => index);
      const work: Promise<{ seq: number; followed: boolean } | null>[] = [];
      let following: ReturnType<typeof bench.store.follow> | undefined;
      for (const index of steps) {
        work.push(
          bench.store
            .advance(claim.lease, { kind: "progress", percent: index + 1, message: `${index}` })
            .then((outcome) =>
              outcome.applied
                ? { seq: outcome.update.task.seq, followed: outcome.update.followed.task }
                : null,
            ),
        );
        if (index === 9) following = bench.store.follow(whole, task.id);
      }
      const position = (await following)?.position.seq ?? 0;
      for (const step of await Promise.all(work)) expect(step?.followed).toBe((step?.seq ?? 0) > position);
    });

    test("a key's log holds every subject's events without a gap, a subject's log its own", async () => {
      const first = await bench.submit({ subject: "ann" });
      await bench.submit({ subject: "bob" });
      await bench.submit();
      const created = await bench.create({ subject: "ann" });
      expect(created).toMatchObject({ outcome: "created", update: { keySeq: 4, subjectSeq: 2 } });
      await bench.store.cancel(whole, first.id);
      const scopes: TenantScope[] = [whole, { keyId: "a", subject: "ann" }, { keyId: "a", subject: "bob" }];
      const logs = [];
      for (const scope of scopes) {
        const { epoch } = await bench.store.tenantPosition(scope);
        logs.push(await bench.store.readTenantLog(scope, { epoch, seq: 0 }, 100));
      }
      expect(logs.map(types)).toEqual([
        ["queued", "queued", "queued", "queued", "cancelled"],
        ["queued", "queued", "cancelled"],
        ["queued"],
      ]);
      for (const log of logs)
        if (log.outcome === "events") {
          expect(log.position.seq).toBe(log.entries.length);
          expect(log.more).toBe(false);
        }
      const [key, ann] = logs;
      if (key?.outcome !== "events" || ann?.outcome !== "events") throw new Error("reset");
      expect(key.entries.map(({ event }) => event.keySeq)).toEqual([1, 2, 3, 4, 5]);
      expect(ann.entries.map(({ event }) => event.subjectSeq)).toEqual([1, 2, 3]);
      expect(ann.entries[2]?.task).toMatchObject({ id: first.id, status: "cancelled" });
    });

    test("progress stands in no tenant's log", async () => {
      const { epoch } = await bench.store.tenantPosition(whole);
      await bench.submit();
      const claim = await bench.claimOne();
      const progress = await bench.store.advance(claim.lease, {
        kind: "progress",
        percent: 5,
        message: null,
      });
      expect(progress).toMatchObject({ update: { keySeq: 2, events: [{ keySeq: null, subjectSeq: null }] } });
      await bench.apply(claim, COMPLETE);
      expect(types(await bench.store.readTenantLog(whole, { epoch, seq: 0 }, 100))).toEqual([
        "queued",
        "started",
        "completed",
      ]);
    });

    test("a tenant's log is paged, and says when there is more", async () => {
      const start = await bench.store.followTenant(whole);
      for (let index = 0; index < 5; index++) await bench.submit();
      let position: Position = start;
      const sizes: number[] = [];
      for (let more = true; more; ) {
        const page = await bench.store.readTenantLog(whole, position, 2);
        if (page.outcome !== "events") throw new Error(page.outcome);
        sizes.push(page.entries.length);
        ({ position, more } = page);
      }
      expect(sizes).toEqual([2, 2, 1]);
      expect(position).toEqual(await bench.store.tenantPosition(whole));
    });

    test("following a tenant flags its transitions: the key's stream for all, a subject's for its own", async () => {
      const ann = { keyId: "a", subject: "ann" };
      await bench.store.followTenant(ann);
      const created = await bench.create({ subject: "ann" });
      expect(created).toMatchObject({ update: { followed: { task: false, key: false, subject: true } } });
      expect(await bench.create({ subject: "bob" })).toMatchObject({
        update: { followed: { key: false, subject: false } },
      });
      await bench.store.followTenant(whole);
      expect(await bench.create({ subject: "bob" })).toMatchObject({
        update: { followed: { key: true, subject: false } },
      });
      expect(await bench.create({ keyId: "b" })).toMatchObject({
        update: { followed: { key: false, subject: false } },
      });
      await bench.store.unfollowTenant(whole);
      await bench.store.unfollowTenant(ann);
      expect(await bench.create({ subject: "ann" })).toMatchObject({
        update: { followed: { key: false, subject: false } },
      });
    });

    test("a tenant that never had a task has a position that its first event continues", async () => {
      const position = await bench.store.followTenant(whole);
      const created = await bench.create();
      expect(created).toMatchObject({ update: { keyEpoch: position.epoch, keySeq: position.seq + 1 } });
    });

    test("a position of another epoch, from the future, too far behind or too old is reset to the present", async () => {
      const start = await bench.store.followTenant(whole);
      await bench.submit();
      const present = await bench.store.tenantPosition(whole);
      const reset = { outcome: "reset", position: present };
      expect(await bench.store.readTenantLog(whole, { epoch: "elsewhere", seq: 0 }, 10)).toEqual(reset);
      expect(await bench.store.readTenantLog(whole, { ...start, seq: 99 }, 10)).toEqual(reset);
      bench.advance(HOUR_MS);
      expect((await bench.store.readTenantLog(whole, start, 10)).outcome).toBe("events");
      bench.advance(1);
      expect(await bench.store.readTenantLog(whole, start, 10)).toEqual(reset);

      await Promise.all(Array.from({ length: TENANT_LOG_EVENTS }, () => bench.submit()));
      expect((await bench.store.readTenantLog(whole, present, 10)).outcome).toBe("events");
      await bench.submit();
      expect((await bench.store.readTenantLog(whole, present, 10)).outcome).toBe("reset");
    });

    test("a purged task leaves a hole in its tenant's log, and the hole is announced", async () => {
      const start = await bench.store.followTenant(whole);
      const gone = await bench.submit();
      await bench.store.cancel(whole, gone.id);
      const middle = await bench.store.tenantPosition(whole);
      await bench.submit();
      await bench.store.purge(whole, gone.id);
      expect((await bench.store.readTenantLog(whole, start, 10)).outcome).toBe("reset");
      expect((await bench.store.readTenantLog(whole, start, 1)).outcome).toBe("reset");
      expect(types(await bench.store.readTenantLog(whole, middle, 10))).toEqual(["queued"]);
    });

    test("a hole at the end of a tenant's log is announced too", async () => {
      const start = await bench.store.followTenant(whole);
      const gone = await bench.submit();
      await bench.store.cancel(whole, gone.id);
      await bench.store.purge(whole, gone.id);
      expect((await bench.store.readTenantLog(whole, start, 10)).outcome).toBe("reset");
    });

    test("positions answers where logs stand and leaves unknown tasks out", async () => {
      const task = await bench.submit();
      await bench.apply(await bench.claimOne(), {
        kind: "retry",
        delayMs: 0,
        error: FAILURE,
        spent: NOTHING_SPENT,
      });
      const positions = await bench.store.positions([task.id, "unknown"]);
      expect([...positions]).toEqual([[task.id, { epoch: task.epoch, seq: 3 }]]);
    });
  });
}
