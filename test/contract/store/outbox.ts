/** The outbox: rows beside what they tell, in order, bounded, handed out to one sender at a time; and none without a sink. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { OutboxBatch, OutboxOptions } from "../../../src/events/outbox.ts";
import {
  DOMAIN_EVENT_TYPES,
  type DomainEvent,
  type DomainEventType,
  USUAL_EVENT_TYPES,
} from "../../../src/protocol/domain-event.ts";
import { NOTHING_SPENT, type StepTransition } from "../../../src/tasks/transition.ts";
import { virtualKey } from "../../fixture/virtual-key.ts";
import {
  Bench,
  COMPLETE,
  FAILURE,
  MAX_WAIT_MS,
  RESERVED,
  RESULT,
  type StoreUnderTest,
  scopeOf,
} from "../store-harness.ts";

export type OutboxContract = {
  name: string;
  open(outbox: OutboxOptions | null): Promise<StoreUnderTest>;
};

const CLAIM = { leaseMs: 30_000, maxRows: 500, maxBytes: 1_000_000 };
const completed = (costMicros: number, upstreamMicros: number): StepTransition => ({
  kind: "complete",
  result: RESULT,
  costMicros,
  upstreamMicros,
  spent: NOTHING_SPENT,
});
const EVERYTHING: readonly DomainEventType[] = DOMAIN_EVENT_TYPES;

export function outboxContract(contract: OutboxContract): void {
  describe(`outbox: ${contract.name}`, () => {
    let bench: Bench;
    const open = async (types: readonly DomainEventType[] | null, maxRows = 1_000) => {
      const outbox = types === null ? null : { types: new Set(types), maxRows };
      bench = await Bench.open({ name: contract.name, open: () => contract.open(outbox) });
    };
    beforeEach(() => open(EVERYTHING));
    afterEach(() => bench.dispose());

    const claim = async (changes: Partial<typeof CLAIM> = {}): Promise<OutboxBatch> => {
      const batch = await bench.store.claimEvents({ ...CLAIM, ...changes });
      if (batch === null) throw new Error("There were no events to claim");
      return batch;
    };
    const read = (batch: OutboxBatch | null) =>
      (batch?.rows ?? []).map((row) => JSON.parse(row) as DomainEvent);
    /** Everything that waits, and takes it out. */
    const drain = async (): Promise<DomainEvent[]> => {
      const batch = await bench.store.claimEvents(CLAIM);
      if (batch !== null) await bench.store.finishEvents(batch, { kind: "sent" });
      return read(batch);
    };
    const told = (events: readonly DomainEvent[]) => events.map(({ id, type }) => `${id} ${type}`);

    test("gets what happens to a task, in order, each with all its fields", async () => {
      const task = await bench.submit({ subject: "é", customer: 'o"k', priority: "high" });
      bench.advance(10);
      const held = await bench.claimOne();
      bench.advance(10);
      await bench.apply(held, { kind: "progress", percent: 40, message: "half" });
      bench.advance(10);
      await bench.apply(held, COMPLETE);
      const named = {
        taskId: task.id,
        subject: "é",
        model: task.model,
        provider: task.route[0]?.provider,
      };
      const shared = { keyId: "a", customer: 'o"k' };
      const from = task.createdAt;
      const events = (await drain()).filter(({ type }) => type.startsWith("Image"));
      expect(events).toEqual([
        {
          id: `${task.id}/1`,
          type: "ImageGenerationRequested",
          at: from,
          ...shared,
          data: { ...named, priority: "high", batchId: null, retryOf: null, reservedMicros: RESERVED },
        },
        {
          id: `${task.id}/2`,
          type: "ImageGenerationStarted",
          at: from + 10,
          ...shared,
          data: { ...named, attempt: 1, createdAt: from },
        },
        {
          id: `${task.id}/3`,
          type: "ImageGenerationProgress",
          at: from + 20,
          ...shared,
          data: { ...named, attempt: 1, progress: 40, message: "half" },
        },
        {
          id: `${task.id}/4`,
          type: "ImageGenerationCompleted",
          at: from + 30,
          ...shared,
          data: {
            ...named,
            attempt: 1,
            createdAt: from,
            startedAt: from + 10,
            providerMs: 0,
            storeMs: 0,
            items: 1,
            costMicros: 400,
            settled: true,
            errorCode: null,
            error: null,
            cancellation: null,
          },
        },
      ]);
    });

    test("tells of films by their own names, and of failures and cancels why", async () => {
      const film = await bench.submit({ type: "video" });
      const failing = await bench.claimOne({ lane: "video" });
      const error = { ...FAILURE, message: 'It said "no" é \\ud83d' };
      await bench.apply(failing, { kind: "fail", error, jobOver: true, spent: NOTHING_SPENT });
      const waiting = await bench.submit();
      await bench.store.cancel(scopeOf("a"), waiting.id);
      const late = await bench.submit();
      bench.advance(MAX_WAIT_MS);
      await bench.store.sweep(10);
      const events = await drain();
      expect(told(events)).toEqual([
        `${film.id}/1 VideoGenerationRequested`,
        `${film.id}/2 VideoGenerationStarted`,
        `${film.id}/3 VideoGenerationFailed`,
        `${waiting.id}/1 ImageGenerationRequested`,
        `${waiting.id}/2 ImageGenerationCancelled`,
        `${late.id}/1 ImageGenerationRequested`,
        `${late.id}/2 ImageGenerationFailed`,
      ]);
      expect(events[2]?.data).toMatchObject({
        errorCode: error.code,
        error: error.message,
        items: 0,
        costMicros: 0,
        cancellation: null,
      });
      expect(events[4]?.data).toMatchObject({ cancellation: "immediate", errorCode: null, startedAt: null });
      expect(events[6]?.data).toMatchObject({ errorCode: "timeout" });
    });

    test("tells of each attempt's start, and of nothing between the attempts", async () => {
      const task = await bench.submit();
      const spent = NOTHING_SPENT;
      await bench.apply(await bench.claimOne(), { kind: "retry", delayMs: 10, error: FAILURE, spent });
      bench.advance(10);
      await bench.claimOne();
      const events = await drain();
      expect(told(events)).toEqual([
        `${task.id}/1 ImageGenerationRequested`,
        `${task.id}/2 ImageGenerationStarted`,
        `${task.id}/4 ImageGenerationStarted`,
      ]);
      expect(events[2]?.data).toMatchObject({ attempt: 2 });
    });

    test("has no row of what was refused, repeated or lost its lease", async () => {
      const draft = bench.draft();
      await bench.store.create(draft, { maxQueuedPerKey: 1 });
      await bench.store.create(draft, { maxQueuedPerKey: 1 });
      expect((await bench.create({}, 1)).outcome).toBe("queue_full");
      expect((await bench.create({ keyId: "nobody" })).outcome).toBe("key_refused");
      const held = await bench.claimOne();
      await bench.store.cancel(scopeOf("a"), draft.id);
      expect((await bench.store.advance(held.lease, COMPLETE)).applied).toBe(false);
      expect((await bench.store.cancel(scopeOf("a"), draft.id)).outcome).toBe("already_cancelled");
      expect((await drain()).map(({ type }) => type)).toEqual([
        "ImageGenerationRequested",
        "ImageGenerationStarted",
        "ImageGenerationCancelled",
      ]);
    });

    test("gets the tasks of a batch together, and nothing of one that is refused", async () => {
      const batch = async (size: number, maxQueuedPerKey: number) => {
        const id = bench.draft().id;
        const tasks = Array.from({ length: size }, () => bench.draft({ batchId: id }));
        const shared = {
          id,
          tenant: { keyId: "a", subject: "" },
          metadata: {},
          webhook: null,
          idempotency: null,
        };
        const made = await bench.store.createBatch({ ...shared, tasks }, { maxQueuedPerKey });
        return { id, tasks, outcome: made.outcome };
      };
      expect((await batch(3, 2)).outcome).toBe("refused");
      const { id, tasks, outcome } = await batch(2, 2);
      expect(outcome).toBe("created");
      const events = await drain();
      expect(told(events)).toEqual(tasks.map((task) => `${task.id}/1 ImageGenerationRequested`));
      expect(events[1]?.data).toMatchObject({ batchId: id });
    });

    test("gets each charge with the budgets it counts in, and each threshold once", async () => {
      const budgets = [
        { limitMicros: 1_000_000, period: "total" },
        { limitMicros: 500, period: "monthly" },
      ] as const;
      const customerBudget = { limitMicros: 1_000, period: "daily" } as const;
      await bench.store.createKey(virtualKey({ id: "k/1", budgets, customerBudget }));
      const spent = async () => {
        const task = await bench.submit({ keyId: "k/1", customer: "é", reservedMicros: 400 });
        await bench.apply(await bench.claimOne(), completed(260, 300));
        return { task, events: (await drain()).filter(({ type }) => type.startsWith("Spend")) };
      };
      const { task, events } = await spent();
      const at = bench.now();
      const reserved = { reservedMicros: 0 };
      expect(events).toEqual([
        {
          id: `task/${task.id}`,
          type: "SpendUpdateRequested",
          at,
          keyId: "k/1",
          customer: "é",
          data: {
            source: "task",
            sourceId: task.id,
            subject: "",
            type: "image",
            model: task.model,
            provider: "local",
            amountMicros: 260,
            upstreamMicros: 300,
            overrunMicros: 0,
            budgets: [
              { customer: null, ...budgets[0], window: "total", chargedMicros: 260, ...reserved },
              { customer: null, ...budgets[1], window: "2026-11", chargedMicros: 260, ...reserved },
              { customer: "é", ...customerBudget, window: "2026-11-22", chargedMicros: 260, ...reserved },
            ],
          },
        },
        {
          id: "k/1/monthly/2026-11/50",
          type: "SpendThresholdReached",
          at,
          keyId: "k/1",
          customer: null,
          data: { period: "monthly", window: "2026-11", percent: 50, limitMicros: 500, chargedMicros: 260 },
        },
      ]);
      await bench.store.updateKey("k/1", { budgets: [{ limitMicros: 5_000, period: "monthly" }] }, at);
      const second = await spent();
      expect(told(second.events)).toEqual([
        `task/${second.task.id} SpendUpdateRequested`,
        "k/1/daily/2026-11-22/50/é SpendThresholdReached",
      ]);
      expect(second.events[1]).toMatchObject({ customer: "é", data: { percent: 50, chargedMicros: 520 } });
    });

    test("gets no charge of a task that failed or was free", async () => {
      await bench.submit({ reservedMicros: 0 });
      await bench.apply(await bench.claimOne(), completed(0, 0));
      await bench.submit();
      const spent = NOTHING_SPENT;
      await bench.apply(await bench.claimOne(), { kind: "fail", error: FAILURE, jobOver: true, spent });
      expect((await drain()).filter(({ type }) => type.startsWith("Spend"))).toEqual([]);
    });

    test("gets the start and the end of a voice session, then what it is charged; of a lost one when it is settled", async () => {
      const session = (id: string) => ({
        id: `0000000${id}-0000-7000-8000-000000000000`,
        keyId: "a",
        subject: "s",
        customer: "c",
        provider: "openai",
        model: "gpt-realtime",
        reservedMicros: 1_000,
        price: null,
      });
      const limits = { maxPerKey: 5, max: 10 };
      const open = async (id: string) => {
        const opened = await bench.store.openSession(session(id), limits, 1_000);
        if (opened.outcome !== "opened") throw new Error(opened.outcome);
        return opened.session;
      };
      const first = await open("1");
      await open("1");
      bench.advance(500);
      await bench.store.renewSession(first.id, first.fence, 1_000, { audioInMs: 20 });
      const end = { closeReason: "client", counters: { tokensOut: 3.5 }, costMicros: 700 };
      await bench.store.endSession(first.id, first.fence, end);
      await bench.store.endSession(first.id, first.fence, end);
      const named = { sessionId: first.id, subject: "s", model: "gpt-realtime", provider: "openai" };
      const shared = { keyId: "a", customer: "c" };
      const events = await drain();
      expect(events.slice(0, 2)).toEqual([
        {
          id: `${first.id}/started`,
          type: "RealtimeSessionStarted",
          at: first.startedAt,
          ...shared,
          data: { ...named, reservedMicros: 1_000 },
        },
        {
          id: `${first.id}/ended`,
          type: "RealtimeSessionEnded",
          at: bench.now(),
          ...shared,
          data: {
            ...named,
            startedAt: first.startedAt,
            reason: "client",
            counters: { audioInMs: 20, tokensOut: 3.5 },
          },
        },
      ]);
      expect(told(events.slice(2))).toEqual([`session/${first.id} SpendUpdateRequested`]);
      expect(events[2]?.data).toMatchObject({ source: "session", type: "realtime", amountMicros: 700 });

      const second = await open("2");
      bench.advance(1_000);
      const [lost] = await bench.store.endLostSessions(10);
      bench.advance(60_000);
      const [again] = await bench.store.endLostSessions(10);
      expect([lost?.id, again?.id]).toEqual([second.id, second.id]);
      await bench.store.settleSession(second.id, again?.fence ?? 0, 5);
      const after = await drain();
      expect(told(after)).toEqual([
        `${second.id}/started RealtimeSessionStarted`,
        `${second.id}/ended RealtimeSessionEnded`,
        `session/${second.id} SpendUpdateRequested`,
      ]);
      expect(after[1]?.data).toMatchObject({ reason: "lost", counters: {} });
    });

    test("gets the types that are wanted, and no others", async () => {
      await bench.dispose();
      await open(["ImageGenerationStarted", "VideoGenerationCompleted"]);
      for (const type of ["image", "video"] as const) {
        await bench.submit({ type });
        const held = await bench.claimOne({ lane: type });
        await bench.apply(held, { kind: "progress", percent: 1, message: null });
        await bench.apply(held, COMPLETE);
      }
      expect((await drain()).map(({ type }) => type)).toEqual([
        "ImageGenerationStarted",
        "VideoGenerationCompleted",
      ]);
      expect(USUAL_EVENT_TYPES.some((type) => type.includes("Progress"))).toBe(false);
    });

    test("stays empty without a sink", async () => {
      await bench.dispose();
      await open(null);
      await bench.submit();
      await bench.apply(await bench.claimOne(), COMPLETE);
      expect(await bench.store.outboxStats()).toEqual({ waiting: 0, dropped: 0, failures: 0 });
      expect(await bench.store.claimEvents(CLAIM)).toBeNull();
    });

    test("hands rows out to one sender at a time, and again when its lease has run out", async () => {
      await bench.submit();
      const first = await claim();
      expect(await bench.store.claimEvents(CLAIM)).toBeNull();
      bench.advance(CLAIM.leaseMs);
      const second = await claim();
      expect(second.rows).toEqual(first.rows);
      expect(second.fence).toBeGreaterThan(first.fence);
      expect(await bench.store.finishEvents(first, { kind: "sent" })).toBe(false);
      expect(await bench.store.finishEvents(second, { kind: "sent" })).toBe(true);
      expect(await bench.store.claimEvents(CLAIM)).toBeNull();
      expect(await bench.store.outboxStats()).toEqual({ waiting: 0, dropped: 0, failures: 0 });
    });

    test("hands them out again after a failure, not before its pause is over, and counts failures in a row", async () => {
      await bench.submit();
      const first = await claim();
      expect(first.failures).toBe(0);
      expect(await bench.store.finishEvents(first, { kind: "failed", delayMs: 5_000 })).toBe(true);
      bench.advance(4_999);
      expect(await bench.store.claimEvents(CLAIM)).toBeNull();
      bench.advance(1);
      const second = await claim();
      expect(second).toMatchObject({ failures: 1, rows: first.rows });
      expect(await bench.store.outboxStats()).toEqual({ waiting: 1, dropped: 0, failures: 1 });
      await bench.store.finishEvents(second, { kind: "sent" });
      await bench.submit();
      expect((await claim()).failures).toBe(0);
    });

    test("keeps what comes while a batch is on its way", async () => {
      const one = await bench.submit();
      const batch = await claim();
      const two = await bench.submit();
      await bench.store.finishEvents(batch, { kind: "sent" });
      expect(told(read(batch))).toEqual([`${one.id}/1 ImageGenerationRequested`]);
      expect(told(await drain())).toEqual([`${two.id}/1 ImageGenerationRequested`]);
    });

    test("cuts batches by rows and by bytes, but hands out one row at least", async () => {
      for (let n = 0; n < 5; n++) await bench.submit();
      const two = await claim({ maxRows: 2 });
      expect(two.rows).toHaveLength(2);
      await bench.store.finishEvents(two, { kind: "sent" });
      const [row = ""] = two.rows;
      const byBytes = await claim({ maxBytes: row.length * 2 + 10 });
      expect(byBytes.rows).toHaveLength(2);
      await bench.store.finishEvents(byBytes, { kind: "sent" });
      expect((await claim({ maxBytes: 1 })).rows).toHaveLength(1);
    });

    test("holds so many rows: the oldest fall out and are counted, also those on their way", async () => {
      await bench.dispose();
      await open(["ImageGenerationRequested"], 3);
      const ids: string[] = [];
      for (let n = 0; n < 3; n++) ids.push((await bench.submit()).id);
      const batch = await claim({ maxRows: 2 });
      for (let n = 0; n < 2; n++) ids.push((await bench.submit()).id);
      expect(await bench.store.outboxStats()).toEqual({ waiting: 3, dropped: 2, failures: 0 });
      // Both rows of the batch have fallen out: what stands first now is not what was sent.
      expect(await bench.store.finishEvents(batch, { kind: "sent" })).toBe(true);
      expect((await drain()).map(({ data }) => "taskId" in data && data.taskId)).toEqual(ids.slice(2));
    });
  });
}
