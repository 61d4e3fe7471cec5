/** Limits that count over everybody: what a whole deployment holds, and that no key's queue is another's. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Claim } from "../../../src/tasks/ports/task-store.ts";
import { NOTHING_SPENT } from "../../../src/tasks/transition.ts";
import { createSeededRandom } from "../../fixture/seeded-random.ts";
import {
  Bench,
  COMPLETE,
  FAILURE,
  LEASE_MS,
  RELEASE,
  type StoreContract,
  scopeOf,
} from "../store-harness.ts";

export function limitContract(contract: StoreContract): void {
  describe("limits of a whole deployment", () => {
    let bench: Bench;
    beforeEach(async () => {
      bench = await Bench.open(contract);
    });
    afterEach(() => bench.dispose());

    const many = async (count: number, changes: Parameters<Bench["draft"]>[0] = {}) => {
      await Promise.all(Array.from({ length: count }, () => bench.submit(changes)));
    };

    test("no more than the limit are held, however many claim at once", async () => {
      await many(30, { keyId: "a" });
      await many(30, { keyId: "b" });
      const claims = await Promise.all(Array.from({ length: 20 }, () => bench.claim(3, { maxHeld: 7 })));
      expect(claims.flat()).toHaveLength(7);
      expect(await bench.stat()).toEqual({ ready: 53, delayed: 0, held: 7 });
      expect(await bench.claim(3, { maxHeld: 7 })).toEqual([]);
      expect(await bench.claim(3, { maxHeld: 8 })).toHaveLength(1);
      expect(await bench.claim(3)).toHaveLength(3);
    });

    test("the limit is of one lane", async () => {
      await many(2);
      await many(2, { type: "video" });
      expect(await bench.claim(2, { maxHeld: 1 })).toHaveLength(1);
      expect(await bench.claim(2, { lane: "video", maxHeld: 1 })).toHaveLength(1);
    });

    test("a place is free again after every way of letting go, and the step that lets go may take it", async () => {
      await many(20);
      const limit = { maxHeld: 1 } as const;
      const next = { lane: "image", leaseMs: LEASE_MS, max: 5, ...limit } as const;
      let claim = await bench.claimOne(limit);
      for (const step of [
        COMPLETE,
        RELEASE,
        { kind: "fail", error: FAILURE, jobOver: false, spent: NOTHING_SPENT },
        { kind: "retry", delayMs: 60_000, error: FAILURE, spent: NOTHING_SPENT },
        { kind: "snooze", delayMs: 60_000, error: FAILURE, spent: NOTHING_SPENT },
        { kind: "pend", state: 1, delayMs: 60_000, percent: 1, message: null, spent: NOTHING_SPENT },
      ] as const) {
        expect(await bench.claim(1, limit)).toEqual([]);
        const outcome = await bench.store.advance(claim.lease, step, next);
        expect(outcome.claimed, step.kind).toHaveLength(1);
        claim = outcome.claimed[0]!;
      }
      await bench.store.cancel(scopeOf("a"), claim.task.id);
      const cancelled = await bench.claimOne(limit);
      bench.advance(LEASE_MS);
      await bench.store.sweep(10);
      const orphan = await bench.claimOne({ ...limit, maxStarts: 0 });
      expect(orphan.task.id).toBe(cancelled.task.id);
      bench.advance(orphan.task.timeoutMs);
      await bench.store.sweep(10);
      expect(await bench.claim(5, limit)).toHaveLength(1);
    });

    test("a step that keeps its lease frees no place", async () => {
      await many(3);
      const claim = await bench.claimOne();
      const next = { lane: "image", leaseMs: LEASE_MS, max: 1, maxHeld: 1 } as const;
      const kept = await bench.store.advance(
        claim.lease,
        { kind: "progress", percent: 1, message: null },
        next,
      );
      expect(kept.claimed).toEqual([]);
      const saved = await bench.store.advance(
        claim.lease,
        { kind: "save", state: 1, spent: NOTHING_SPENT },
        next,
      );
      expect(saved.claimed).toEqual([]);
    });

    test("a limit that was lowered below what is held claims nothing until enough have let go", async () => {
      await many(6);
      const claims = await bench.claim(4);
      expect(await bench.claim(1, { maxHeld: 2 })).toEqual([]);
      for (const claim of claims.slice(0, 2)) await bench.apply(claim, COMPLETE);
      expect(await bench.claim(1, { maxHeld: 2 })).toEqual([]);
      await bench.apply(claims[2]!, COMPLETE);
      expect(await bench.claim(5, { maxHeld: 2 })).toHaveLength(1);
    });

    test.each([1, 2, 3])(
      "whatever many claimers do side by side, what is held is counted truly and never too much (seed %d)",
      async (seed) => {
        const random = createSeededRandom(seed);
        const limit = { maxHeld: 6 } as const;
        const next = { lane: "image", leaseMs: LEASE_MS, max: 2, ...limit } as const;
        for (const keyId of ["a", "b", "c"]) await many(15, { keyId });
        const held = new Map<string, Claim>();
        const take = (claims: readonly Claim[]) => {
          for (const claim of claims) held.set(claim.task.id, claim);
        };
        const endings = [
          () => COMPLETE,
          () => RELEASE,
          () => ({ kind: "retry", delayMs: 5, error: FAILURE, spent: NOTHING_SPENT }) as const,
          () =>
            ({
              kind: "pend",
              state: 1,
              delayMs: 5,
              percent: 1,
              message: null,
              spent: NOTHING_SPENT,
            }) as const,
        ];
        for (let round = 0; round < 40; round++) {
          const letGo = [...held.values()].filter(() => random.next() < 0.4);
          for (const { task } of letGo) held.delete(task.id);
          const steps = letGo.map(async (claim) => {
            if (random.next() < 0.2) {
              await bench.store.cancel(scopeOf(claim.task.tenant.keyId), claim.task.id);
              return [];
            }
            const claimNext = random.next() < 0.5 ? next : undefined;
            return (await bench.store.advance(claim.lease, random.pick(endings)(), claimNext)).claimed;
          });
          const claims = Array.from({ length: 4 }, () => bench.claim(random.below(3) + 1, limit));
          for (const claimed of await Promise.all([...steps, ...claims])) take(claimed);
          expect(held.size).toBeLessThanOrEqual(limit.maxHeld);
          expect((await bench.stat()).held).toBe(held.size);
          if (random.next() < 0.1) {
            // Every worker died.
            bench.advance(LEASE_MS);
            await bench.store.sweep(100);
            held.clear();
            expect((await bench.stat()).held).toBe(0);
          }
          bench.advance(random.below(10));
        }
        for (const claim of held.values()) await bench.apply(claim, RELEASE);
        bench.advance(10);
        const { ready, delayed } = await bench.stat();
        expect(await bench.claim(10, limit)).toHaveLength(Math.min(ready + delayed, limit.maxHeld));
      },
    );

    test("10,000 tasks of one key do not delay another's", { timeout: 60_000 }, async () => {
      for (let round = 0; round < 10; round++) await many(1_000, { keyId: "a" });
      const held = await bench.claim(3, { maxHeld: 3 });
      const mine = await bench.submit({ keyId: "b" });
      const next = { lane: "image", leaseMs: LEASE_MS, max: 1, maxHeld: 3 } as const;
      const served: string[] = [];
      for (const claim of held) {
        const outcome = await bench.store.advance(claim.lease, COMPLETE, next);
        served.push(...outcome.claimed.map(({ task }) => task.id));
      }
      expect(served.indexOf(mine.id)).toBeGreaterThanOrEqual(0);
      expect(served.indexOf(mine.id)).toBeLessThanOrEqual(1);
    });
  });
}
