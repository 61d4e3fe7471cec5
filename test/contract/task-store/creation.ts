/** Creating: what a draft becomes, idempotency, and what is looked at again in the same step. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { MAX_TASK_BYTES, StoredValueTooLargeError } from "../../../src/tasks/ports/store-error.ts";
import type { IdempotencyClaim } from "../../../src/tasks/ports/task-store.ts";
import { Bench, COMPLETE, MAX_WAIT_MS, RESERVED, type StoreContract, scopeOf } from "../store-harness.ts";

const DAY_MS = 86_400_000;

function idempotency(changes: Partial<IdempotencyClaim> = {}): IdempotencyClaim {
  return { key: "order 1", fingerprint: "body 1", ttlMs: DAY_MS, ...changes };
}

export function creationContract(contract: StoreContract): void {
  describe("creating", () => {
    let bench: Bench;
    beforeEach(async () => {
      bench = await Bench.open(contract);
    });
    afterEach(() => bench.dispose());

    test("a draft given again, because the answer was lost, is the same task as it is by now", async () => {
      const draft = bench.draft({ subject: "ann", idempotency: idempotency() });
      expect(await bench.store.create(draft, { maxQueuedPerKey: 1 })).toMatchObject({ outcome: "created" });
      await bench.claimOne();
      await bench.store.updateKey("a", { enabled: false }, bench.now());
      const again = await bench.store.create(draft, { maxQueuedPerKey: 1 });
      expect(again).toEqual({
        outcome: "replayed",
        task: { task: await bench.read(draft), queuePosition: null },
      });
      expect(await bench.stat()).toEqual({ ready: 0, delayed: 0, held: 1 });
      expect(await bench.log(await bench.read(draft))).toEqual(["1 queued", "2 started"]);
    });

    test("a created task is queued, reads back as it was answered, and has one event", async () => {
      const draft = bench.draft({
        metadata: { order: "7" },
        priority: "high",
        batchId: "batch_1",
        retryOf: "t0",
      });
      const created = await bench.store.create(draft, { maxQueuedPerKey: 10 });
      if (created.outcome !== "created") throw new Error(created.outcome);
      const { task, events } = created.update;
      expect(task).toMatchObject({
        id: draft.id,
        tenant: { keyId: "a", subject: "" },
        status: "queued",
        progress: 0,
        attempt: 0,
        metadata: { order: "7" },
        priority: "high",
        batchId: "batch_1",
        retryOf: "t0",
        createdAt: bench.now(),
        deadlineAt: bench.now() + MAX_WAIT_MS,
        startedAt: null,
        reservedMicros: RESERVED,
        costMicros: 0,
        seq: 1,
      });
      expect(events).toEqual([
        {
          taskId: task.id,
          seq: 1,
          type: "queued",
          status: "queued",
          progress: 0,
          message: null,
          at: bench.now(),
          keySeq: 1,
          subjectSeq: null,
        },
      ]);
      expect(created.update.followed).toEqual({ task: false, key: false, subject: false });
      expect(await bench.store.get(scopeOf("a"), task.id)).toEqual({ task, queuePosition: 1 });
      expect(await bench.log(task)).toEqual(["1 queued"]);
    });

    test("every task has an epoch of its own", async () => {
      const epochs = [await bench.submit(), await bench.submit(), await bench.submit()].map(
        (task) => task.epoch,
      );
      expect(new Set(epochs).size).toBe(3);
    });

    test.each([
      ["disabled", { enabled: false }],
      ["expired", { expiresAt: 0 }],
    ] as const)("a key that was %s meanwhile is refused in the same step", async (reason, patch) => {
      await bench.store.updateKey("a", patch, bench.now());
      expect(await bench.create()).toEqual({ outcome: "key_refused", reason });
      expect((await bench.store.list(scopeOf("a"), { limit: 10 })).tasks).toEqual([]);
    });

    test("a key expires at its moment, not after it", async () => {
      await bench.store.updateKey("a", { expiresAt: bench.now() + 1 }, bench.now());
      expect((await bench.create()).outcome).toBe("created");
      bench.advance(1);
      expect(await bench.create()).toEqual({ outcome: "key_refused", reason: "expired" });
    });

    test("an unknown and a deleted key are refused", async () => {
      expect(await bench.create({ keyId: "nobody" })).toEqual({ outcome: "key_refused", reason: "unknown" });
      await bench.store.deleteKey("a");
      expect(await bench.create()).toEqual({ outcome: "key_refused", reason: "unknown" });
    });

    test("the queue limit counts the waiting tasks of one key, delayed retries included, and nobody else's", async () => {
      await bench.submit();
      await bench.submit();
      expect(await bench.create({}, 2)).toEqual({ outcome: "queue_full", queued: 2, rate: null });
      expect((await bench.create({ keyId: "b" }, 2)).outcome).toBe("created");
      const claim = await bench.claimOne();
      expect((await bench.create({}, 2)).outcome).toBe("created");
      expect((await bench.create({}, 2)).outcome).toBe("queue_full");
      if (claim.task.tenant.keyId !== "a") throw new Error("The older key was not served first");
      const spent = { providerMs: 0, storeMs: 0 };
      const error = { code: "provider_error", message: "Busy" } as const;
      await bench.apply(claim, { kind: "retry", delayMs: 1_000, error, spent });
      expect(await bench.create({}, 3)).toEqual({ outcome: "queue_full", queued: 3, rate: null });
      await bench.store.cancel(scopeOf("a"), claim.task.id);
      expect((await bench.create({}, 3)).outcome).toBe("created");
    });

    test("the same idempotency key with the same body replays its task as it is now", async () => {
      const first = await bench.submit({ idempotency: idempotency() });
      await bench.apply(await bench.claimOne(), COMPLETE);
      const again = await bench.create({ idempotency: idempotency() });
      expect(again).toEqual({
        outcome: "replayed",
        task: { task: await bench.read(first), queuePosition: null },
      });
      expect((await bench.store.list(scopeOf("a"), { limit: 10 })).tasks).toHaveLength(1);
    });

    test("the same idempotency key with another body is a conflict", async () => {
      await bench.submit({ idempotency: idempotency() });
      expect(await bench.create({ idempotency: idempotency({ fingerprint: "body 2" }) })).toEqual({
        outcome: "conflict",
      });
    });

    test("an idempotency key belongs to its tenant: another key and another subject have their own", async () => {
      const claims = [
        await bench.create({ idempotency: idempotency() }),
        await bench.create({ idempotency: idempotency(), keyId: "b" }),
        await bench.create({ idempotency: idempotency(), subject: "ann" }),
        await bench.create({ idempotency: idempotency(), subject: "bob" }),
      ];
      expect(claims.map((claim) => claim.outcome)).toEqual(["created", "created", "created", "created"]);
    });

    test("an idempotency key is free again after its time", async () => {
      await bench.submit({ idempotency: idempotency() });
      bench.advance(DAY_MS - 1);
      expect((await bench.create({ idempotency: idempotency() })).outcome).toBe("replayed");
      bench.advance(1);
      expect((await bench.create({ idempotency: idempotency({ fingerprint: "body 2" }) })).outcome).toBe(
        "created",
      );
    });

    test("a repeat without a header replays an unfinished task and one that ended just now, and takes over an older one", async () => {
      const claim = idempotency({ onlyIfEndedWithinMs: 30_000 });
      const first = await bench.submit({ idempotency: claim });
      bench.advance(45_000);
      expect((await bench.create({ idempotency: claim })).outcome).toBe("replayed");
      await bench.apply(await bench.claimOne(), COMPLETE);
      bench.advance(30_000);
      expect((await bench.create({ idempotency: claim })).outcome).toBe("replayed");
      bench.advance(1);
      const second = await bench.submit({ idempotency: claim });
      expect(second.id).not.toBe(first.id);
      const again = await bench.create({ idempotency: claim });
      expect(again).toMatchObject({ outcome: "replayed", task: { task: { id: second.id } } });
    });

    test("a claim that takes over replays nothing, whatever held the key", async () => {
      await bench.submit({ idempotency: idempotency() });
      const second = await bench.submit({
        idempotency: idempotency({ takeOver: true, fingerprint: "body 2" }),
      });
      const again = await bench.create({ idempotency: idempotency({ fingerprint: "body 2" }) });
      expect(again).toMatchObject({ outcome: "replayed", task: { task: { id: second.id } } });
    });

    test("a replay needs no room in the queue, but a living key", async () => {
      await bench.submit({ idempotency: idempotency() });
      expect((await bench.create({ idempotency: idempotency() }, 1)).outcome).toBe("replayed");
      await bench.store.updateKey("a", { enabled: false }, bench.now());
      expect((await bench.create({ idempotency: idempotency() }, 1)).outcome).toBe("key_refused");
    });

    test("whether a request is a repeat can be asked before it is made, and is answered as the create would be", async () => {
      const tenant = { keyId: "a", subject: "ann" };
      const claim = idempotency({ onlyIfEndedWithinMs: 30_000 });
      expect(await bench.store.repeated(tenant, claim)).toBeNull();
      const first = await bench.submit({ subject: "ann", idempotency: claim });
      expect(await bench.store.repeated(tenant, claim)).toEqual({
        outcome: "replayed",
        task: { task: await bench.read(first), queuePosition: 1 },
      });
      expect(await bench.store.repeated(tenant, { ...claim, fingerprint: "body 2" })).toEqual({
        outcome: "conflict",
      });
      expect(await bench.store.repeated(tenant, { ...claim, takeOver: true })).toBeNull();
      expect(await bench.store.repeated({ ...tenant, subject: "bob" }, claim)).toBeNull();
      expect(await bench.store.repeated({ ...tenant, keyId: "b" }, claim)).toBeNull();
      await bench.apply(await bench.claimOne(), COMPLETE);
      expect((await bench.store.repeated(tenant, claim))?.outcome).toBe("replayed");
      bench.advance(30_001);
      expect(await bench.store.repeated(tenant, claim)).toBeNull();
      expect((await bench.store.repeated(tenant, idempotency()))?.outcome).toBe("replayed");
      bench.advance(DAY_MS);
      expect(await bench.store.repeated(tenant, idempotency())).toBeNull();
    });

    test("fifty creates at once with one idempotency key make one task", async () => {
      const outcomes = await Promise.all(
        Array.from({ length: 50 }, () => bench.create({ idempotency: idempotency() })),
      );
      expect(outcomes.filter(({ outcome }) => outcome === "created")).toHaveLength(1);
      expect(outcomes.filter(({ outcome }) => outcome === "replayed")).toHaveLength(49);
      expect(await bench.stat()).toEqual({ ready: 1, delayed: 0, held: 0 });
    });

    test("fifty creates at once never pass the queue limit", async () => {
      const outcomes = await Promise.all(Array.from({ length: 50 }, () => bench.create({}, 20)));
      expect(outcomes.filter(({ outcome }) => outcome === "created")).toHaveLength(20);
      expect(await bench.stat()).toEqual({ ready: 20, delayed: 0, held: 0 });
    });

    test.each([
      ["scripts and emoji", "Zażółć gęślą jaźń – 東京の灯台 – منارة 👩‍👩‍👧‍👦 \u{1F3F4}"],
      ["control characters and a NUL", "a\u0000b\u0001c\u001f\u007f\r\n\t\u2028"],
      ["quotes and what looks like SQL", `'; DROP TABLE tasks; -- "\\" \\u0000 %s {}`],
    ])("text comes back unchanged: %s", async (_, text) => {
      const task = await bench.submit({
        request: { prompt: text, n: 1, providerOptions: { nested: [text, { [text]: text }] } },
        metadata: { note: text },
        model: text,
        subject: "ann",
      });
      const claim = await bench.claimOne();
      await bench.apply(claim, { kind: "save", state: { ref: text }, spent: { providerMs: 0, storeMs: 0 } });
      await bench.apply(claim, { kind: "progress", percent: 10, message: text });
      const read = await bench.read(task);
      expect(read).toMatchObject({
        model: text,
        metadata: { note: text },
        state: { ref: text },
        message: text,
      });
      expect(read.request).toEqual({
        prompt: text,
        n: 1,
        providerOptions: { nested: [text, { [text]: text }] },
      });
    });

    test("a subject is any text, and no text reaches another's tasks", async () => {
      const names = ["ann", "ANN", "ann ", "añn", "'; --", "%", "*", "a\u0000b", "a"];
      for (const subject of names) await bench.submit({ subject });
      for (const subject of names) {
        const page = await bench.store.list({ keyId: "a", subject }, { limit: 100 });
        expect(page.tasks.map(({ task }) => task.tenant.subject)).toEqual([subject]);
      }
    });

    test("a task near the bound is stored whole, one beyond it is refused and nothing is written", async () => {
      const prompt = "é".repeat(MAX_TASK_BYTES / 2 - 1_000);
      const task = await bench.submit({ request: { prompt, n: 1 } });
      expect((await bench.read(task)).request.prompt).toBe(prompt);
      const tooLarge = bench.create({
        request: { prompt: "é".repeat(MAX_TASK_BYTES / 2), n: 1 },
        idempotency: idempotency(),
      });
      await expect(tooLarge).rejects.toBeInstanceOf(StoredValueTooLargeError);
      expect(await bench.stat()).toEqual({ ready: 1, delayed: 0, held: 0 });
      expect((await bench.create({ idempotency: idempotency({ fingerprint: "other" }) })).outcome).toBe(
        "created",
      );
    });
  });
}
