/** Lanes know providers: a claim takes what its process can run, and a provider that rests holds back its own tasks only. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isTerminal, type TaskType } from "../../../src/protocol/task.ts";
import type { Claim } from "../../../src/tasks/ports/task-store.ts";
import type { Task } from "../../../src/tasks/task.ts";
import { NOTHING_SPENT } from "../../../src/tasks/transition.ts";
import { createSeededRandom } from "../../fixture/seeded-random.ts";
import { virtualKey } from "../../fixture/virtual-key.ts";
import { Bench, COMPLETE, LEASE_MS, type StoreContract, scopeOf } from "../store-harness.ts";
import { countLane, fail, nextCandidate, pend, providerOf, save, started, through } from "./leftovers.ts";

/** Thousands of calls, each of which may cross a network, ms. */
const LONG_TEST_MS = 60_000;
const PAUSE_MS = 30_000;

export function laneContract(contract: StoreContract): void {
  describe("lanes", () => {
    let bench: Bench;
    beforeEach(async () => {
      bench = await Bench.open(contract);
    });
    afterEach(() => bench.dispose());

    const many = (count: number, changes: Parameters<Bench["draft"]>[0]) =>
      Promise.all(Array.from({ length: count }, () => bench.submit(changes)));
    const pause = (provider: string, ms = PAUSE_MS, lane: TaskType = "image") =>
      bench.store.pauseProvider(lane, provider, ms);
    const nextDueIn = (providers?: readonly string[]) => bench.store.nextDueIn("image", providers);
    const ids = (claims: readonly Claim[]) => claims.map(({ task }) => task.id);
    /** The keys of the next tasks, each completed at once. */
    const served = async (count: number, providers?: readonly string[]) => {
      const keys: string[] = [];
      for (let index = 0; index < count; index++) {
        const claim = await bench.claimOne(providers && { providers });
        keys.push(claim.task.tenant.keyId);
        await bench.apply(claim, COMPLETE);
      }
      return keys;
    };
    const count = (names: readonly string[], name: string) => names.filter((one) => one === name).length;

    describe("how long the oldest task waits", () => {
      const oldest = (lane: TaskType = "image") => bench.store.oldestWaitingMs(lane);

      test("is told of the lane's first one, whatever its key, provider and priority", async () => {
        expect(await oldest()).toBeNull();
        await bench.submit({ keyId: "b", priority: "low", ...through("x") });
        bench.advance(2_000);
        await bench.submit({ keyId: "a", priority: "high", ...through("y") });
        bench.advance(500);
        expect(await oldest()).toBe(2_500);
        expect(await oldest("video")).toBeNull();
        expect((await bench.claimOne({ providers: ["x"] })).task.tenant.keyId).toBe("b");
        expect(await oldest()).toBe(500);
        await bench.claimOne();
        expect(await oldest()).toBeNull();
      });

      test("leaves out what was started before, and what its own key holds back", async () => {
        await bench.store.createKey(virtualKey({ id: "one-at-a-time", maxConcurrentTasks: 1 }));
        await bench.submit();
        const again = await bench.claimOne();
        await bench.apply(again, { kind: "release", submitUnknown: false, spent: NOTHING_SPENT });
        bench.advance(1_000);
        expect(await oldest()).toBeNull();
        await bench.submit();
        bench.advance(10);
        expect(await oldest()).toBe(10);
        while ((await bench.claim()).length > 0);

        await bench.submit({ keyId: "one-at-a-time" });
        await bench.submit({ keyId: "one-at-a-time" });
        await bench.claimOne();
        expect(await oldest()).toBeNull();
      });

      test("counts while its provider is paused", async () => {
        await bench.submit(through("x"));
        await pause("x");
        bench.advance(700);
        expect(await oldest()).toBe(700);
      });
    });

    describe("a claim for some providers", () => {
      test("takes their tasks and leaves the others, whatever is older", async () => {
        await many(3, through("x"));
        const [first, second] = [await bench.submit(through("y")), await bench.submit(through("z"))];
        expect(await bench.claim(10, { providers: [] })).toEqual([]);
        expect(await bench.claim(10, { providers: ["nobody"] })).toEqual([]);
        expect(ids(await bench.claim(10, { providers: ["y", "z", "nobody"] })).sort()).toEqual(
          [first.id, second.id].sort(),
        );
        expect(await bench.stat()).toEqual({ ready: 3, delayed: 0, held: 2 });
        expect(await bench.claim(10)).toHaveLength(3);
      });

      test("continues no job of another provider either", async () => {
        const { claim } = await started(bench, "job", through("x"));
        await bench.apply(claim, pend("job", 1_000));
        bench.advance(1_000);
        expect(await bench.claim(1, { providers: ["y"] })).toEqual([]);
        expect(ids(await bench.claim(1, { providers: ["x"] }))).toEqual([claim.task.id]);
      });

      test("is what comes with a step as well", async () => {
        await many(1, through("y"));
        const wanted = await bench.submit(through("x"));
        const [held] = await bench.claim(1, { providers: ["y"] });
        await many(1, through("y"));
        const { claimed } = await bench.store.advance(held!.lease, COMPLETE, {
          lane: "image",
          leaseMs: LEASE_MS,
          max: 5,
          providers: ["x"],
        });
        expect(ids(claimed)).toEqual([wanted.id]);
      });

      test("goes by the candidate that is tried now", async () => {
        const task = await bench.submit(through("x", "y"));
        expect(await bench.claim(1, { providers: ["y"] })).toEqual([]);
        const [claim] = await bench.claim(1, { providers: ["x"] });
        await bench.apply(claim!, nextCandidate(1_000));
        expect(await bench.stat()).toEqual({ ready: 0, delayed: 1, held: 0 });
        bench.advance(1_000);
        expect(await bench.claim(1, { providers: ["x"] })).toEqual([]);
        expect(await nextDueIn(["y"])).toBeLessThanOrEqual(1);
        const [moved] = await bench.claim(1, { providers: ["y"] });
        expect(moved?.task).toMatchObject({ id: task.id, candidate: 1 });
        expect(await bench.stat()).toEqual({ ready: 0, delayed: 0, held: 1 });
        await bench.apply(moved!, COMPLETE);
        expect(await bench.stat()).toEqual({ ready: 0, delayed: 0, held: 0 });
      });

      test("finds the one task it can run behind thousands it cannot", {
        timeout: LONG_TEST_MS,
      }, async () => {
        for (let batch = 0; batch < 20; batch++) await many(100, through("x"));
        const late = await bench.submit({ ...through("y"), keyId: "b" });
        const own = await bench.submit(through("y"));
        expect(ids(await bench.claim(5, { providers: ["y"] })).sort()).toEqual([late.id, own.id].sort());
      });

      test("may be held up by a key's limit, which counts its tasks at every provider", async () => {
        await bench.store.updateKey("a", { maxConcurrentTasks: 2 }, bench.now());
        for (const provider of ["x", "y", "x", "y"]) await bench.submit(through(provider));
        const [held] = await bench.claim(1, { providers: ["x"] });
        expect(await bench.claim(5, { providers: ["y"] })).toHaveLength(1);
        expect(await bench.claim(5)).toEqual([]);
        await bench.apply(held!, fail(true));
        expect(await bench.claim(5, { providers: ["y"] })).toHaveLength(1);
        expect(await bench.claim(5)).toEqual([]);
      });
    });

    describe("fairness", () => {
      test("a key is served no more often for using several providers", async () => {
        for (const provider of ["x", "y", "z"]) await many(20, through(provider));
        await many(30, { ...through("x"), keyId: "b" });
        const order = await served(40);
        expect(count(order, "a")).toBe(20);
        expect(order.join("")).not.toMatch(/aaa|bbb/);
      });

      test("nor by a process that runs several of them", async () => {
        for (const provider of ["x", "y", "z"]) await many(20, through(provider));
        await many(30, { ...through("y"), keyId: "b" });
        expect(count(await served(40, ["x", "y"]), "b")).toBe(20);
      });

      test("two processes with different providers share the lane's keys as one would", async () => {
        for (const keyId of ["a", "b"])
          for (const provider of ["x", "y"]) await many(20, { ...through(provider), keyId });
        const order: string[] = [];
        for (let round = 0; round < 10; round++)
          order.push(...(await served(1, ["x"])), ...(await served(1, ["y"])));
        expect(count(order, "a")).toBe(10);
      });

      test("priorities of a key weigh across its providers", async () => {
        await many(20, { ...through("x"), priority: "low" });
        await many(20, { ...through("y"), priority: "high" });
        const providers: string[] = [];
        for (let index = 0; index < 20; index++) {
          const claim = await bench.claimOne();
          providers.push(providerOf(claim.task));
          await bench.apply(claim, COMPLETE);
        }
        expect(count(providers, "y")).toBe(16);
      });

      test("one key's tasks of one priority go oldest first, whatever their provider", async () => {
        const order: string[] = [];
        for (const provider of ["x", "y", "y", "x", "z", "x"])
          order.push((await bench.submit(through(provider))).id);
        expect(await bench.drain((task) => task.id)).toEqual(order);
      });
    });

    describe("a provider that rests", () => {
      test("is passed over until its pause ends, and the others' tasks are not", async () => {
        const waiting = await bench.submit(through("x"));
        const [other, another] = [
          await bench.submit(through("y")),
          await bench.submit({ ...through("y"), keyId: "b" }),
        ];
        await pause("x");
        const later = await bench.submit(through("x"));
        expect(ids(await bench.claim(10)).sort()).toEqual([other.id, another.id].sort());
        bench.advance(PAUSE_MS - 1);
        expect(await bench.claim(10)).toEqual([]);
        expect(await bench.claim(10, { providers: ["x"] })).toEqual([]);
        bench.advance(1);
        expect(ids(await bench.claim(10))).toEqual([waiting.id, later.id]);
      });

      test("keeps its tasks in the count of what is ready", async () => {
        await many(3, through("x"));
        await pause("x");
        expect(await bench.stat()).toEqual({ ready: 3, delayed: 0, held: 0 });
        bench.advance(PAUSE_MS);
        await bench.claim(2);
        expect(await bench.stat()).toEqual({ ready: 1, delayed: 0, held: 2 });
      });

      test("goes on with the jobs it has begun", async () => {
        const { claim } = await started(bench, "job", through("x"));
        await bench.apply(claim, pend("job", 1_000));
        const waiting = await bench.submit(through("x"));
        await pause("x");
        bench.advance(1_000);
        const [poll, ...none] = await bench.claim(10);
        expect(poll?.task).toMatchObject({ id: claim.task.id, state: "job" });
        expect(none).toEqual([]);
        await bench.apply(poll!, COMPLETE);
        bench.advance(PAUSE_MS - 1_000);
        expect(ids(await bench.claim(10))).toEqual([waiting.id]);
      });

      test("rests in its own lane only", async () => {
        const film = await bench.submit({ ...through("x"), type: "video" });
        await bench.submit(through("x"));
        await pause("x");
        expect(await bench.claim()).toEqual([]);
        expect(ids(await bench.claim(1, { lane: "video" }))).toEqual([film.id]);
        await pause("x", PAUSE_MS * 2, "video");
        bench.advance(PAUSE_MS);
        expect(await bench.claim()).toHaveLength(1);
      });

      test("may be told to rest longer; a shorter pause changes nothing", async () => {
        await bench.submit(through("x"));
        await pause("x", 10_000);
        await pause("x", 1_000);
        bench.advance(9_999);
        expect(await bench.claim()).toEqual([]);
        await pause("x", 10_000);
        bench.advance(9_999);
        expect(await bench.claim()).toEqual([]);
        bench.advance(1);
        expect(await bench.claim()).toHaveLength(1);
      });

      test("is woken by a pause of 0, and may rest again", async () => {
        await many(2, through("x"));
        await pause("x");
        await pause("x", 0);
        expect(await bench.claim(1)).toHaveLength(1);
        await pause("x");
        expect(await bench.claim(1)).toEqual([]);
        await pause("y", 0);
        expect(await bench.claim(1)).toEqual([]);
        await pause("x", 0);
        expect(await bench.claim(1)).toHaveLength(1);
      });

      test("holds back a task that comes to it as the next candidate", async () => {
        const task = await bench.submit(through("y", "x"));
        await pause("x");
        await bench.apply(await bench.claimOne(), nextCandidate());
        bench.advance(1_000);
        expect(await bench.claim()).toEqual([]);
        await pause("x", 0);
        expect(ids(await bench.claim())).toEqual([task.id]);
      });

      test("lets its tasks be cancelled, and the counts are right", async () => {
        const [task] = await many(2, through("x"));
        await pause("x");
        expect((await bench.store.cancel(scopeOf("a"), task!.id)).outcome).toBe("cancelled");
        expect(await bench.stat()).toEqual({ ready: 1, delayed: 0, held: 0 });
        await pause("x", 0);
        expect(await bench.claim(10)).toHaveLength(1);
      });
    });

    describe("the next moment", () => {
      test("is now while something is ready, and null when nothing waits", async () => {
        expect(await nextDueIn()).toBeNull();
        await bench.submit(through("x"));
        expect(await nextDueIn()).toBe(0);
        await bench.claimOne();
        expect(await nextDueIn()).toBeNull();
      });

      test("is for some providers that of their ready tasks", async () => {
        await bench.submit(through("x"));
        expect(await nextDueIn(["x"])).toBe(0);
        expect(await nextDueIn(["y", "x"])).toBe(0);
        expect(await nextDueIn(["y"])).toBeNull();
        expect(await nextDueIn([])).toBeNull();
        expect(await bench.store.nextDueIn("video", ["x"])).toBeNull();
      });

      test("is for a provider that rests the end of its pause", async () => {
        await bench.submit(through("x"));
        await pause("x");
        const endsAt = bench.now() + PAUSE_MS;
        expect(await nextDueIn()).toBe(endsAt - bench.now());
        expect(await nextDueIn(["x"])).toBe(endsAt - bench.now());
        expect(await nextDueIn(["y"])).toBeNull();
        await bench.submit(through("y"));
        expect(await nextDueIn()).toBe(0);
        expect(await nextDueIn(["x"])).toBe(endsAt - bench.now());
        bench.advance(PAUSE_MS);
        expect(await nextDueIn(["x"])).toBe(0);
      });

      test("is the earlier one of a pause's end and a due poll", async () => {
        const { claim } = await started(bench, "job", through("y"));
        await bench.apply(claim, pend("job", 20_000));
        await bench.submit(through("x"));
        await pause("x", 10_000);
        expect(await nextDueIn(["x", "y"])).toBe(10_000);
        await pause("x", 40_000);
        expect(await nextDueIn(["x", "y"])).toBe(20_000);
        await pause("x", 0);
        expect(await nextDueIn(["x", "y"])).toBe(0);
      });

      test("of a provider that rests with nothing waiting is null", async () => {
        await pause("x");
        expect(await nextDueIn(["x"])).toBeNull();
        expect(await nextDueIn()).toBeNull();
      });
    });

    test("every lease carries the shard, and a claim may name it", async () => {
      await many(3, through("x"));
      const [first] = await bench.claim(1);
      const [second] = await bench.claim(1, { shard: 0 });
      const { claimed } = await bench.store.advance(first!.lease, COMPLETE, {
        lane: "image",
        leaseMs: LEASE_MS,
        max: 1,
      });
      for (const { lease, task } of [first!, second!, ...claimed])
        expect(lease).toEqual({ shard: 0, taskId: task.id, fence: task.fence });
      expect(claimed).toHaveLength(1);
    });

    test.each([1, 2, 3])(
      "counts stay right and every task ends under random claims, pauses and changes of candidate (seed %i)",
      { timeout: LONG_TEST_MS },
      async (seed) => {
        const random = createSeededRandom(seed);
        const names = ["x", "y", "z"];
        const tasks: Task[] = [];
        const claims: Claim[] = [];
        const pausedUntil = new Map<string, number>();
        const some = () => names.filter(() => random.below(2) === 0);
        const check = (claimed: readonly Claim[], providers: readonly string[] | undefined) => {
          for (const { task, update } of claimed) {
            const provider = providerOf(task);
            if (providers !== undefined) expect(providers).toContain(provider);
            // An update means that the claim began an attempt.
            if (update !== null) expect(pausedUntil.get(provider) ?? 0).toBeLessThanOrEqual(bench.now());
          }
          claims.push(...claimed);
        };
        const step = async () => {
          const claim = claims[random.below(Math.max(1, claims.length))];
          const task = tasks[random.below(Math.max(1, tasks.length))];
          switch (random.below(10)) {
            case 0:
            case 1: {
              const route = [random.pick(names), random.pick(names), random.pick(names)];
              tasks.push(await bench.submit({ ...through(...route), keyId: random.pick(["a", "b", "c"]) }));
              return;
            }
            case 2:
            case 3: {
              const providers = random.below(3) === 0 ? undefined : some();
              check(await bench.claim(1 + random.below(3), providers && { providers }), providers);
              return;
            }
            case 4:
              if (claim) await bench.store.advance(claim.lease, nextCandidate(random.below(3_000)));
              return;
            case 5:
              if (claim) await bench.store.advance(claim.lease, pend(random.below(9), random.below(3_000)));
              return;
            case 6: {
              const providers = some();
              const options = { lane: "image", leaseMs: LEASE_MS, max: 1, providers } as const;
              if (claim)
                check((await bench.store.advance(claim.lease, COMPLETE, options)).claimed, providers);
              return;
            }
            case 7: {
              const provider = random.pick(names);
              const ms = random.below(3) === 0 ? 0 : random.below(8_000);
              const until = bench.now() + ms;
              pausedUntil.set(provider, ms === 0 ? 0 : Math.max(until, pausedUntil.get(provider) ?? 0));
              await pause(provider, ms);
              return;
            }
            case 8:
              if (task) await bench.store.cancel(scopeOf(task.tenant.keyId), task.id);
              return;
            default:
              bench.advance(random.below(3_000));
              await bench.store.sweep(10);
          }
        };
        for (let round = 0; round < 250; round++) {
          await step();
          if (round % 10 !== 0) continue;
          const stored = await Promise.all(tasks.map((task) => bench.read(task)));
          expect(await bench.stat()).toEqual(countLane(stored, "image"));
        }
        for (const provider of names) await pause(provider, 0);
        for (let round = 0; round < 20; round++) {
          bench.advance(LEASE_MS);
          await bench.store.sweep(1_000);
          for (const claim of await bench.claim(100)) await bench.apply(claim, COMPLETE);
        }
        for (const task of tasks) expect(isTerminal((await bench.read(task)).status)).toBe(true);
        expect(await bench.stat()).toEqual({ ready: 0, delayed: 0, held: 0 });
        expect(await nextDueIn()).toBeNull();
      },
    );

    test("a task that was saved and handed back waits at the provider of its job", async () => {
      const task = await bench.submit(through("x", "y"));
      const claim = await bench.claimOne();
      await bench.apply(claim, save("job"));
      bench.advance(LEASE_MS);
      await bench.store.sweep(10);
      expect(await bench.claim(1, { providers: ["y"] })).toEqual([]);
      expect(ids(await bench.claim(1, { providers: ["x"] }))).toEqual([task.id]);
    });
  });
}
