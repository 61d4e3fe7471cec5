/** Claims and leases: one holder at a time, a lost holder is replaced, deadlines end tasks whoever holds them. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { NOTHING_SPENT, type StepTransition } from "../../../src/tasks/transition.ts";
import {
  Bench,
  COMPLETE,
  FAILURE,
  LEASE_MS,
  MAX_WAIT_MS,
  RELEASE,
  type StoreContract,
  scopeOf,
  TIMEOUT_MS,
} from "../store-harness.ts";

/** What one claim may promote. */
const PROMOTE_LIMIT = 32;

export function leaseContract(contract: StoreContract): void {
  describe("leases", () => {
    let bench: Bench;
    beforeEach(async () => {
      bench = await Bench.open(contract);
    });
    afterEach(() => bench.dispose());

    test("an empty lane has nothing to claim and nothing due, and lanes do not mix", async () => {
      expect(await bench.claim(10)).toEqual([]);
      expect(await bench.store.nextDueIn("image")).toBeNull();
      await bench.submit({ type: "video" });
      expect(await bench.claim(10)).toEqual([]);
      expect(await bench.store.nextDueIn("image")).toBeNull();
      expect(await bench.store.nextDueIn("video")).toBe(0);
      expect(await bench.claim(10, { lane: "video" })).toHaveLength(1);
    });

    test("claims at once never hand out one task twice", async () => {
      for (let index = 0; index < 60; index++) await bench.submit({ keyId: "abc"[index % 3]! });
      const claims = await Promise.all(Array.from({ length: 30 }, () => bench.claim(3)));
      const ids = claims.flat().map((claim) => claim.task.id);
      expect(ids).toHaveLength(60);
      expect(new Set(ids).size).toBe(60);
      expect(await bench.stat()).toEqual({ ready: 0, delayed: 0, held: 60 });
    });

    test("a claim takes at most as many as asked for", async () => {
      for (let index = 0; index < 5; index++) await bench.submit();
      expect(await bench.claim(3)).toHaveLength(3);
      expect(await bench.claim(0)).toHaveLength(0);
      expect(await bench.claim(10)).toHaveLength(2);
    });

    test("a renewed lease lives on; an unrenewed one makes the task claimable by the sweep, under a new fence", async () => {
      const kept = await bench.submit();
      const lost = await bench.submit();
      const [first, second] = await bench.claim(2);
      bench.advance(LEASE_MS - 1);
      expect(await bench.store.renew([first!.lease], LEASE_MS)).toEqual([]);
      expect((await bench.read(kept)).leaseUntil).toBe(bench.now() + LEASE_MS);
      expect(await bench.store.sweep(10)).toEqual({ updates: [], requeued: 0, more: false });
      bench.advance(1);
      expect(await bench.store.sweep(10)).toEqual({ updates: [], requeued: 1, more: false });
      expect(await bench.store.renew([second!.lease], LEASE_MS)).toEqual([lost.id]);
      expect(await bench.store.advance(second!.lease, COMPLETE)).toEqual({ applied: false, claimed: [] });
      const again = await bench.claimOne();
      expect(again).toMatchObject({ task: { id: lost.id, attempt: 1, fence: 2 }, update: null });
      expect(await bench.store.renew([second!.lease, again.lease], LEASE_MS)).toEqual([lost.id]);
    });

    test("an orphan without a reference is unsure; with a reference it is picked up by it", async () => {
      const blind = await bench.submit();
      const known = await bench.submit();
      const claims = await bench.claim(2);
      await bench.apply(claims[1]!, { kind: "save", state: { job: 9 }, spent: NOTHING_SPENT });
      bench.advance(LEASE_MS);
      await bench.store.sweep(10);
      expect(await bench.read(blind)).toMatchObject({ submitUnknown: true, state: null, status: "running" });
      expect(await bench.read(known)).toMatchObject({ submitUnknown: false, state: { job: 9 } });
    });

    test("what is running already goes before new starts", async () => {
      const orphan = await bench.submit({ priority: "low" });
      await bench.claimOne();
      await bench.submit({ priority: "high" });
      bench.advance(LEASE_MS);
      await bench.store.sweep(10);
      expect((await bench.claimOne()).task.id).toBe(orphan.id);
    });

    test("a renewed lease never reaches beyond what wakes the sweep for the deadline", async () => {
      await bench.submit({ timeoutMs: 5_000 });
      const claim = await bench.claimOne();
      await bench.store.renew([claim.lease], 60_000);
      bench.advance(5_000);
      const { updates } = await bench.store.sweep(10);
      expect(updates).toMatchObject([
        { task: { id: claim.task.id, status: "failed", error: { code: "timeout" } } },
      ]);
      expect(await bench.store.renew([claim.lease], LEASE_MS)).toEqual([claim.task.id]);
      expect(await bench.store.advance(claim.lease, COMPLETE)).toEqual({ applied: false, claimed: [] });
    });

    test("the deadline ends what waits, what is delayed and what is held, once each", async () => {
      const queued = await bench.submit({ maxWaitMs: 1_000, priority: "low" });
      const toHold = await bench.submit({ timeoutMs: 1_000, priority: "high" });
      const toDelay = await bench.submit({ timeoutMs: 1_000, priority: "high" });
      const claims = await bench.claim(2);
      const later = claims.find((claim) => claim.task.id === toDelay.id);
      await bench.apply(later!, {
        kind: "pend",
        state: null,
        delayMs: 5_000,
        percent: null,
        message: null,
        spent: NOTHING_SPENT,
      });
      bench.advance(999);
      expect((await bench.store.sweep(10)).updates).toEqual([]);
      bench.advance(1);
      const { updates } = await bench.store.sweep(10);
      expect(updates.map((update) => update.task.id).sort()).toEqual(
        [queued.id, toHold.id, toDelay.id].sort(),
      );
      for (const update of updates) {
        expect(update.task).toMatchObject({
          status: "failed",
          error: { code: "timeout" },
          finishedAt: bench.now(),
        });
        expect(update.events.map((event) => event.type)).toEqual(["failed"]);
      }
      expect((await bench.store.sweep(10)).updates).toEqual([]);
      expect(await bench.stat()).toEqual({ ready: 0, delayed: 0, held: 0 });
    });

    test("waiting in the queue has its own limit, which the first start replaces by the task's own", async () => {
      const task = await bench.submit({ timeoutMs: TIMEOUT_MS });
      bench.advance(MAX_WAIT_MS - 1);
      const claim = await bench.claimOne();
      expect(claim.task.deadlineAt).toBe(bench.now() + TIMEOUT_MS);
      await bench.apply(claim, { kind: "retry", delayMs: 0, error: FAILURE, spent: NOTHING_SPENT });
      bench.advance(1_000);
      const second = await bench.claimOne();
      expect(second.task.deadlineAt).toBe(claim.task.deadlineAt);
      expect((await bench.read(task)).startedAt).toBe(claim.task.startedAt);
    });

    test("a sweep is bounded and says when there is more", async () => {
      for (let index = 0; index < 5; index++) await bench.submit();
      await bench.claim(5);
      bench.advance(LEASE_MS);
      expect(await bench.store.sweep(3)).toMatchObject({ requeued: 3, more: true });
      expect(await bench.store.sweep(3)).toMatchObject({ requeued: 2, more: false });
    });

    test("due tasks become claimable at their moment, at most 32 with one claim", async () => {
      const total = PROMOTE_LIMIT + 8;
      for (let index = 0; index < total; index++) await bench.submit();
      for (const claim of await bench.claim(total))
        await bench.apply(claim, {
          kind: "retry",
          delayMs: 1_000,
          error: FAILURE,
          spent: NOTHING_SPENT,
        });
      expect(await bench.stat()).toEqual({ ready: 0, delayed: total, held: 0 });
      expect(await bench.store.nextDueIn("image")).toBe(1_000);
      bench.advance(999);
      expect(await bench.claim(total)).toEqual([]);
      bench.advance(1);
      expect(await bench.claim(1)).toHaveLength(1);
      expect(await bench.stat()).toEqual({
        ready: PROMOTE_LIMIT - 1,
        delayed: total - PROMOTE_LIMIT,
        held: 1,
      });
      expect(await bench.store.nextDueIn("image")).toBe(0);
      expect(await bench.claim(total)).toHaveLength(total - 1);
    });

    test("work at the key's limit is not announced as claimable", async () => {
      await bench.store.updateKey("a", { maxConcurrentTasks: 1 }, bench.now());
      await bench.submit();
      await bench.submit();
      const claim = await bench.claimOne();
      expect(await bench.claim()).toEqual([]);
      expect(await bench.store.nextDueIn("image")).toBeNull();
      await bench.apply(claim, COMPLETE);
      expect(await bench.store.nextDueIn("image")).toBe(0);
    });

    test("whoever follows a task is told that too many of its workers were lost", async () => {
      const task = await bench.submit();
      await bench.store.follow(scopeOf("a"), task.id);
      for (let lost = 0; lost < 3; lost++) {
        await bench.claimOne();
        bench.advance(LEASE_MS);
        expect(await bench.store.sweep(10)).toEqual({ updates: [], requeued: 1, more: false });
      }
      await bench.apply(await bench.claimOne(), { kind: "begin_suspect" });
      bench.advance(LEASE_MS);
      const { updates, requeued } = await bench.store.sweep(10);
      expect(requeued).toBe(0);
      expect(updates).toMatchObject([
        {
          task: { id: task.id, status: "failed", error: { code: "provider_error" } },
          events: [{ type: "failed", taskId: task.id }],
          followed: { task: true },
        },
      ]);
    });

    test("a purged task takes nothing of its worker", async () => {
      const task = await bench.submit();
      const claim = await bench.claimOne();
      await bench.apply(claim, COMPLETE);
      await bench.store.purge(scopeOf("a"), task.id);
      expect(await bench.store.renew([claim.lease], LEASE_MS)).toEqual([task.id]);
      const steps: StepTransition[] = [RELEASE, COMPLETE];
      for (const step of steps) expect((await bench.store.advance(claim.lease, step)).applied).toBe(false);
    });
  });
}
