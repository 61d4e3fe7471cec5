/** Starts and polls: a claim may be for one kind alone, and neither keeps the other from its turn. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Claim } from "../../../src/tasks/ports/task-store.ts";
import { pend } from "../store/leftovers.ts";
import { Bench, COMPLETE, type StoreContract } from "../store-harness.ts";

export function placesContract(contract: StoreContract): void {
  describe("starts and polls", () => {
    let bench: Bench;
    beforeEach(async () => {
      bench = await Bench.open(contract);
    });
    afterEach(() => bench.dispose());

    const submit = (count: number, changes: Parameters<Bench["draft"]>[0] = {}) =>
      Promise.all(Array.from({ length: count }, () => bench.submit(changes)));
    const begins = (claim: Claim) => claim.update !== null;
    /** The job runs on and is to be asked for again at once. */
    const askAgain = (claim: Claim) => bench.apply(claim, pend("job", 0));
    /** Jobs that run upstream, each of whose polls is due. */
    const jobs = async (count: number) => {
      await submit(count);
      for (const claim of await bench.claim(count)) await askAgain(claim);
    };
    /** Serves one task after the other, `count` of them: polls run on, started ones complete. Whether each was a start. */
    const serve = async (count: number) => {
      const starts: boolean[] = [];
      for (let index = 0; index < count; index++) {
        const claim = await bench.claimOne();
        starts.push(begins(claim));
        await (begins(claim) ? bench.apply(claim, COMPLETE) : askAgain(claim));
      }
      return starts;
    };

    test("a claim for no starts takes the polls that are due and leaves what waits for a start", async () => {
      await jobs(3);
      const [waiting] = await submit(1);
      const polls = await bench.claim(10, { maxStarts: 0 });
      expect(polls).toHaveLength(3);
      expect(polls.some(begins)).toBe(false);
      expect(await bench.claim(10, { maxStarts: 0 })).toEqual([]);
      expect((await bench.claimOne({ maxStarts: 1 })).task.id).toBe(waiting?.id);
    });

    test("a claim for some starts takes as many, and polls besides, of every key", async () => {
      await submit(2);
      await submit(2, { keyId: "b" });
      for (const claim of await bench.claim(4)) await askAgain(claim);
      await submit(5);
      await submit(5, { keyId: "b" });
      const claims = await bench.claim(20, { maxStarts: 3 });
      expect(claims.filter(begins)).toHaveLength(3);
      expect(claims).toHaveLength(7);
      expect(await bench.stat()).toEqual({ ready: 7, delayed: 0, held: 7 });
    });

    test("what comes with a step keeps to it as well", async () => {
      await submit(3);
      const held = await bench.claimOne();
      const next = { lane: "image", leaseMs: 9_000, max: 5 } as const;
      const { claimed } = await bench.store.advance(held.lease, pend("job", 0), { ...next, maxStarts: 0 });
      expect(claimed.map((claim) => claim.task.id)).toEqual([held.task.id]);
      const more = await bench.store.advance(claimed[0]!.lease, pend("job", 60_000), {
        ...next,
        maxStarts: 1,
      });
      expect(more.claimed.map(begins)).toEqual([true]);
    });

    test.each(["high", "normal", "low"] as const)(
      "a key's polls, however many are due, do not keep its own start of priority %s waiting",
      async (priority) => {
        await jobs(20);
        await serve(7);
        await submit(1, { priority });
        expect((await serve(48)).filter(Boolean)).toEqual([true]);
      },
    );

    test("a key's starts, however many wait, do not keep its polls waiting", async () => {
      await jobs(1);
      await submit(60);
      const starts = await serve(50);
      expect(starts.filter((start) => !start).length).toBeGreaterThan(20);
    });

    test("a key at its limit is served its polls only", async () => {
      await bench.store.updateKey("a", { maxConcurrentTasks: 2 }, bench.now());
      await jobs(2);
      await submit(3);
      expect((await serve(60)).filter(Boolean)).toEqual([]);
    });

    test("polls between them do not change whose turn it is among the priorities that wait", async () => {
      await jobs(1);
      await submit(40, { priority: "high" });
      await submit(40, { priority: "low" });
      const served: string[] = [];
      for (let index = 0; index < 30; index++) {
        for (const poll of await bench.claim(1, { maxStarts: 0 })) await askAgain(poll);
        for (const claim of await bench.claim(2, { maxStarts: 1 })) {
          if (begins(claim)) served.push(claim.task.priority);
          await (begins(claim) ? bench.apply(claim, COMPLETE) : askAgain(claim));
        }
      }
      expect(served.filter((priority) => priority === "low").length).toBeGreaterThanOrEqual(4);
      expect(served.filter((priority) => priority === "high").length).toBeGreaterThanOrEqual(16);
    });

    test("a claim for no polls takes starts only, also of keys and providers whose polls are due", async () => {
      await jobs(3);
      await submit(1, { keyId: "b" });
      await submit(2);
      const starts = await bench.claim(10, { maxPolls: 0 });
      expect(starts.map(begins)).toEqual([true, true, true]);
      expect(await bench.claim(10, { maxPolls: 0 })).toEqual([]);
      expect(await bench.claim(10, { maxPolls: 2 })).toHaveLength(2);
    });

    test("a claim for no polls starts nothing of a provider that is paused", async () => {
      await jobs(1);
      await submit(2);
      await bench.store.pauseProvider("image", "local", 5_000);
      expect(await bench.claim(10, { maxPolls: 0 })).toEqual([]);
      expect(await bench.store.nextDueIn("image", ["local"], "start")).toBe(5_000);
      expect(await bench.claim(10)).toHaveLength(1);
    });

    test("whether work of one kind is due can be asked for alone", async () => {
      const due = (kind: "start" | "poll") => bench.store.nextDueIn("image", ["local"], kind);
      await submit(1);
      expect([await due("start"), await due("poll")]).toEqual([0, null]);
      const claim = await bench.claimOne();
      expect([await due("start"), await due("poll")]).toEqual([null, null]);
      await submit(1);
      await bench.apply(claim, pend("job", 5_000));
      expect([await due("start"), await due("poll")]).toEqual([0, 5_000]);
      bench.advance(5_000);
      const [poll] = await bench.claim(1, { maxStarts: 0 });
      expect(poll?.task.id).toBe(claim.task.id);
      await askAgain(poll!);
      await bench.claim(1, { providers: [] });
      expect([await due("start"), await due("poll")]).toEqual([0, 0]);
      await bench.claim(1, { maxPolls: 0 });
      expect([await due("start"), await due("poll")]).toEqual([null, 0]);
    });
  });
}
