/** Races: whatever happens at once and in whatever order, a task ends exactly once and the counts are right. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isTerminal } from "../../../src/protocol/task.ts";
import { upstreamJobOf } from "../../../src/tasks/due-work.ts";
import type { Claim } from "../../../src/tasks/ports/task-store.ts";
import type { Task } from "../../../src/tasks/task.ts";
import { NOTHING_SPENT } from "../../../src/tasks/transition.ts";
import { createSeededRandom } from "../../fixture/seeded-random.ts";
import { Bench, COMPLETE, FAILURE, LEASE_MS, type StoreContract, scopeOf } from "../store-harness.ts";

/** The counters are compared after every so many rounds: once they are wrong they stay wrong. */
const COUNTED_ROUNDS = 4;
/** Thousands of calls, each of which may cross a network, ms. */
const LONG_TEST_MS = 60_000;
const TERMINAL_EVENTS = ["completed", "failed", "cancelled"];

export function raceContract(contract: StoreContract): void {
  describe("races", () => {
    let bench: Bench;
    beforeEach(async () => {
      bench = await Bench.open(contract);
    });
    afterEach(() => bench.dispose());

    test("finish, cancel, deadline and sweep at once end a task exactly once", async () => {
      for (let round = 0; round < 12; round++) {
        const task = await bench.submit({ timeoutMs: 1_000 });
        const claim = await bench.claimOne();
        bench.advance(1_000);
        const attempts = [
          () => bench.store.advance(claim.lease, COMPLETE).then((outcome) => outcome.applied),
          () => bench.store.cancel(scopeOf("a"), task.id).then(({ outcome }) => outcome === "cancelled"),
          () => bench.store.sweep(10).then(({ updates }) => updates.length === 1),
          () =>
            bench.store
              .advance(claim.lease, { kind: "fail", error: FAILURE, jobOver: true, spent: NOTHING_SPENT })
              .then((outcome) => outcome.applied),
        ];
        for (let turn = 0; turn < round % attempts.length; turn++) attempts.push(attempts.shift()!);
        const won = await Promise.all(attempts.map((attempt) => attempt()));
        expect(won.filter(Boolean)).toHaveLength(1);
        const log = await bench.log(task);
        expect(log.filter((entry) => TERMINAL_EVENTS.includes(entry.split(" ")[1] ?? ""))).toHaveLength(1);
        for (const work of await bench.cleanups(10, 1)) await bench.bill(work, 1);
      }
      expect(await bench.stat()).toEqual({ ready: 0, delayed: 0, held: 0 });
    });

    test("a task settles once under two bills and a late report at once", async () => {
      const task = await bench.submit();
      const claim = await bench.claimOne();
      await bench.store.cancel(scopeOf("a"), task.id);
      const [work] = await bench.cleanups(1);
      const [first, second] = await Promise.all([
        bench.bill(work!, 100),
        bench.bill(work!, 200),
        bench.store.reportLate({
          taskId: task.id,
          fence: claim.lease.fence,
          job: upstreamJobOf(claim.task),
          state: "x",
          costMicros: 300,
        }),
      ]);
      // Which comes first is the store's: a bill, or the report, after which the item is claimed anew.
      expect(first && second).toBe(false);
      for (const informed of await bench.cleanups()) await bench.bill(informed, 300);
      const { settled, costMicros } = await bench.read(task);
      expect(settled).toBe(true);
      expect(costMicros).toBe(first ? 100 : second ? 200 : 300);
      expect(await bench.store.nextWorkIn("cleanup")).toBeNull();
    });

    test.each([1, 2, 3])(
      "hundreds of random steps keep every promise (seed %i)",
      { timeout: LONG_TEST_MS },
      async (seed) => {
        const { below: random } = createSeededRandom(seed);
        const tasks: Task[] = [];
        const claims: Claim[] = [];
        const keep = (claimed: readonly Claim[]) => claims.push(...claimed);
        const anyClaim = () => claims[random(claims.length)];
        const lane = () => (random(4) === 0 ? "video" : "image");
        const priority = () => (["low", "normal", "high"] as const)[random(3)] ?? "normal";
        const delay = () => random(4_000);
        const next = () =>
          random(2) === 0 ? undefined : ({ lane: "image", leaseMs: LEASE_MS, max: 1 } as const);
        const step = async (): Promise<void> => {
          const claim = anyClaim();
          const task = tasks[random(tasks.length)];
          switch (random(14)) {
            case 0:
            case 1:
            case 2:
              tasks.push(
                await bench.submit({
                  keyId: "abc"[random(3)]!,
                  subject: random(3) === 0 ? "ann" : "",
                  type: lane(),
                  priority: priority(),
                }),
              );
              return;
            case 3:
            case 4:
              keep(await bench.claim(1 + random(3), { lane: lane() }));
              return;
            case 5:
              if (claim) keep((await bench.store.advance(claim.lease, COMPLETE, next())).claimed);
              return;
            case 6:
              if (claim)
                await bench.store.advance(claim.lease, {
                  kind: "retry",
                  delayMs: delay(),
                  error: FAILURE,
                  spent: NOTHING_SPENT,
                });
              return;
            case 7:
              if (claim)
                await bench.store.advance(claim.lease, {
                  kind: "pend",
                  state: random(9),
                  delayMs: delay(),
                  percent: random(100),
                  message: null,
                  spent: NOTHING_SPENT,
                });
              return;
            case 8:
              if (claim)
                await bench.store.advance(claim.lease, {
                  kind: "progress",
                  percent: random(100),
                  message: `${random(9)}`,
                });
              return;
            case 9:
              if (claim)
                await bench.store.advance(claim.lease, {
                  kind: "fail",
                  error: FAILURE,
                  jobOver: random(2) === 0,
                  spent: NOTHING_SPENT,
                });
              return;
            case 10:
              if (task) await bench.store.cancel(scopeOf(task.tenant.keyId), task.id);
              return;
            case 11:
              if (claim) await bench.store.renew([claim.lease], LEASE_MS);
              return;
            case 12:
              await bench.store.updateKey(
                "abc"[random(3)]!,
                { maxConcurrentTasks: random(3) === 0 ? null : 1 + random(4) },
                bench.now(),
              );
              return;
            default:
              bench.advance(random(4_000));
              await bench.store.sweep(10);
          }
        };
        for (let round = 0; round < 60; round++) {
          await Promise.all(Array.from({ length: 10 }, step));
          if (round % COUNTED_ROUNDS === 0) await expectCounts(bench, tasks);
        }

        for (const keyId of ["a", "b", "c"])
          await bench.store.updateKey(keyId, { maxConcurrentTasks: null }, bench.now());
        for (let round = 0; round < 50; round++) {
          bench.advance(LEASE_MS);
          await bench.store.sweep(1_000);
          for (const type of ["image", "video"] as const)
            for (const claim of await bench.claim(100, { lane: type })) await bench.apply(claim, COMPLETE);
        }
        for (const task of tasks) {
          const over = await bench.read(task);
          expect(isTerminal(over.status)).toBe(true);
          const log = (await bench.log(task)).map((entry) => entry.split(" ")[1] ?? "");
          expect(log[0]).toBe("queued");
          expect(log.filter((type) => TERMINAL_EVENTS.includes(type))).toEqual([over.status]);
          expect(log.at(-1)).toBe(over.status);
          expect(over.costMicros === 0 || over.status === "completed").toBe(true);
        }
        await expectCounts(bench, tasks);
      },
    );
  });
}

/** The lanes' counters against the tasks themselves. */
async function expectCounts(bench: Bench, tasks: readonly Task[]): Promise<void> {
  const stored = await Promise.all(tasks.map((task) => bench.read(task)));
  for (const lane of ["image", "video"] as const) {
    const counted = { ready: 0, delayed: 0, held: 0 };
    for (const now of stored) {
      if (now.type !== lane || isTerminal(now.status)) continue;
      if (now.leaseUntil !== null) counted.held++;
      else if (now.dueAt !== null) counted.delayed++;
      else counted.ready++;
    }
    expect(await bench.stat(lane)).toEqual(counted);
  }
}
