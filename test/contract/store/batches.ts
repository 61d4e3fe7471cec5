/** Batches: all tasks or none, counted in the step that changes a task, ended with the last one. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Batch, batchStatus } from "../../../src/tasks/batches/batch.ts";
import { toWireBatch } from "../../../src/tasks/batches/wire.ts";
import type { BatchDraft, CreateBatchOutcome } from "../../../src/tasks/ports/batch-store.ts";
import type { IdempotencyClaim } from "../../../src/tasks/ports/task-store.ts";
import type { Task } from "../../../src/tasks/task.ts";
import { NOTHING_SPENT } from "../../../src/tasks/transition.ts";
import { createSeededRandom } from "../../fixture/seeded-random.ts";
import {
  Bench,
  COMPLETE,
  LEASE_MS,
  RELEASE,
  RESERVED,
  type StoreContract,
  scopeOf,
} from "../store-harness.ts";
import { fail } from "./leftovers.ts";

const LIMITS = { maxQueuedPerKey: 100_000 };
const DAY_MS = 86_400_000;
const KEPT = { tasksMs: DAY_MS, eventsMs: DAY_MS, ledgerMs: DAY_MS };
const NONE = { queued: 0, running: 0, completed: 0, failed: 0, cancelled: 0 };

export function batchContract(contract: StoreContract): void {
  describe("a batch", () => {
    let bench: Bench;
    beforeEach(async () => {
      bench = await Bench.open(contract);
    });
    afterEach(() => bench.dispose());

    const draft = (
      size: number,
      changes: Partial<BatchDraft> & Parameters<Bench["draft"]>[0] = {},
    ): BatchDraft => {
      const { metadata = {}, webhook = null, idempotency = null, ...ofTasks } = changes;
      const { id } = bench.draft();
      const tasks = Array.from({ length: size }, () => bench.draft({ ...ofTasks, batchId: id }));
      const { tenant } = bench.draft(ofTasks);
      return { id, tenant, metadata, webhook, idempotency, tasks };
    };
    const create = (one: BatchDraft, limits = LIMITS) => bench.store.createBatch(one, limits);
    const made = async (outcome: Promise<CreateBatchOutcome>): Promise<Batch & { tasks: Task[] }> => {
      const created = await outcome;
      if (created.outcome !== "created") throw new Error(`Not created but ${created.outcome}`);
      return { ...created.batch, tasks: created.updates.map(({ task }) => task) };
    };
    const submit = (size: number, changes: Parameters<typeof draft>[1] = {}) =>
      made(create(draft(size, changes)));
    const read = async ({ id, tenant }: Batch): Promise<Batch> => {
      const batch = await bench.store.getBatch(scopeOf(tenant.keyId), id);
      if (batch === null) throw new Error("The batch is gone");
      return batch;
    };
    const budget = (limitMicros: number) =>
      bench.store.updateKey("a", { budgets: [{ limitMicros, period: "total" }] }, bench.now());
    const reserved = async () => (await bench.store.balance("a", null, "total")).reservedMicros;
    const claim = (changes: Partial<IdempotencyClaim> = {}): IdempotencyClaim => ({
      key: "batches:key:1",
      fingerprint: "body 1",
      ttlMs: DAY_MS,
      ...changes,
    });

    test("makes all of its tasks in one step, and reads back as it was answered", async () => {
      const webhook = { url: "https://example.com/hook", headers: { "x-a": "1" }, events: [] };
      const wanted = draft(3, { metadata: { order: "7" }, webhook });
      const { tasks, ...batch } = await made(create(wanted));
      expect(batch).toEqual({
        id: wanted.id,
        tenant: { keyId: "a", subject: "" },
        taskIds: wanted.tasks.map(({ id }) => id),
        metadata: { order: "7" },
        webhook,
        createdAt: bench.now(),
        cancelledAt: null,
        finishedAt: null,
        counts: { ...NONE, queued: 3 },
      });
      expect(await read(batch)).toEqual(batch);
      expect(batchStatus(batch)).toBe("queued");
      for (const task of tasks) expect(await bench.read(task)).toEqual(task);
      expect(tasks.map(({ batchId }) => batchId)).toEqual([batch.id, batch.id, batch.id]);
      expect(await reserved()).toBe(3 * RESERVED);
      const page = await bench.store.list(scopeOf("a"), { batchId: batch.id, limit: 10 });
      expect(page.tasks.map(({ task }) => task.id)).toEqual([...batch.taskIds].reverse());
    });

    test("of another size than a step is bounded for is a mistake of its caller", async () => {
      await expect(create(draft(0))).rejects.toThrow(TypeError);
      await expect(create(draft(101))).rejects.toThrow(TypeError);
      expect((await submit(100)).counts.queued).toBe(100);
    });

    test("that does not fit whole into the budget leaves nothing behind", async () => {
      await budget(RESERVED * 2);
      const refused = draft(3, { customer: "cust", idempotency: claim() });
      expect(await create(refused)).toMatchObject({
        outcome: "refused",
        index: 2,
        refusal: { outcome: "budget_exceeded" },
      });
      expect(await bench.store.getBatch(scopeOf("a"), refused.id)).toBeNull();
      for (const { id } of refused.tasks) expect(await bench.store.get(scopeOf("a"), id)).toBeNull();
      expect((await bench.store.list(scopeOf("a"), { limit: 10 })).tasks).toEqual([]);
      expect(await bench.store.listHolds("a", 10)).toEqual([]);
      expect(await reserved()).toBe(0);
      expect((await bench.store.balance("a", "cust", "total")).reservedMicros).toBe(0);
      expect(await bench.stat()).toEqual({ ready: 0, delayed: 0, held: 0 });
      // The idempotency key is free, and the budget as it was.
      expect((await create(draft(2, { idempotency: claim({ fingerprint: "body 2" }) }))).outcome).toBe(
        "created",
      );
    });

    test("counts whole for the queue of its key", async () => {
      const most = { maxQueuedPerKey: 4 };
      await bench.submit();
      expect(await create(draft(4), most)).toMatchObject({
        outcome: "refused",
        index: 3,
        refusal: { outcome: "queue_full", queued: 4 },
      });
      expect((await bench.stat()).ready).toBe(1);
      expect((await create(draft(3), most)).outcome).toBe("created");
      expect((await create(draft(1), most)).outcome).toBe("refused");
    });

    test("counts as its tasks for its key's limits of requests, and as nothing where they do not fit", async () => {
      await bench.store.updateKey("a", { requestsPerMinute: 5, requestsPerDay: 7 }, bench.now());
      const first = await create(draft(3));
      expect(first).toMatchObject({ outcome: "created", rate: { per: "minute", remaining: 2 } });
      expect(await create(draft(3))).toMatchObject({
        outcome: "refused",
        refusal: { outcome: "rate_limited", rate: { per: "minute", limit: 5 } },
      });
      expect((await create(draft(2))).outcome).toBe("created");
      bench.advance(60_000);
      expect(await create(draft(3))).toMatchObject({
        refusal: { outcome: "rate_limited", rate: { per: "day" } },
      });
      expect((await create(draft(2))).outcome).toBe("created");
      expect((await create(draft(1))).outcome).toBe("refused");
      expect((await bench.stat()).ready).toBe(7);
    });

    test("is refused by a key that may start nothing, before anything is looked up", async () => {
      const first = draft(2, { idempotency: claim() });
      await made(create(first));
      await bench.store.updateKey("a", { enabled: false }, bench.now());
      expect(await create(draft(2, { idempotency: claim() }))).toEqual({
        outcome: "refused",
        index: 0,
        refusal: { outcome: "key_refused", reason: "disabled" },
      });
      expect(await create(draft(1, { keyId: "nobody" }))).toMatchObject({
        refusal: { outcome: "key_refused", reason: "unknown" },
      });
      // A draft given again was accepted before.
      expect((await create(first)).outcome).toBe("replayed");
    });

    test("counts its tasks in the step that changes them, and ends with the last", async () => {
      const batch = await submit(4);
      const counts = async () => (await read(batch)).counts;
      const first = await bench.claimOne();
      expect(await counts()).toEqual({ ...NONE, queued: 3, running: 1 });
      expect(batchStatus(await read(batch))).toBe("running");
      // Un-started, and started again.
      await bench.apply(first, RELEASE);
      const claims = await bench.claim(3);
      const [again, second, third] = claims;
      if (again === undefined || second === undefined || third === undefined)
        throw new Error("Too few claims");
      expect(await counts()).toMatchObject({ queued: 1, running: 3 });
      await bench.apply(again, COMPLETE);
      await bench.apply(second, fail(true));
      expect(await counts()).toEqual({ ...NONE, queued: 1, running: 1, completed: 1, failed: 1 });
      await bench.store.cancel(scopeOf("a"), third.task.id);
      expect(await read(batch)).toMatchObject({ finishedAt: null });
      bench.advance(1_000);
      await bench.apply(await bench.claimOne(), COMPLETE);
      const ended = await read(batch);
      expect(ended.counts).toEqual({ ...NONE, completed: 2, failed: 1, cancelled: 1 });
      expect(ended.finishedAt).toBe(bench.now());
      expect(batchStatus(ended)).toBe("completed");
    });

    test("counts tasks that wait for another attempt as queued, and those whose time is over as failed", async () => {
      const batch = await submit(2);
      await bench.apply(await bench.claimOne(), {
        kind: "retry",
        error: { code: "provider_error", message: "The provider broke" },
        delayMs: 1_000,
        spent: NOTHING_SPENT,
      });
      expect((await read(batch)).counts).toEqual({ ...NONE, queued: 2 });
      bench.advance(DAY_MS);
      while ((await bench.store.sweep(10)).more);
      expect(await read(batch)).toMatchObject({ counts: { ...NONE, failed: 2 }, finishedAt: bench.now() });
    });

    test("counts a task once, whatever a dead worker's lease does", async () => {
      const batch = await submit(1);
      const dead = await bench.claimOne();
      bench.advance(LEASE_MS + 1);
      await bench.store.sweep(10);
      const taken = await bench.claimOne();
      expect((await read(batch)).counts).toEqual({ ...NONE, running: 1 });
      expect((await bench.store.advance(dead.lease, COMPLETE)).applied).toBe(false);
      await bench.apply(taken, COMPLETE);
      expect((await bench.store.advance(taken.lease, COMPLETE)).applied).toBe(false);
      expect((await read(batch)).counts).toEqual({ ...NONE, completed: 1 });
    });

    test("that is cancelled is marked once, and is cancelled when that ended a task", async () => {
      const batch = await submit(2);
      const markedAt = bench.now();
      expect(await bench.store.cancelBatch(scopeOf("a"), batch.id)).toMatchObject({ cancelledAt: markedAt });
      bench.advance(1_000);
      expect(await bench.store.cancelBatch(scopeOf("a"), batch.id)).toMatchObject({ cancelledAt: markedAt });
      expect(batchStatus(await read(batch))).toBe("queued");
      await bench.apply(await bench.claimOne(), COMPLETE);
      await bench.store.cancel(scopeOf("a"), batch.taskIds[1]!);
      expect(batchStatus(await read(batch))).toBe("cancelled");

      const done = await submit(1);
      await bench.apply(await bench.claimOne(), COMPLETE);
      expect(await bench.store.cancelBatch(scopeOf("a"), done.id)).toMatchObject({ cancelledAt: null });
      const late = await submit(1);
      await bench.store.cancelBatch(scopeOf("a"), late.id);
      await bench.apply(await bench.claimOne(), COMPLETE);
      expect(batchStatus(await read(late))).toBe("completed");
    });

    test("that is sent again is the same batch as it is by now, and another body under its key a conflict", async () => {
      const first = draft(2, { idempotency: claim() });
      const { tasks: _, ...batch } = await made(create(first));
      await bench.claimOne();
      const now = { ...batch, counts: { ...NONE, queued: 1, running: 1 } };
      expect(await create(first)).toEqual({ outcome: "replayed", batch: now });
      expect(await create(draft(2, { idempotency: claim() }))).toEqual({ outcome: "replayed", batch: now });
      expect(await create(draft(2, { idempotency: claim({ fingerprint: "body 2" }) }))).toEqual({
        outcome: "conflict",
      });
      expect(await bench.store.repeatedBatch(first.tenant, claim())).toEqual({
        outcome: "replayed",
        batch: now,
      });
      expect(await bench.store.repeatedBatch(first.tenant, claim({ fingerprint: "body 2" }))).toEqual({
        outcome: "conflict",
      });
      expect(await bench.store.repeatedBatch({ keyId: "a", subject: "ann" }, claim())).toBeNull();
      expect(await bench.store.repeatedBatch(first.tenant, claim({ takeOver: true }))).toBeNull();
      expect(
        (await create(draft(1, { idempotency: claim({ takeOver: true, fingerprint: "3" }) }))).outcome,
      ).toBe("created");
      expect(await bench.store.repeatedBatch(first.tenant, claim())).toEqual({ outcome: "conflict" });
      bench.advance(DAY_MS);
      expect(await bench.store.repeatedBatch(first.tenant, claim())).toBeNull();
    });

    test("whose end is too long ago for its caller is not answered again", async () => {
      const wanted = draft(1, { idempotency: claim() });
      await made(create(wanted));
      await bench.apply(await bench.claimOne(), COMPLETE);
      const within = claim({ onlyIfEndedWithinMs: 30_000 });
      bench.advance(30_000);
      expect(await bench.store.repeatedBatch(wanted.tenant, within)).toMatchObject({ outcome: "replayed" });
      bench.advance(1);
      expect(await bench.store.repeatedBatch(wanted.tenant, within)).toBeNull();
      expect((await create(draft(1, { idempotency: within }))).outcome).toBe("created");
    });

    test("belongs to its tenant: its key sees it, nobody else", async () => {
      const ann = { keyId: "a", subject: "ann" };
      const batch = await submit(1, { subject: "ann" });
      const { store } = bench;
      expect(await store.getBatch(ann, batch.id)).toMatchObject({ id: batch.id, tenant: ann });
      expect(await store.getBatch(scopeOf("a"), batch.id)).not.toBeNull();
      for (const scope of [scopeOf("b"), { keyId: "a", subject: "bob", granted: batch.taskIds }]) {
        expect(await store.getBatch(scope, batch.id)).toBeNull();
        expect(await store.cancelBatch(scope, batch.id)).toBeNull();
        expect(await store.listBatches(scope, { limit: 10, after: null })).toEqual({
          batches: [],
          hasMore: false,
        });
      }
      await expect(store.getBatch({ keyId: "a", subject: "" }, batch.id)).rejects.toThrow(TypeError);
      expect((await read(batch)).cancelledAt).toBeNull();
    });

    test("stands in its tenant's list, newest first, page by page", async () => {
      const own = [await submit(1), await submit(2)];
      const anns = await submit(1, { subject: "ann" });
      await submit(1, { keyId: "b" });
      const list = async (subject: string | null, limit: number, after: string | null = null) => {
        const page = await bench.store.listBatches({ keyId: "a", subject }, { limit, after });
        return [page.batches.map(({ id }) => id), page.hasMore];
      };
      const ids = [...own, anns].map(({ id }) => id).reverse();
      expect(await list(null, 10)).toEqual([ids, false]);
      expect(await list(null, 2)).toEqual([ids.slice(0, 2), true]);
      expect(await list(null, 2, ids[1])).toEqual([ids.slice(2), false]);
      expect(await list("ann", 10)).toEqual([[anns.id], false]);
    });

    test("keeps its counts when a task is purged, and goes with the retention of tasks after its own end", async () => {
      const batch = await submit(2);
      await bench.apply(await bench.claimOne(), COMPLETE);
      expect(await bench.store.purge(scopeOf("a"), batch.taskIds[0]!)).toBe("purged");
      bench.advance(DAY_MS);
      await bench.store.retire(KEPT, 100);
      expect((await read(batch)).counts).toEqual({ ...NONE, queued: 1, completed: 1 });
      while ((await bench.store.sweep(10)).more);
      const ended = await read(batch);
      expect(ended.counts).toEqual({ ...NONE, completed: 1, failed: 1 });
      bench.advance(DAY_MS - 1);
      await bench.store.retire(KEPT, 100);
      expect(await read(batch)).toEqual(ended);
      bench.advance(1);
      await bench.store.retire(KEPT, 100);
      expect(await bench.store.getBatch(scopeOf("a"), batch.id)).toBeNull();
      expect((await bench.store.listBatches(scopeOf("a"), { limit: 10, after: null })).batches).toEqual([]);
    });

    test("races with single tasks for a budget: as many are taken as there is room for, and no batch in part", async () => {
      const room = 137;
      await budget(RESERVED * room);
      const random = createSeededRandom(11);
      const sizes = Array.from({ length: 1_000 }, () => (random.below(2) === 0 ? 1 : 1 + random.below(9)));
      const taken = await Promise.all(
        sizes.map(async (size, index) => {
          if (size > 1 || index % 2 === 0) {
            const wanted = draft(size);
            const { outcome } = await create(wanted);
            return { size, ids: wanted.tasks.map(({ id }) => id), taken: outcome === "created" };
          }
          const wanted = bench.draft();
          const { outcome } = await bench.store.create(wanted, LIMITS);
          return { size, ids: [wanted.id], taken: outcome === "created" };
        }),
      );
      const used = taken.filter((one) => one.taken).reduce((sum, { size }) => sum + size, 0);
      expect(used).toBe(room);
      expect(await reserved()).toBe(RESERVED * room);
      expect((await bench.stat()).ready).toBe(room);
      const found = new Set<string>();
      for (let after: string | undefined, more = true; more; ) {
        const page = await bench.store.list(scopeOf("a"), { limit: 100, ...(after && { after }) });
        for (const { task } of page.tasks) found.add(task.id);
        after = page.tasks.at(-1)?.task.id;
        more = page.hasMore;
      }
      for (const one of taken) expect(one.ids.every((id) => found.has(id))).toBe(one.taken);
      expect(found.size).toBe(room);
    }, 60_000);

    test("leaves word of its end, once, for its webhook and the endpoints that want it, as it reads then", async () => {
      const webhook = { url: "https://user.example/batch", headers: { "x-a": "1" }, events: [] };
      const endpoint = {
        keyId: "a",
        description: "",
        enabled: true,
        secrets: [],
        createdAt: 0,
        updatedAt: 0,
      };
      const listening = {
        ...endpoint,
        id: "ep_1",
        url: "https://ends.example/",
        events: ["batch.completed"],
      };
      const deaf = { ...endpoint, id: "ep_2", url: "https://tasks.example/", events: ["task.completed"] };
      for (const one of [listening, deaf]) await bench.store.createEndpoint(one, 20);
      const deliveries = async () => {
        const { deliveries: all } = await bench.store.listDeliveries("a", { limit: 100 });
        return all.filter(({ type }) => type === "batch.completed");
      };
      const batch = await submit(3, { webhook, metadata: { who: 'Zoë "Z"' } });
      const quiet = await submit(1);
      await bench.apply(await bench.claimOne(), COMPLETE);
      await bench.apply(await bench.claimOne(), fail(true));
      expect(await deliveries()).toEqual([]);
      bench.advance(86_400_123);
      await bench.store.cancelBatch(scopeOf("a"), batch.id);
      await bench.store.cancel(scopeOf("a"), batch.taskIds[2]!);
      await bench.store.cancel(scopeOf("a"), batch.taskIds[2]!);
      const data = toWireBatch(await read(batch));
      expect(data).toMatchObject({
        status: "cancelled",
        counts: { total: 3, failed: 1 },
        taskIds: batch.taskIds,
      });
      const told = await deliveries();
      expect(told.sort((a, b) => a.id.length - b.id.length)).toMatchObject([
        {
          id: batch.id,
          url: webhook.url,
          headers: webhook.headers,
          taskId: null,
          endpointId: null,
          body: { data },
        },
        { id: `${batch.id}-ep_1`, url: listening.url, headers: {}, endpointId: "ep_1", body: { data } },
      ]);
      expect(told[0]?.body).toEqual({ data });
      await bench.store.cancel(scopeOf("a"), quiet.taskIds[0]!);
      expect(await deliveries()).toHaveLength(3);
      const work = await bench.store.claimWork({
        kind: "delivery",
        leaseMs: LEASE_MS,
        max: 100,
        maxPerDestination: 100,
      });
      expect(
        work
          .filter(({ item }) => item.id.startsWith(batch.id))
          .map(({ item, task }) => [item.destination, task]),
      ).toEqual(
        expect.arrayContaining([
          ["https://user.example", null],
          ["https://ends.example", null],
        ]),
      );
    });

    test("ends once, whoever completes and cancels its tasks at the same time", async () => {
      const webhook = { url: "https://user.example/batch", headers: {}, events: [] };
      const batch = await submit(20, { webhook });
      const claims = await bench.claim(12);
      await Promise.all([
        ...claims.map(({ lease }) => bench.store.advance(lease, COMPLETE)),
        ...batch.taskIds.map((id) => bench.store.cancel(scopeOf("a"), id)),
      ]);
      const { counts, finishedAt } = await read(batch);
      expect(counts).toMatchObject({ queued: 0, running: 0, failed: 0 });
      expect(counts.completed + counts.cancelled).toBe(20);
      expect(counts.cancelled).toBeGreaterThanOrEqual(8);
      expect(finishedAt).toBe(bench.now());
      const { deliveries } = await bench.store.listDeliveries("a", { limit: 100 });
      expect(deliveries.map(({ id }) => id)).toEqual([batch.id]);
    });
  });
}
