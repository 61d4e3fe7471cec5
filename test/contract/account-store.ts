/** The contract of the account store port: virtual keys. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DuplicateKeyError } from "../../src/accounts/account-store.ts";
import type { KeyPatch } from "../../src/accounts/virtual-key.ts";
import { virtualKey } from "../fixture/virtual-key.ts";
import type { StoreContract, StoreUnderTest } from "./store-harness.ts";

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
      expect(await tested.store.updateKey("nobody", { name: "x" }, 1)).toBeNull();
      expect(await tested.store.deleteKey("nobody")).toBe(false);
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
      {},
    ])("a patch changes what it names and nothing else: %j", async (patch) => {
      await tested.store.createKey(full);
      const changed = { ...full, ...patch, updatedAt: 77 };
      expect(await tested.store.updateKey("key_full", patch, 77)).toEqual(changed);
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
      expect(await tested.store.deleteKey("one")).toBe(true);
      expect(await tested.store.getKey("one")).toBeNull();
      expect(await tested.store.findKeyByHash(virtualKey({ id: "one" }).hash)).toBeNull();
      expect((await tested.store.listKeys(10, null)).keys).toEqual([]);
      await tested.store.createKey(virtualKey({ id: "one" }));
      expect(await tested.store.getKey("one")).toEqual(virtualKey({ id: "one" }));
    });
  });
}
