/** The contract of the account store port: virtual keys. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { KeyStep } from "../../src/accounts/keys/account-store.ts";
import { DuplicateKeyError } from "../../src/accounts/keys/account-store.ts";
import type { KeyPatch, PreviousForm } from "../../src/accounts/keys/virtual-key.ts";
import { virtualKey } from "../fixture/virtual-key.ts";
import type { StoreContract, StoreUnderTest } from "./store-harness.ts";

const TTL_MS = 10_000;

/** The form of `key_full` that its rotation leaves working. */
function overlap(successor: string, validUntil = 4_102_444_800_000): PreviousForm {
  return { hash: virtualKey({ id: "key_full" }).hash, last4: "abcd", validUntil, successor };
}

/** A step of a request with an idempotency key. */
function once(id: string, text: string, fingerprint = "f1"): KeyStep {
  return { once: { id, fingerprint, text, ttlMs: TTL_MS } };
}

function told(target: string): KeyStep {
  const actor = { by: "admin", fingerprint: "0123abcd", requestId: null } as const;
  return { audit: { actor, action: "key.changed", target, part: null, before: null, after: null } };
}

export function accountStoreContract(contract: StoreContract): void {
  describe(`account store: ${contract.name}`, () => {
    let tested: StoreUnderTest;
    beforeEach(async () => {
      tested = await contract.open();
    });
    afterEach(() => tested.dispose());

    const full = virtualKey({
      id: "key_full",
      name: "Ключ 🔑 \u0000",
      expiresAt: 4_102_444_800_000,
      enabled: false,
      allowedModels: ["local/*", "gpt-image-1"],
      maxPriority: "low",
      maxConcurrentTasks: 3,
      budgets: [{ limitMicros: 5_000_000, period: "total" }],
      metadata: { team: { name: "ops", ids: [1, 2.5, null, true] } },
      createdAt: 5,
      updatedAt: 6,
    });

    test("a key comes back whole, by its id and by its hash", async () => {
      await tested.store.createKey(full);
      expect(await tested.store.getKey("key_full")).toEqual(full);
      expect(await tested.store.findKeyByHash(full.hash)).toEqual(full);
    });

    test("what does not exist is null, and is neither changed nor deleted", async () => {
      expect(await tested.store.getKey("nobody")).toBeNull();
      expect(await tested.store.findKeyByHash("nothing")).toBeNull();
      expect(await tested.store.updateKey("nobody", { name: "x" }, 1)).toEqual({ outcome: "missing" });
      expect(await tested.store.deleteKey("nobody")).toBe("missing");
      expect(await tested.store.getDeletedKey("nobody")).toBeNull();
      expect(await tested.store.recallAnswer("nothing")).toBeNull();
    });

    test("an id or a hash that is taken is refused, and nothing is written", async () => {
      await tested.store.createKey(virtualKey({ id: "one" }));
      await expect(tested.store.createKey(virtualKey({ id: "one", hash: "other" }))).rejects.toBeInstanceOf(
        DuplicateKeyError,
      );
      const sameHash = virtualKey({ id: "two", hash: virtualKey({ id: "one" }).hash });
      await expect(tested.store.createKey(sameHash)).rejects.toBeInstanceOf(DuplicateKeyError);
      expect(await tested.store.getKey("two")).toBeNull();
      expect(await tested.store.getKey("one")).toEqual(virtualKey({ id: "one" }));
    });

    test("of two creates at once with one hash, one wins", async () => {
      const outcomes = await Promise.allSettled([
        tested.store.createKey(virtualKey({ id: "one", hash: "same" })),
        tested.store.createKey(virtualKey({ id: "two", hash: "same" })),
      ]);
      expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    });

    test.each<KeyPatch>([
      { name: "Renamed" },
      { enabled: true },
      { expiresAt: null },
      { allowedModels: null },
      { permissions: { canGenerateImages: false, canGenerateVideos: false, canUseRealtimeAudio: true } },
      { maxPriority: "normal" },
      { maxConcurrentTasks: null },
      { metadata: {} },
      { hash: "rotated", last4: "0000" },
      { hash: "rotated", last4: "0000", previous: overlap("rotated") },
      {},
    ])("a patch changes what it names and nothing else: %j", async (patch) => {
      await tested.store.createKey(full);
      const changed = { ...full, ...patch, updatedAt: 77, revision: 2 };
      expect(await tested.store.updateKey("key_full", patch, 77)).toEqual({ outcome: "done", key: changed });
      expect(await tested.store.getKey("key_full")).toEqual(changed);
    });

    test("a rotated key is found by its new hash only", async () => {
      await tested.store.createKey(full);
      await tested.store.updateKey("key_full", { hash: "new" }, 9);
      expect(await tested.store.findKeyByHash(full.hash)).toBeNull();
      expect((await tested.store.findKeyByHash("new"))?.id).toBe("key_full");
    });

    test("a patch cannot take another key's hash", async () => {
      await tested.store.createKey(virtualKey({ id: "one" }));
      await tested.store.createKey(virtualKey({ id: "two" }));
      const stolen = tested.store.updateKey("two", { hash: virtualKey({ id: "one" }).hash }, 9);
      await expect(stolen).rejects.toBeInstanceOf(DuplicateKeyError);
      expect(await tested.store.getKey("two")).toEqual(virtualKey({ id: "two" }));
    });

    test("keys are listed newest first, in pages", async () => {
      for (const id of ["k1", "k2", "k3", "k4", "k5"]) await tested.store.createKey(virtualKey({ id }));
      const first = await tested.store.listKeys(2, null);
      expect([first.keys.map((key) => key.id), first.hasMore]).toEqual([["k5", "k4"], true]);
      const second = await tested.store.listKeys(2, "k4");
      expect([second.keys.map((key) => key.id), second.hasMore]).toEqual([["k3", "k2"], true]);
      const last = await tested.store.listKeys(2, "k2");
      expect([last.keys.map((key) => key.id), last.hasMore]).toEqual([["k1"], false]);
    });

    test("a deleted key is gone by every name and its id can be made again", async () => {
      await tested.store.createKey(virtualKey({ id: "one" }));
      expect(await tested.store.deleteKey("one")).toBe("deleted");
      expect(await tested.store.getKey("one")).toBeNull();
      expect(await tested.store.findKeyByHash(virtualKey({ id: "one" }).hash)).toBeNull();
      expect((await tested.store.listKeys(10, null)).keys).toEqual([]);
      await tested.store.createKey(virtualKey({ id: "one" }));
      expect(await tested.store.getKey("one")).toEqual(virtualKey({ id: "one" }));
    });

    describe("a rotation with an overlap", () => {
      const rotate = (until: number) =>
        tested.store.updateKey("key_full", { hash: "new", previous: overlap("new", until) }, 9);

      test("leaves the old form working until its moment, and not longer", async () => {
        await tested.store.createKey(full);
        await rotate(tested.now() + 1_000);
        expect(await tested.store.findKeyByHash(full.hash)).toMatchObject({ id: "key_full", hash: "new" });
        expect((await tested.store.findKeyByHash("new"))?.id).toBe("key_full");
        tested.advance(1_000);
        expect(await tested.store.findKeyByHash(full.hash)).toBeNull();
        expect((await tested.store.findKeyByHash("new"))?.id).toBe("key_full");
      });

      test("refuses the form before the last one, whatever it was promised", async () => {
        await tested.store.createKey(full);
        await rotate(tested.now() + 1_000);
        const previous = { ...overlap("newer", tested.now() + 1_000), hash: "new" };
        await tested.store.updateKey("key_full", { hash: "newer", previous }, 10);
        expect(await tested.store.findKeyByHash(full.hash)).toBeNull();
        expect((await tested.store.findKeyByHash("new"))?.id).toBe("key_full");
      });

      test("ends with a rotation by a release that knows of no overlap", async () => {
        await tested.store.createKey(full);
        await rotate(tested.now() + 1_000);
        await tested.store.updateKey("key_full", { hash: "of another release" }, 10);
        expect(await tested.store.findKeyByHash(full.hash)).toBeNull();
      });

      test("ends with the key", async () => {
        await tested.store.createKey(full);
        await rotate(tested.now() + 1_000);
        await tested.store.deleteKey("key_full");
        expect(await tested.store.findKeyByHash(full.hash)).toBeNull();
      });
    });

    describe("a change that was decided on a version", () => {
      const audited = async () =>
        (await tested.store.listAudit({ limit: 10, after: null, target: null, action: null })).entries.length;

      test("is made of that version only, with its entry in the audit log", async () => {
        await tested.store.createKey(full);
        const step = { version: full, ...told("key_full") };
        expect(await tested.store.updateKey("key_full", { name: "one" }, 7, step)).toMatchObject({
          outcome: "done",
          key: { name: "one", revision: 2 },
        });
        expect(await tested.store.updateKey("key_full", { name: "two" }, 7, step)).toEqual({
          outcome: "stale",
        });
        expect(await tested.store.deleteKey("key_full", step)).toBe("stale");
        expect((await tested.store.getKey("key_full"))?.name).toBe("one");
        expect(await audited()).toBe(1);
      });

      test("sees a change of a release that counts no revisions", async () => {
        await tested.store.createKey(full);
        const version = { revision: 1, updatedAt: full.updatedAt + 1 };
        expect(await tested.store.updateKey("key_full", { name: "x" }, 7, { version })).toEqual({
          outcome: "stale",
        });
      });

      test("of ten at once, one is made", async () => {
        await tested.store.createKey(full);
        const outcomes = await Promise.all(
          Array.from({ length: 10 }, (_, index) =>
            tested.store.updateKey("key_full", { name: `n${index}` }, 7, { version: full }),
          ),
        );
        expect(outcomes.filter(({ outcome }) => outcome === "done")).toHaveLength(1);
        expect(outcomes.filter(({ outcome }) => outcome === "stale")).toHaveLength(9);
      });
    });

    describe("a request that comes again", () => {
      test("gets the answer that was kept, and makes nothing", async () => {
        await tested.store.createKey(virtualKey({ id: "one" }), once("i", "sealed/text+="));
        const answer = { fingerprint: "f1", text: "sealed/text+=" };
        expect(await tested.store.recallAnswer("i")).toEqual(answer);
        expect(await tested.store.createKey(virtualKey({ id: "two" }), once("i", "other", "f2"))).toEqual({
          outcome: "answered",
          answer,
        });
        expect(await tested.store.getKey("two")).toBeNull();
        const again = { version: { revision: 9, updatedAt: 9 }, ...once("i", "other") };
        expect(await tested.store.updateKey("one", { name: "x" }, 9, again)).toEqual({
          outcome: "answered",
          answer,
        });
      });

      test("of ten at once makes one key, whose answer all others get", async () => {
        const outcomes = await Promise.all(
          Array.from({ length: 10 }, (_, index) =>
            tested.store.createKey(virtualKey({ id: `k${index}` }), once("i", `answer${index}`)),
          ),
        );
        const made = outcomes.filter(({ outcome }) => outcome === "done");
        expect(made).toHaveLength(1);
        expect((await tested.store.listKeys(20, null)).keys).toHaveLength(1);
        const texts = outcomes.flatMap((one) => (one.outcome === "answered" ? [one.answer.text] : []));
        expect(new Set(texts).size).toBe(1);
        expect(texts).toHaveLength(9);
      });

      test("is a new one once its time is over, and what was kept is gone", async () => {
        await tested.store.createKey(virtualKey({ id: "one" }), once("i", "first"));
        tested.advance(TTL_MS);
        expect(await tested.store.recallAnswer("i")).toBeNull();
        await tested.store.retire({ tasksMs: 1e12, eventsMs: 1e12, ledgerMs: 1e12 }, 10);
        const made = await tested.store.createKey(virtualKey({ id: "two" }), once("i", "second"));
        expect(made.outcome).toBe("done");
        expect((await tested.store.recallAnswer("i"))?.text).toBe("second");
      });

      test("keeps no answer of a change that was not made", async () => {
        await tested.store.createKey(full);
        await tested.store.updateKey("key_full", {}, 7, {
          version: { revision: 9, updatedAt: 6 },
          ...once("i", "x"),
        });
        expect(await tested.store.recallAnswer("i")).toBeNull();
      });
    });

    describe("a deleted key", () => {
      const names = async (limit = 10, after: string | null = null) =>
        (await tested.store.listDeletedKeys(limit, after)).keys.map(({ id }) => id);

      test("leaves its name, the end of its plain form, and when it went", async () => {
        await tested.store.createKey(full);
        tested.advance(5);
        await tested.store.deleteKey("key_full");
        const left = {
          id: "key_full",
          name: full.name,
          last4: "abcd",
          createdAt: 5,
          deletedAt: tested.now(),
        };
        expect(await tested.store.getDeletedKey("key_full")).toEqual(left);
        expect(await tested.store.listDeletedKeys(10, null)).toEqual({ keys: [left], hasMore: false });
      });

      test("is listed with others, the last one first, in pages", async () => {
        for (const id of ["k1", "k2", "k3"]) await tested.store.createKey(virtualKey({ id }));
        for (const id of ["k2", "k3", "k1"]) await tested.store.deleteKey(id);
        expect(await names()).toEqual(["k1", "k3", "k2"]);
        expect((await tested.store.listDeletedKeys(2, null)).hasMore).toBe(true);
        expect(await names(2, "k3")).toEqual(["k2"]);
      });

      test("is forgotten with the ledger, in bounded steps", async () => {
        for (const id of ["k1", "k2", "k3"]) await tested.store.createKey(virtualKey({ id }));
        for (const id of ["k1", "k2"]) await tested.store.deleteKey(id);
        tested.advance(1_000);
        await tested.store.deleteKey("k3");
        const retention = { tasksMs: 1e12, eventsMs: 1e12, ledgerMs: 1_000 };
        expect((await tested.store.retire(retention, 1)).more).toBe(true);
        expect(await names()).toEqual(["k3", "k2"]);
        await tested.store.retire(retention, 2);
        expect(await names()).toEqual(["k3"]);
        expect(await tested.store.getDeletedKey("k1")).toBeNull();
      });
    });
  });
}
