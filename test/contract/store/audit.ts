/** The audit log: entries come back whole, newest first, by target and by action, until the retention removes them. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { AuditDraft, AuditQuery } from "../../../src/accounts/audit-store.ts";
import { Bench, type StoreContract } from "../store-harness.ts";

const KEPT_MS = 1_000;
const RETENTION = { tasksMs: 1e12, eventsMs: 1e12, ledgerMs: KEPT_MS };

function draft(changes: Partial<AuditDraft> = {}): AuditDraft {
  return {
    actor: { by: "admin", fingerprint: "0123abcd", requestId: "req_1" },
    action: "key.changed",
    target: "a",
    part: null,
    before: { name: "Ключ 🔑 \n \ud800", budgets: [{ limit: 0.5, period: "total" }] },
    after: { name: "b", budgets: [] },
    ...changes,
  };
}

export function auditContract(contract: StoreContract): void {
  describe("the audit log", () => {
    let bench: Bench;
    beforeEach(async () => {
      bench = await Bench.open(contract);
    });
    afterEach(() => bench.dispose());

    const list = (query: Partial<AuditQuery> = {}) =>
      bench.store.listAudit({ limit: 10, after: null, target: null, action: null, ...query });
    const namesOf = async (query: Partial<AuditQuery> = {}) =>
      (await list(query)).entries.map(({ action, target }) => `${action} ${target}`);

    test("an entry comes back whole, with the store's time", async () => {
      const written = draft({ part: "customer Zoë" });
      await bench.store.recordAudit(written);
      const { entries, hasMore } = await list();
      const wellFormed = JSON.parse(JSON.stringify(written).toWellFormed());
      expect(entries).toEqual([{ ...wellFormed, id: expect.stringMatching(/^aud_\d+$/), at: bench.now() }]);
      expect(hasMore).toBe(false);
    });

    test("entries are listed newest first, in pages", async () => {
      for (const target of ["one", "two", "three"]) await bench.store.recordAudit(draft({ target }));
      const first = await list({ limit: 2 });
      expect([first.entries.map(({ target }) => target), first.hasMore]).toEqual([["three", "two"], true]);
      const last = await list({ limit: 2, after: first.entries[1]?.id ?? null });
      expect([last.entries.map(({ target }) => target), last.hasMore]).toEqual([["one"], false]);
    });

    test("target and action filter, alone and together", async () => {
      await bench.store.recordAudit(draft({ target: "a", action: "key.created" }));
      await bench.store.recordAudit(draft({ target: "a", action: "key.deleted" }));
      await bench.store.recordAudit(draft({ target: "b", action: "key.created" }));
      expect(await namesOf({ target: "a" })).toEqual(["key.deleted a", "key.created a"]);
      expect(await namesOf({ action: "key.created" })).toEqual(["key.created b", "key.created a"]);
      expect(await namesOf({ target: "b", action: "key.created" })).toEqual(["key.created b"]);
      expect(await namesOf({ target: "b", action: "key.deleted" })).toEqual([]);
    });

    test("a cursor that is no entry's id begins at the newest", async () => {
      await bench.store.recordAudit(draft());
      expect((await list({ after: "key_1" })).entries).toHaveLength(1);
    });

    test("a target that could be taken for something else is refused as a mistake", async () => {
      for (const target of ["", "a b", "x".repeat(201)])
        await expect(bench.store.recordAudit(draft({ target }))).rejects.toBeInstanceOf(TypeError);
      expect((await list()).entries).toEqual([]);
    });

    test("the retention removes entries in bounded steps, from every list", async () => {
      for (const target of ["one", "two", "three"]) await bench.store.recordAudit(draft({ target }));
      bench.advance(KEPT_MS);
      await bench.store.recordAudit(draft({ target: "new" }));
      expect((await bench.store.retire(RETENTION, 2)).more).toBe(true);
      expect(await namesOf()).toEqual(["key.changed new", "key.changed three"]);
      expect((await bench.store.retire(RETENTION, 2)).more).toBe(false);
      expect(await namesOf()).toEqual(["key.changed new"]);
      expect(await namesOf({ target: "three" })).toEqual([]);
      expect(await namesOf({ action: "key.changed" })).toEqual(["key.changed new"]);
      expect(await namesOf({ action: "key.changed", target: "one" })).toEqual([]);
    });
  });
}
