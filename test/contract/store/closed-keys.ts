/** Keys that are off, gone or over: what waits under them is not started, and of the last two it is cancelled. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { virtualKey } from "../../fixture/virtual-key.ts";
import { Bench, COMPLETE, LEASE_MS, type StoreContract, scopeOf } from "../store-harness.ts";
import { pend } from "./leftovers.ts";

const SECOND_MS = 1_000;

export function closedKeysContract(contract: StoreContract): void {
  describe("keys that are closed", () => {
    let bench: Bench;
    beforeEach(async () => {
      bench = await Bench.open(contract);
    });
    afterEach(() => bench.dispose());

    const update = (patch: Parameters<Bench["store"]["updateKey"]>[1]) =>
      bench.store.updateKey("a", patch, bench.now());
    const claimed = async () => (await bench.claim(10)).map(({ task }) => task.id);
    const cancelled = async (limit = 10) =>
      (await bench.store.sweep(limit)).updates.map(({ task }) => [task.id, task.status]);

    test("a key that is off keeps its waiting tasks, and another key's are served", async () => {
      const waiting = [await bench.submit(), await bench.submit()];
      await update({ enabled: false });
      const other = await bench.submit({ keyId: "b" });
      expect(await claimed()).toEqual([other.id]);
      expect(await bench.store.nextDueIn("image")).toBeNull();
      expect(await cancelled()).toEqual([]);
      await update({ enabled: true });
      expect(await bench.store.nextDueIn("image")).toBe(0);
      expect((await claimed()).sort()).toEqual(waiting.map(({ id }) => id).sort());
    });

    test("a key that is off gets what it has running polled and finished", async () => {
      const task = await bench.submit();
      const waiting = await bench.submit();
      const claim = await bench.claimOne();
      await bench.apply(claim, pend("job", 10));
      await update({ enabled: false });
      bench.advance(10);
      expect(await claimed()).toEqual([task.id]);
      expect(await claimed()).toEqual([]);
      const held = await bench.store.get(scopeOf("a"), task.id);
      await bench.apply({ ...claim, lease: { ...claim.lease, fence: held!.task.fence } }, COMPLETE);
      expect(await claimed()).toEqual([]);
      expect((await bench.store.get(scopeOf("a"), waiting.id))?.task.status).toBe("queued");
    });

    test("a key that is on again has the limit it had, also one that was changed meanwhile", async () => {
      for (let index = 0; index < 4; index++) await bench.submit();
      await update({ maxConcurrentTasks: 1 });
      await update({ enabled: false });
      expect(await claimed()).toEqual([]);
      await update({ enabled: true });
      expect(await claimed()).toHaveLength(1);
      await update({ enabled: false });
      await update({ maxConcurrentTasks: 3 });
      expect(await claimed()).toEqual([]);
      await update({ enabled: true });
      expect(await claimed()).toHaveLength(2);
    });

    test("what waits under a deleted key is cancelled, and told to whoever follows it", async () => {
      const running = await bench.submit();
      const claim = await bench.claimOne();
      const waiting = [await bench.submit(), await bench.submit({ type: "video" })];
      await bench.store.follow(scopeOf("a"), waiting[0]!.id);
      await bench.store.deleteKey("a");
      expect(await claimed()).toEqual([]);
      const { updates } = await bench.store.sweep(10);
      expect(updates.map(({ task }) => [task.id, task.status]).sort()).toEqual(
        waiting.map(({ id }) => [id, "cancelled"]).sort(),
      );
      const followed = updates.find(({ task }) => task.id === waiting[0]!.id);
      expect(followed).toMatchObject({ events: [{ type: "cancelled" }], followed: { task: true } });
      await bench.apply(claim, COMPLETE);
      expect((await bench.store.get(scopeOf("a"), running.id))?.task.status).toBe("completed");
      expect(await bench.store.balance("a", null, "total")).toMatchObject({ reservedMicros: 0 });
      expect(await cancelled()).toEqual([]);
    });

    test("what waits under a key that expires is cancelled then, and not before", async () => {
      const task = await bench.submit();
      await update({ expiresAt: bench.now() + 5 * SECOND_MS });
      expect(await cancelled()).toEqual([]);
      bench.advance(4 * SECOND_MS);
      await update({ expiresAt: bench.now() + 5 * SECOND_MS });
      bench.advance(4 * SECOND_MS);
      expect(await cancelled()).toEqual([]);
      bench.advance(SECOND_MS);
      expect(await cancelled()).toEqual([[task.id, "cancelled"]]);
    });

    test("a key whose end is taken away keeps what waits", async () => {
      const task = await bench.submit();
      await update({ expiresAt: bench.now() + SECOND_MS });
      await update({ expiresAt: null });
      bench.advance(LEASE_MS);
      expect(await cancelled()).toEqual([]);
      expect(await claimed()).toEqual([task.id]);
    });

    test("nothing is started between a key's end and the sweep, and again when the end is put off", async () => {
      const task = await bench.submit();
      await update({ expiresAt: bench.now() + SECOND_MS });
      bench.advance(SECOND_MS);
      expect(await claimed()).toEqual([]);
      await update({ expiresAt: null });
      expect(await claimed()).toEqual([task.id]);
    });

    test("many are cancelled in steps", async () => {
      for (let index = 0; index < 7; index++) await bench.submit();
      await bench.store.deleteKey("a");
      const steps: number[] = [];
      for (let more = true; more; ) {
        const outcome = await bench.store.sweep(3);
        steps.push(outcome.updates.length);
        more = outcome.more;
      }
      expect(steps).toEqual([3, 3, 1]);
    });

    test("a key made anew under the same id is served", async () => {
      await bench.store.deleteKey("a");
      await bench.store.sweep(10);
      await bench.store.createKey(virtualKey({ id: "a", hash: "another" }));
      const task = await bench.submit();
      expect(await claimed()).toEqual([task.id]);
      expect(await cancelled()).toEqual([]);
    });
  });
}
