/** The contract of ephemeral keys: made once, found until a while after their end, and not more of them than a key may have. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type EphemeralKeyDraft,
  type EphemeralKeyPlace,
  EXPIRED_KEPT_MS,
} from "../../../src/accounts/ephemeral/ephemeral-key-store.ts";
import { EPHEMERAL_TTL_MS, ephemeralKeyDraft } from "../../fixture/ephemeral-key.ts";
import { Bench, type StoreContract } from "../store-harness.ts";

export function ephemeralKeyContract(contract: StoreContract): void {
  describe("ephemeral keys", () => {
    let bench: Bench;
    beforeEach(async () => {
      bench = await Bench.open(contract);
    });
    afterEach(() => bench.dispose());
    const create = (draft: EphemeralKeyDraft, maxLive: number | null = null) =>
      bench.store.createEphemeralKey(draft, maxLive);
    const RETENTION = { tasksMs: 1e12, eventsMs: 1e12, ledgerMs: 1e12 };

    test("a key comes back whole, with its times by the store's clock", async () => {
      const draft = ephemeralKeyDraft("h1", {
        subject: "Ключ 🔑 \u0000:x",
        granted: ["0192f0c1-2d3e-7abc-8def-0123456789ab"],
        allowedModels: ["local/*", "gpt-image-1"],
        maxPriority: "low",
        session: { type: "realtime", model: "m", tools: [{ name: "t" }, 1.5, null, true], empty: {} },
      });
      const { ttlMs, ...fields } = draft;
      const made = { ...fields, createdAt: bench.now(), expiresAt: bench.now() + ttlMs };
      expect(await create(draft)).toEqual(made);
      expect(await bench.store.findEphemeralKey("h1")).toEqual(made);
    });

    test("what was never made is not found", async () => {
      expect(await bench.store.findEphemeralKey("nothing")).toBeNull();
    });

    test("the same hash again changes nothing and answers the first one, even at the bound", async () => {
      const made = await create(ephemeralKeyDraft("h1"), 1);
      bench.advance(1_000);
      expect(await create(ephemeralKeyDraft("h1", { subject: "other", ttlMs: 1 }), 1)).toEqual(made);
      expect(await bench.store.findEphemeralKey("h1")).toEqual(made);
    });

    test("an expired key is still found for a while, so that its user hears why it is refused", async () => {
      const made = await create(ephemeralKeyDraft("h1"));
      bench.advance(EPHEMERAL_TTL_MS + EXPIRED_KEPT_MS - 1);
      await bench.store.retire(RETENTION, 100);
      expect(await bench.store.findEphemeralKey("h1")).toEqual(made);
    });

    test("a key has no more live ones than its bound, and the one too many is not written", async () => {
      expect(await create(ephemeralKeyDraft("h1"), 2)).not.toBeNull();
      expect(await create(ephemeralKeyDraft("h2", { ttlMs: 2 * EPHEMERAL_TTL_MS }), 2)).not.toBeNull();
      expect(await create(ephemeralKeyDraft("h3"), 2)).toBeNull();
      expect(await bench.store.findEphemeralKey("h3")).toBeNull();
      expect(await create(ephemeralKeyDraft("other", { keyId: "b" }), 2)).not.toBeNull();
    });

    test("an expired key makes room for a new one", async () => {
      await create(ephemeralKeyDraft("h1"), 2);
      await create(ephemeralKeyDraft("h2", { ttlMs: 2 * EPHEMERAL_TTL_MS }), 2);
      bench.advance(EPHEMERAL_TTL_MS);
      expect(await create(ephemeralKeyDraft("h3"), 2)).not.toBeNull();
      expect(await create(ephemeralKeyDraft("h4"), 2)).toBeNull();
    });

    test("creates at once never exceed the bound", async () => {
      const made = await Promise.all(
        Array.from({ length: 12 }, (_, index) => create(ephemeralKeyDraft(`h${index}`), 5)),
      );
      expect(made.filter((key) => key !== null)).toHaveLength(5);
    });

    test("without a bound there may be any number, and none of them counts", async () => {
      for (const hash of ["free1", "free2"])
        expect(await create(ephemeralKeyDraft(hash), null)).not.toBeNull();
      expect(await create(ephemeralKeyDraft("h1"), 1)).not.toBeNull();
      expect(await create(ephemeralKeyDraft("free3"), null)).not.toBeNull();
      expect(await create(ephemeralKeyDraft("h2"), 1)).toBeNull();
    });

    test("a key that is taken back is gone, makes room, and is its parent's alone to take", async () => {
      await create(ephemeralKeyDraft("h1"), 2);
      await create(ephemeralKeyDraft("h2"), 2);
      expect(await bench.store.deleteEphemeralKey("b", "h1")).toBe(false);
      expect(await bench.store.findEphemeralKey("h1")).not.toBeNull();
      expect(await bench.store.deleteEphemeralKey("a", "h1")).toBe(true);
      expect(await bench.store.findEphemeralKey("h1")).toBeNull();
      expect(await bench.store.deleteEphemeralKey("a", "h1")).toBe(false);
      expect(await create(ephemeralKeyDraft("h3"), 2)).not.toBeNull();
      expect(await create(ephemeralKeyDraft("h4"), 2)).toBeNull();
      await create(ephemeralKeyDraft("free"), null);
      expect(await bench.store.deleteEphemeralKey("a", "free")).toBe(true);
      expect(await create(ephemeralKeyDraft("h4"), 2)).toBeNull();
    });

    test("those that are counted and have not expired are listed, page by page, the one that ends last first", async () => {
      const ends = { h1: 3, h2: 1, h3: 2, h4: 2, h5: 2 };
      for (const [hash, minutes] of Object.entries(ends))
        await create(ephemeralKeyDraft(hash, { ttlMs: minutes * EPHEMERAL_TTL_MS }), 9);
      await create(ephemeralKeyDraft("free", { ttlMs: 3 * EPHEMERAL_TTL_MS }), null);
      await create(ephemeralKeyDraft("other", { keyId: "b" }), 9);
      const pages = async (limit: number) => {
        const found: string[][] = [];
        for (let after: EphemeralKeyPlace | null = null, more = true; more; ) {
          const page = await bench.store.listEphemeralKeys("a", { limit, after });
          found.push(page.keys.map(({ hash }) => hash));
          after = page.keys.at(-1) ?? null;
          more = page.hasMore;
        }
        return found;
      };
      expect(await pages(2)).toEqual([["h1", "h5"], ["h4", "h3"], ["h2"]]);
      expect(await pages(5)).toEqual([["h1", "h5", "h4", "h3", "h2"]]);
      const { keys } = await bench.store.listEphemeralKeys("a", { limit: 1, after: null });
      expect(keys).toEqual([await bench.store.findEphemeralKey("h1")]);
      bench.advance(EPHEMERAL_TTL_MS);
      await bench.store.deleteEphemeralKey("a", "h4");
      expect(await pages(9)).toEqual([["h1", "h5", "h3"]]);
      expect(await bench.store.listEphemeralKeys("c", { limit: 9, after: null })).toEqual({
        keys: [],
        hasMore: false,
      });
    });

    test("a changed or deleted parent leaves its keys as they were: who asks looks at both", async () => {
      const made = await create(ephemeralKeyDraft("h1"));
      await bench.store.updateKey("a", { enabled: false, hash: "rotated" }, bench.now());
      expect(await bench.store.findEphemeralKey("h1")).toEqual(made);
      await bench.store.deleteKey("a");
      expect(await bench.store.findEphemeralKey("h1")).toEqual(made);
    });
  });
}
