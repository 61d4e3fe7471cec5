/** Transitions: what each writes, what is refused, and that an end is an end. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  MAX_EVENT_BYTES,
  MAX_STATE_BYTES,
  MAX_TASK_BYTES,
  StoredValueTooLargeError,
} from "../../../src/tasks/ports/store-error.ts";
import { NOTHING_SPENT, type StepTransition } from "../../../src/tasks/transition.ts";
import {
  Bench,
  COMPLETE,
  ENDINGS,
  FAILURE,
  LEASE_MS,
  RELEASE,
  RESULT,
  type StoreContract,
  scopeOf,
  TIMEOUT_MS,
} from "../store-harness.ts";

const WORK = { providerMs: 30, storeMs: 4 };

export function transitionContract(contract: StoreContract): void {
  describe("transitions", () => {
    let bench: Bench;
    beforeEach(async () => {
      bench = await Bench.open(contract);
    });
    afterEach(() => bench.dispose());

    /** Every kind of step a worker may take. */
    const steps = (): StepTransition[] => [
      { kind: "progress", percent: 99, message: "late" },
      { kind: "save", state: { late: true }, spent: WORK },
      { kind: "pend", state: { late: true }, delayMs: 0, percent: 1, message: "late", spent: WORK },
      { kind: "retry", delayMs: 0, error: FAILURE, spent: WORK },
      { kind: "snooze", delayMs: 0, error: FAILURE, spent: WORK },
      { kind: "release", submitUnknown: true, spent: WORK },
      { kind: "complete", result: RESULT, costMicros: 999, spent: WORK },
      { kind: "fail", error: FAILURE, jobOver: false, spent: WORK },
    ];

    test("a task goes its way from queued to completed, with one event for each change that is seen", async () => {
      const task = await bench.submit();
      bench.advance(10);
      const claim = await bench.claimOne();
      expect(claim.update?.events.map((event) => event.type)).toEqual(["started"]);
      expect(claim.task).toMatchObject({
        status: "running",
        attempt: 1,
        startedAt: bench.now(),
        deadlineAt: bench.now() + TIMEOUT_MS,
        leaseUntil: bench.now() + LEASE_MS,
        fence: 1,
      });
      await bench.apply(claim, { kind: "progress", percent: 40, message: "painting" });
      await bench.apply(claim, { kind: "save", state: { job: 7 }, spent: WORK });
      bench.advance(5);
      const done = await bench.apply(claim, { ...COMPLETE, spent: WORK } as StepTransition);
      expect(done).toMatchObject({
        status: "completed",
        progress: 100,
        result: RESULT,
        costMicros: 400,
        settled: true,
        finishedAt: bench.now(),
        providerMs: 60,
        storeMs: 8,
        leaseUntil: null,
      });
      expect(await bench.read(task)).toEqual(done);
      expect(await bench.log(task)).toEqual(["1 queued", "2 started", "4 completed"]);
    });

    test("progress rises only, is the last value, and costs no event when nothing changed", async () => {
      const task = await bench.submit();
      const claim = await bench.claimOne();
      for (const percent of [10, 55, 30])
        await bench.apply(claim, { kind: "progress", percent, message: `at ${percent}` });
      expect(await bench.read(task)).toMatchObject({ progress: 55, message: "at 30", seq: 5 });
      const silent = await bench.store.advance(claim.lease, {
        kind: "progress",
        percent: 20,
        message: "at 30",
      });
      expect(silent).toMatchObject({ applied: true, update: { events: [] } });
      expect(await bench.log(task)).toEqual(["1 queued", "2 started", "5 progress"]);
    });

    test("a pending job waits unheld, then its poll continues the attempt without an event", async () => {
      const task = await bench.submit();
      const claim = await bench.claimOne();
      const dueAt = bench.now() + 2_000;
      const state = { job: "x1" };
      await bench.apply(claim, {
        kind: "pend",
        state,
        delayMs: 2_000,
        percent: 5,
        message: "rendering",
        spent: WORK,
      });
      expect(await bench.read(task)).toMatchObject({
        status: "running",
        dueAt,
        state,
        leaseUntil: null,
        progress: 5,
      });
      expect(await bench.claim()).toEqual([]);
      expect(await bench.store.nextDueIn("image")).toBe(dueAt - bench.now());
      bench.advance(2_000);
      const poll = await bench.claimOne();
      expect(poll).toMatchObject({ update: null, task: { attempt: 1, state, fence: 2, dueAt: null } });
      expect(await bench.log(task)).toEqual(["1 queued", "2 started", "3 progress"]);
    });

    test("a hint makes the next poll due now, and changes nothing else or of any other task", async () => {
      const task = await bench.submit();
      const waiting = await bench.submit();
      const claim = await bench.claimOne();
      expect(await bench.store.hint(task.id)).toBeNull();
      const pend = { kind: "pend", state: { job: "x1" }, percent: 5, message: null, spent: WORK } as const;
      await bench.apply(claim, { ...pend, delayMs: 60_000 });
      bench.advance(5_000);
      const before = await bench.read(task);
      const hinted = await bench.store.hint(task.id);
      expect(hinted).toMatchObject({ id: task.id, dueAt: bench.now(), fence: 2 });
      const { dueAt, fence, updatedAt } = hinted!;
      expect(await bench.read(task)).toEqual({ ...before, dueAt, fence, updatedAt });
      expect(await bench.store.hint(task.id)).toBeNull();
      expect(await bench.store.hint(waiting.id)).toBeNull();
      expect(await bench.stat()).toEqual({ ready: 1, delayed: 1, held: 0 });
      const poll = await bench.claimOne();
      expect(poll).toMatchObject({ update: null, task: { id: task.id, attempt: 1, fence: 3 } });
      expect((await bench.store.advance(claim.lease, COMPLETE)).applied).toBe(false);
      await bench.apply(poll, COMPLETE);
      expect(await bench.store.hint(task.id)).toBeNull();
      expect(await bench.store.hint(bench.draft().id)).toBeNull();
      expect(await bench.log(task)).toEqual(["1 queued", "2 started", "4 completed"]);
    });

    test("a retry goes back to the queue until it is due and uses an attempt; a snooze does not", async () => {
      const task = await bench.submit();
      const dueAt = () => bench.now() + 1_000;
      await bench.apply(await bench.claimOne(), {
        kind: "retry",
        delayMs: 1_000,
        error: FAILURE,
        spent: WORK,
      });
      expect(await bench.read(task)).toMatchObject({
        status: "queued",
        attempt: 1,
        message: FAILURE.message,
        dueAt: dueAt(),
      });
      expect(await bench.positionOf(task)).toBeNull();
      bench.advance(1_000);
      const second = await bench.claimOne();
      expect(second.task.attempt).toBe(2);
      await bench.apply(second, { kind: "snooze", delayMs: 1_000, error: FAILURE, spent: WORK });
      expect(await bench.read(task)).toMatchObject({ status: "queued", attempt: 1 });
      expect(await bench.log(task)).toEqual([
        "1 queued",
        "2 started",
        "3 retrying",
        "4 started",
        "5 retrying",
      ]);
    });

    test("a released task is claimable at once and keeps what is known about it", async () => {
      const task = await bench.submit();
      const claim = await bench.claimOne();
      await bench.apply(claim, { kind: "save", state: { job: 1 }, spent: NOTHING_SPENT });
      await bench.apply(claim, { ...RELEASE, submitUnknown: true } as StepTransition);
      const again = await bench.claimOne();
      expect(again.task).toMatchObject({
        id: task.id,
        state: { job: 1 },
        submitUnknown: false,
        attempt: 1,
        fence: 2,
      });
    });

    test("a release that could not store its reference leaves the task unsure", async () => {
      await bench.submit();
      await bench.apply(await bench.claimOne(), {
        kind: "release",
        submitUnknown: true,
        spent: NOTHING_SPENT,
      });
      expect((await bench.claimOne()).task.submitUnknown).toBe(true);
    });

    test("a charge is bounded by the reservation, and a failed task costs nothing", async () => {
      await bench.submit();
      const dear = await bench.apply(await bench.claimOne(), {
        ...COMPLETE,
        costMicros: 5_000,
      } as StepTransition);
      expect(dear.costMicros).toBe(dear.reservedMicros);
      await bench.submit();
      const failed = await bench.apply(await bench.claimOne(), {
        kind: "fail",
        error: FAILURE,
        jobOver: true,
        spent: NOTHING_SPENT,
      });
      expect(failed).toMatchObject({ status: "failed", error: FAILURE, costMicros: 0, settled: true });
    });

    test("cancelling ends a task wherever it stands, and a second cancel says so", async () => {
      const queued = await bench.submit();
      const first = await bench.store.cancel(scopeOf("a"), queued.id);
      expect(first).toMatchObject({
        outcome: "cancelled",
        update: { task: { status: "cancelled", cancellation: "immediate" } },
      });
      expect(await bench.store.cancel(scopeOf("a"), queued.id)).toEqual({
        outcome: "already_cancelled",
        task: await bench.read(queued),
      });
      expect(await bench.claim()).toEqual([]);

      const held = await bench.submit();
      await bench.claimOne();
      await bench.store.cancel(scopeOf("a"), held.id);
      expect(await bench.read(held)).toMatchObject({
        status: "cancelled",
        cancellation: "requested",
        settled: false,
        fence: 2,
      });

      const delayed = await bench.submit();
      await bench.apply(await bench.claimOne(), {
        kind: "retry",
        delayMs: 5,
        error: FAILURE,
        spent: NOTHING_SPENT,
      });
      await bench.store.cancel(scopeOf("a"), delayed.id);
      bench.advance(10);
      expect(await bench.claim()).toEqual([]);
      expect(await bench.stat()).toEqual({ ready: 0, delayed: 0, held: 0 });
    });

    test("a step without a lease is refused and the task stays as it was", async () => {
      const task = await bench.submit();
      const claim = await bench.claimOne();
      await bench.apply(claim, RELEASE);
      const before = await bench.read(task);
      for (const step of steps())
        expect(await bench.store.advance(claim.lease, step)).toEqual({ applied: false, claimed: [] });
      expect(await bench.read(task)).toEqual(before);
    });

    test("a step under an older or an invented fence is refused and the task stays as it was", async () => {
      const task = await bench.submit();
      const old = await bench.claimOne();
      await bench.apply(old, RELEASE);
      const current = await bench.claimOne();
      const before = await bench.read(task);
      for (const fence of [old.lease.fence, current.lease.fence + 1, 0, -1])
        for (const step of steps())
          expect(await bench.store.advance({ shard: 0, taskId: task.id, fence }, step)).toEqual({
            applied: false,
            claimed: [],
          });
      expect(await bench.read(task)).toEqual(before);
      expect(await bench.store.advance({ shard: 0, taskId: "unknown", fence: 1 }, COMPLETE)).toEqual({
        applied: false,
        claimed: [],
      });
    });

    test("a refused step claims the next work all the same", async () => {
      const task = await bench.submit();
      const claim = await bench.claimOne();
      await bench.store.cancel(scopeOf("a"), task.id);
      const next = await bench.submit();
      const options = { lane: "image", leaseMs: LEASE_MS, max: 2 } as const;
      const outcome = await bench.store.advance(claim.lease, COMPLETE, options);
      expect(outcome).toMatchObject({
        applied: false,
        claimed: [{ task: { id: next.id, status: "running" } }],
      });
    });

    test("a finishing step claims the next work in the same step", async () => {
      await bench.submit();
      const next = await bench.submit();
      const claim = await bench.claimOne();
      const options = { lane: "image", leaseMs: LEASE_MS, max: 2 } as const;
      const outcome = await bench.store.advance(claim.lease, COMPLETE, options);
      expect(outcome).toMatchObject({
        applied: true,
        claimed: [{ task: { id: next.id, status: "running" } }],
      });
      expect(outcome.claimed).toHaveLength(1);
    });

    test.each(Object.keys(ENDINGS))("a %s task never changes again, whatever is tried", async (ending) => {
      const over = await ENDINGS[ending]!(bench);
      const log = await bench.log(over);
      for (const step of steps())
        for (const fence of [over.fence - 1, over.fence])
          expect(await bench.store.advance({ shard: 0, taskId: over.id, fence }, step)).toEqual({
            applied: false,
            claimed: [],
          });
      const cancelled = await bench.store.cancel(scopeOf("a"), over.id);
      expect(cancelled.outcome).toBe(over.status === "cancelled" ? "already_cancelled" : "already_finished");
      expect(await bench.store.renew([{ shard: 0, taskId: over.id, fence: over.fence }], LEASE_MS)).toEqual([
        over.id,
      ]);
      bench.advance(TIMEOUT_MS * 1_000);
      expect((await bench.store.sweep(10)).updates).toEqual([]);
      expect(await bench.claim()).toEqual([]);
      expect(await bench.read(over)).toEqual(over);
      expect(await bench.log(over)).toEqual(log);
    });

    test("a state, an event and a task beyond their bounds are refused and nothing is written", async () => {
      const task = await bench.submit({ request: { prompt: "x".repeat(MAX_TASK_BYTES - 14_000), n: 1 } });
      const claim = await bench.claimOne();
      const before = await bench.read(task);
      const large: StepTransition[] = [
        { kind: "save", state: "é".repeat(MAX_STATE_BYTES / 2), spent: NOTHING_SPENT },
        {
          kind: "pend",
          state: ["y".repeat(MAX_STATE_BYTES)],
          delayMs: 0,
          percent: 1,
          message: null,
          spent: NOTHING_SPENT,
        },
        { kind: "progress", percent: 5, message: "z".repeat(MAX_EVENT_BYTES) },
        {
          kind: "retry",
          delayMs: 0,
          error: { code: "timeout", message: "z".repeat(MAX_EVENT_BYTES) },
          spent: NOTHING_SPENT,
        },
        {
          kind: "complete",
          result: { ...RESULT, errors: [{ index: 1, code: "timeout", message: "z".repeat(20_000) }] },
          costMicros: 0,
          spent: NOTHING_SPENT,
        },
      ];
      for (const step of large)
        await expect(bench.store.advance(claim.lease, step), step.kind).rejects.toBeInstanceOf(
          StoredValueTooLargeError,
        );
      expect(await bench.read(task)).toEqual(before);
      const state = "é".repeat(MAX_STATE_BYTES / 2 - 1);
      await bench.apply(claim, { kind: "save", state, spent: NOTHING_SPENT });
      expect((await bench.read(task)).state).toBe(state);
      await bench.apply(claim, COMPLETE);
    });
  });
}
