/** Fairness: nobody's queue holds up another's, priorities weigh and never starve, and the place in line is honest. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { NOTHING_SPENT } from "../../../src/tasks/transition.ts";
import { Bench, COMPLETE, FAILURE, LEASE_MS, type StoreContract, scopeOf } from "../store-harness.ts";

/** Thousands of creates, one by one where the store takes one at a time. */
const LONG_TEST_MS = 60_000;

export function fairnessContract(contract: StoreContract): void {
  describe("fairness", () => {
    let bench: Bench;
    beforeEach(async () => {
      bench = await Bench.open(contract);
    });
    afterEach(() => bench.dispose());

    const many = async (count: number, changes: Parameters<Bench["draft"]>[0]) => {
      await Promise.all(Array.from({ length: count }, () => bench.submit(changes)));
    };
    const keys = (count: number) => served(count, (keyId) => keyId);
    const priorities = (count: number) => served(count, (_, priority) => priority);
    const served = async (count: number, name: (keyId: string, priority: string) => string) => {
      const names: string[] = [];
      for (let index = 0; index < count; index++) {
        const claim = await bench.claimOne();
        names.push(name(claim.task.tenant.keyId, claim.task.priority));
        await bench.apply(claim, COMPLETE);
      }
      return names;
    };
    const count = (names: readonly string[], name: string) => names.filter((one) => one === name).length;

    test("one key's tasks of one priority go oldest first", async () => {
      const ids: string[] = [];
      for (let index = 0; index < 10; index++) ids.push((await bench.submit()).id);
      expect(await bench.drain((task) => task.id)).toEqual(ids);
    });

    test("with thousands of one key queued, a late single task of another is served within two claims", {
      timeout: LONG_TEST_MS,
    }, async () => {
      await many(3_000, { keyId: "a" });
      await keys(50);
      await bench.submit({ keyId: "b" });
      expect(await keys(2)).toContain("b");
    });

    test("keys that wait take turns, and a key that was idle earned no credit", async () => {
      await many(40, { keyId: "a" });
      await keys(20);
      await many(20, { keyId: "b" });
      const order = await keys(20);
      expect(count(order, "a")).toBe(10);
      expect(order.join("")).not.toMatch(/aaa|bbb/);
    });

    test("a claim of many takes from the keys in turn", async () => {
      for (const keyId of ["a", "b", "c"]) await many(10, { keyId });
      const claims = await bench.claim(9);
      for (const keyId of ["a", "b", "c"])
        expect(claims.filter((claim) => claim.task.tenant.keyId === keyId)).toHaveLength(3);
    });

    test("across keys, high is served four times as often as low", async () => {
      await many(60, { keyId: "a", priority: "high" });
      await many(60, { keyId: "b", priority: "low" });
      const order = await keys(50);
      expect(count(order, "a")).toBeGreaterThanOrEqual(38);
      expect(count(order, "b")).toBeGreaterThanOrEqual(8);
    });

    test("within a key, high goes first and is served 4 : 2 : 1 against normal and low", async () => {
      for (const priority of ["low", "normal", "high"] as const) await many(60, { priority });
      const order = await priorities(70);
      expect(order.slice(0, 2)).toEqual(["high", "high"]);
      expect(["high", "normal", "low"].map((priority) => count(order, priority))).toEqual([40, 20, 10]);
    });

    test("low still moves under endless high of the same key", async () => {
      await many(3, { priority: "low" });
      await many(3, { priority: "high" });
      const order: string[] = [];
      for (let index = 0; index < 20; index++) {
        order.push(...(await priorities(1)));
        await bench.submit({ priority: "high" });
      }
      expect(count(order, "low")).toBe(3);
      expect(order.indexOf("low")).toBeGreaterThanOrEqual(2);
    });

    test("low still moves under endless high of another key", async () => {
      await many(3, { keyId: "a", priority: "low" });
      await many(3, { keyId: "b", priority: "high" });
      const order: string[] = [];
      for (let index = 0; index < 20; index++) {
        order.push(...(await keys(1)));
        await bench.submit({ keyId: "b", priority: "high" });
      }
      expect(count(order, "a")).toBe(3);
    });

    test("a priority that was idle earned no credit", async () => {
      await many(60, { priority: "high" });
      await priorities(30);
      await many(10, { priority: "low" });
      expect(count(await priorities(10), "low")).toBe(2);
    });

    test("a high task that comes into a long low queue goes ahead of it", async () => {
      await many(50, { priority: "low" });
      await priorities(5);
      const high = await bench.submit({ priority: "high" });
      expect((await bench.claimOne()).task.id).toBe(high.id);
    });

    test("a key at its limit is passed over, its polls are not, and the rest of the lane goes on", async () => {
      await bench.store.updateKey("a", { maxConcurrentTasks: 2 }, bench.now());
      await many(10, { keyId: "a" });
      await many(3, { keyId: "b" });
      const claims = await bench.claim(10);
      expect(claims.map((claim) => claim.task.tenant.keyId).sort()).toEqual(["a", "a", "b", "b", "b"]);
      const [polled] = claims.filter((claim) => claim.task.tenant.keyId === "a");
      await bench.apply(polled!, {
        kind: "pend",
        state: 1,
        delayMs: 1,
        percent: null,
        message: null,
        spent: NOTHING_SPENT,
      });
      expect(await bench.claim(10)).toEqual([]);
      bench.advance(1);
      expect((await bench.claim(10)).map((claim) => claim.task.id)).toEqual([polled!.task.id]);
    });

    test("the limit counts started tasks in every lane and is free again after every kind of end", async () => {
      await bench.store.updateKey("a", { maxConcurrentTasks: 1 }, bench.now());
      await many(6, { keyId: "a" });
      await many(2, { keyId: "a", type: "video" });
      const video = await bench.claimOne({ lane: "video" });
      expect(await bench.claim()).toEqual([]);
      await bench.apply(video, COMPLETE);
      const failing = await bench.claimOne();
      expect(await bench.claim(1, { lane: "video" })).toEqual([]);
      await bench.apply(failing, { kind: "fail", error: FAILURE, jobOver: true, spent: NOTHING_SPENT });
      const cancelled = await bench.claimOne();
      await bench.store.cancel(scopeOf("a"), cancelled.task.id);
      const retried = await bench.claimOne();
      expect(await bench.claim()).toEqual([]);
      await bench.apply(retried, {
        kind: "retry",
        delayMs: 60_000,
        error: FAILURE,
        spent: NOTHING_SPENT,
      });
      const expired = await bench.claimOne();
      bench.advance(expired.task.timeoutMs);
      await bench.store.sweep(10);
      expect((await bench.claim(10)).length).toBe(1);
    });

    test("a changed limit counts at once", async () => {
      await many(5, { keyId: "a" });
      await bench.store.updateKey("a", { maxConcurrentTasks: 1 }, bench.now());
      expect(await bench.claim(5)).toHaveLength(1);
      await bench.store.updateKey("a", { maxConcurrentTasks: 3 }, bench.now());
      expect(await bench.claim(5)).toHaveLength(2);
      await bench.store.updateKey("a", { maxConcurrentTasks: null }, bench.now());
      expect(await bench.claim(5)).toHaveLength(2);
    });

    test("a key that was held at its limit does not make up for it afterwards", async () => {
      await bench.store.updateKey("a", { maxConcurrentTasks: 1 }, bench.now());
      await many(30, { keyId: "a" });
      await many(60, { keyId: "b" });
      await bench.claim(1);
      await bench.claim(1);
      for (let index = 0; index < 30; index++) await bench.apply(await bench.claimOne(), COMPLETE);
      await bench.store.updateKey("a", { maxConcurrentTasks: null }, bench.now());
      const order = await keys(10);
      expect(count(order, "b")).toBeGreaterThanOrEqual(4);
    });

    test("positions count up from 1 in the order of service", async () => {
      const tasks = [await bench.submit(), await bench.submit(), await bench.submit()];
      const positions = await Promise.all(tasks.map((task) => bench.positionOf(task)));
      expect(positions).toEqual([1, 2, 3]);
      await bench.claimOne();
      expect(await Promise.all(tasks.map((task) => bench.positionOf(task)))).toEqual([null, 1, 2]);
    });

    test("positions know priorities", async () => {
      const low = await bench.submit({ priority: "low" });
      const normal = await bench.submit();
      const high = await bench.submit({ priority: "high" });
      expect(await Promise.all([high, normal, low].map((task) => bench.positionOf(task)))).toEqual([1, 2, 3]);
    });

    test("another key's long queue counts no more than its fair share", async () => {
      await many(500, { keyId: "a" });
      const mine = await bench.submit({ keyId: "b" });
      const position = await bench.positionOf(mine);
      expect(position).toBeGreaterThanOrEqual(1);
      expect(position).toBeLessThanOrEqual(2);
      expect((await keys(2)).includes("b")).toBe(true);
    });

    test("a task that is held, delayed or over has no position", async () => {
      const task = await bench.submit();
      const claim = await bench.claimOne();
      expect(await bench.positionOf(task)).toBeNull();
      await bench.apply(claim, {
        kind: "snooze",
        delayMs: LEASE_MS,
        error: FAILURE,
        spent: NOTHING_SPENT,
      });
      expect(await bench.positionOf(task)).toBeNull();
      await bench.store.cancel(scopeOf("a"), task.id);
      expect(await bench.positionOf(task)).toBeNull();
    });

    test("a page of waiting tasks has the positions each has alone", async () => {
      for (const priority of ["low", "high", "normal", "low", "high"] as const)
        await bench.submit({ priority });
      await many(3, { keyId: "b" });
      const { tasks } = await bench.store.list(scopeOf("a"), { limit: 10 });
      for (const view of tasks) expect(view.queuePosition).toBe(await bench.positionOf(view.task));
    });
  });
}
