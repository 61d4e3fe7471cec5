/** A task's route: which candidate is tried, what is remembered of each attempt, and where the route ends. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Task } from "../../../src/tasks/task.ts";
import { NOTHING_SPENT, type StepTransition } from "../../../src/tasks/transition.ts";
import {
  Bench,
  COMPLETE,
  FAILURE,
  LEASE_MS,
  RELEASE,
  type StoreContract,
  scopeOf,
  TIMEOUT_MS,
} from "../store-harness.ts";
import { fail, nextCandidate, pend, save, through } from "./leftovers.ts";

const MOST_KEPT = 16;
const RATE_LIMIT = { code: "rate_limit_exceeded", message: "Too many requests" } as const;
const retry = (delayMs: number): StepTransition => ({
  kind: "retry",
  delayMs,
  error: FAILURE,
  spent: NOTHING_SPENT,
});
const snooze = (delayMs: number): StepTransition => ({
  kind: "snooze",
  delayMs,
  error: RATE_LIMIT,
  spent: NOTHING_SPENT,
});

export function routeContract(contract: StoreContract): void {
  describe("routes", () => {
    let bench: Bench;
    beforeEach(async () => {
      bench = await Bench.open(contract);
    });
    afterEach(() => bench.dispose());

    test("a task is made by the first candidate, and each claim says which one is tried", async () => {
      const task = await bench.submit(through("x", "y"));
      expect(task).toMatchObject({ candidate: 0, attempts: [], credential: null, ...through("x", "y") });
      const claim = await bench.claimOne();
      expect(claim.task).toMatchObject({ candidate: 0, attemptStartedAt: bench.now(), attempts: [] });
    });

    test("the next candidate waits in the queue without anything of the one before", async () => {
      const task = await bench.submit(through("x", "y", "z"));
      const claim = await bench.claimOne();
      await bench.apply(claim, save("job at x", "account of x"));
      bench.advance(70);
      await bench.apply(claim, nextCandidate(2_000));
      expect(await bench.read(task)).toMatchObject({
        status: "queued",
        candidate: 1,
        state: null,
        credential: null,
        message: FAILURE.message,
        attempt: 1,
        attemptStartedAt: null,
        dueAt: bench.now() + 2_000,
        leaseUntil: null,
      });
      expect((await bench.log(task)).at(-1)).toBe("3 retrying");
      expect(await bench.claim()).toEqual([]);
      bench.advance(2_000);
      expect((await bench.claimOne()).task).toMatchObject({
        candidate: 1,
        attempt: 2,
        attemptStartedAt: bench.now(),
      });
    });

    test("whoever lost the task cannot send it to the next candidate", async () => {
      const task = await bench.submit(through("x", "y"));
      const lost = await bench.claimOne();
      bench.advance(LEASE_MS);
      await bench.store.sweep(10);
      const holder = await bench.claimOne();
      expect((await bench.store.advance(lost.lease, nextCandidate())).applied).toBe(false);
      expect(await bench.read(task)).toMatchObject({ candidate: 0, fence: holder.lease.fence, attempts: [] });
    });

    test("after the last candidate the task fails with what the last one said", async () => {
      const task = await bench.submit(through("x", "y"));
      await bench.apply(await bench.claimOne(), nextCandidate());
      await bench.apply(await bench.claimOne(), nextCandidate());
      const over = await bench.read(task);
      expect(over).toMatchObject({ status: "failed", error: FAILURE, settled: true, costMicros: 0 });
      expect(over.attempts.map(({ provider, outcome }) => `${provider} ${outcome}`)).toEqual([
        "x failed",
        "y failed",
      ]);
      expect(await bench.stat()).toEqual({ ready: 0, delayed: 0, held: 0 });
    });

    test("a wait for the next candidate that would reach the deadline ends the task", async () => {
      const inTime = await bench.submit(through("x", "y"));
      await bench.apply(await bench.claimOne(), nextCandidate(TIMEOUT_MS - 1));
      expect(await bench.read(inTime)).toMatchObject({ status: "queued", candidate: 1 });
      const tooLate = await bench.submit(through("x", "y"));
      await bench.apply(await bench.claimOne(), nextCandidate(TIMEOUT_MS));
      expect(await bench.read(tooLate)).toMatchObject({ status: "failed", error: FAILURE });
    });

    test("the deadline runs from the first start, whichever candidate is tried", async () => {
      const task = await bench.submit(through("x", "y"));
      await bench.apply(await bench.claimOne(), nextCandidate());
      bench.advance(TIMEOUT_MS - 1_000);
      await bench.claimOne();
      bench.advance(1_000);
      expect((await bench.store.sweep(10)).updates.map((update) => update.task.id)).toEqual([task.id]);
      expect(await bench.read(task)).toMatchObject({ status: "failed", error: { code: "timeout" } });
    });

    test("a key's place is free while its task waits for the next candidate", async () => {
      await bench.store.updateKey("a", { maxConcurrentTasks: 1 }, bench.now());
      await bench.submit(through("x", "y"));
      const other = await bench.submit(through("x"));
      const first = await bench.claimOne();
      expect(await bench.claim()).toEqual([]);
      await bench.apply(first, nextCandidate(10_000));
      expect((await bench.claimOne()).task.id).toBe(other.id);
    });

    describe("attempts", () => {
      type End = { outcome: string; errorCode: string | null; how: (task: Task) => Promise<unknown> };
      const step = (transition: StepTransition) => async (task: Task) => {
        const lease = { shard: 0, taskId: task.id, fence: task.fence };
        expect((await bench.store.advance(lease, transition)).applied).toBe(true);
      };
      const ends: Record<string, End> = {
        completes: { outcome: "completed", errorCode: null, how: step(COMPLETE) },
        fails: { outcome: "failed", errorCode: "provider_error", how: step(fail(true)) },
        "is to be retried": { outcome: "retried", errorCode: "provider_error", how: step(retry(1_000)) },
        "met a rate limit": {
          outcome: "rate_limited",
          errorCode: "rate_limit_exceeded",
          how: step(snooze(1_000)),
        },
        "is left for the next candidate": {
          outcome: "failed",
          errorCode: "provider_error",
          how: step(nextCandidate()),
        },
        "is cancelled": {
          outcome: "cancelled",
          errorCode: null,
          how: (task) => bench.store.cancel(scopeOf("a"), task.id),
        },
        "reaches the deadline": {
          outcome: "failed",
          errorCode: "timeout",
          how: () => bench.store.sweep(10),
        },
      };

      test.each(Object.keys(ends))("remember one that %s", async (name) => {
        const { outcome, errorCode, how } = ends[name]!;
        await bench.submit({ ...through("x", "y"), timeoutMs: 5_000 });
        bench.advance(100);
        const claim = await bench.claimOne();
        const startedAt = bench.now();
        await bench.apply(claim, save("job", "account"));
        bench.advance(name === "reaches the deadline" ? 5_000 : 1_500);
        await how(claim.task);
        const { attempts, attemptStartedAt } = await bench.read(claim.task);
        expect(attempts).toEqual([
          {
            attempt: 1,
            provider: "x",
            model: "x-model",
            credential: "account",
            startedAt,
            ms: bench.now() - startedAt,
            outcome,
            errorCode,
          },
        ]);
        expect(attemptStartedAt).toBeNull();
      });

      test("go on over polls, releases and lost holders: those end none", async () => {
        const task = await bench.submit(through("x"));
        await bench.apply(await bench.claimOne(), RELEASE);
        await bench.apply(await bench.claimOne(), pend("job", 100));
        bench.advance(100);
        await bench.claimOne();
        bench.advance(LEASE_MS);
        await bench.store.sweep(10);
        const last = await bench.claimOne();
        expect(last.task).toMatchObject({ attempts: [], attempt: 1, attemptStartedAt: task.createdAt });
        await bench.apply(last, COMPLETE);
        expect((await bench.read(task)).attempts).toMatchObject([
          { attempt: 1, startedAt: task.createdAt, ms: LEASE_MS + 100, outcome: "completed" },
        ]);
      });

      test("of a task that ended before it started are none", async () => {
        const task = await bench.submit();
        await bench.store.cancel(scopeOf("a"), task.id);
        expect((await bench.read(task)).attempts).toEqual([]);
      });

      test("are kept in order, with each one's own candidate", async () => {
        const task = await bench.submit({ ...through("x", "y"), maxAttempts: 9 });
        for (const transition of [retry(0), snooze(0), nextCandidate(), retry(0), COMPLETE])
          await bench.apply(await bench.claimOne(), transition);
        const { attempts } = await bench.read(task);
        expect(attempts.map(({ attempt, provider, outcome }) => `${attempt} ${provider} ${outcome}`)).toEqual(
          ["1 x retried", "2 x rate_limited", "2 x failed", "3 y retried", "4 y completed"],
        );
      });

      test("are the newest sixteen", async () => {
        const task = await bench.submit({ ...through("x"), maxAttempts: 100 });
        for (let count = 0; count < MOST_KEPT + 4; count++) {
          bench.advance(1);
          await bench.apply(await bench.claimOne(), retry(0));
        }
        const { attempts } = await bench.read(task);
        expect(attempts.map(({ attempt }) => attempt)).toEqual(
          Array.from({ length: MOST_KEPT }, (_, index) => index + 5),
        );
      });
    });
  });
}
