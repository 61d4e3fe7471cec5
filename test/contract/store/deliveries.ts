/** Deliveries: a task's end leaves word for its webhook, once, and a task that is removed takes its due work with it. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ClaimedWork } from "../../../src/tasks/ports/task-store.ts";
import type { Task } from "../../../src/tasks/task.ts";
import { Bench, COMPLETE, LEASE_MS, MAX_WAIT_MS, type StoreContract, scopeOf } from "../store-harness.ts";
import {
  again,
  announced,
  claimWork,
  DELIVERY_LIMIT_MS,
  fail,
  finish,
  hook,
  nextCandidate,
  save,
  through,
} from "./leftovers.ts";

const RETENTION = { tasksMs: 3_600_000, eventsMs: 3_600_000, ledgerMs: 3_600_000 };

export function deliveryContract(contract: StoreContract): void {
  describe("deliveries", () => {
    let bench: Bench;
    beforeEach(async () => {
      bench = await Bench.open(contract);
    });
    afterEach(() => bench.dispose());

    const cancel = (task: Task) => bench.store.cancel(scopeOf(task.tenant.keyId), task.id);
    const deliveries = () => claimWork(bench, { kind: "delivery" });
    const idsOf = (claimed: readonly ClaimedWork[]) => claimed.map(({ item }) => item.taskId);

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
              id: `${task.id}-${task.seq}`,
              kind: "delivery",
              destination: "https://user.example:8443",
              taskId: task.id,
              payload: null,
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
        expect(await bench.store.nextWorkIn("delivery")).toBeNull();
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
          expect(heard.map(({ item }) => item.id)).toEqual([`${task.id}-${seq}`]);
          expect(await bench.store.taskDeliveries(task.id)).toMatchObject([{ type: `task.${status}`, seq }]);
          await finish(bench, heard[0]!, { kind: "done" });
        }
      });

      test("that nobody asked for gets nothing", async () => {
        await bench.submit();
        await bench.apply(await bench.claimOne(), COMPLETE);
        expect(await deliveries()).toEqual([]);
        expect(await bench.store.nextWorkIn("delivery")).toBeNull();
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
        expect(await bench.store.taskDeliveries(task.id)).toEqual([]);
        expect(await bench.store.listDeliveries(null, { limit: 10 })).toEqual({
          deliveries: [],
          hasMore: false,
        });
        bench.advance(LEASE_MS);
        expect(await deliveries()).toEqual([]);
        expect(await bench.store.nextWorkIn("delivery")).toBeNull();
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
  });
}
