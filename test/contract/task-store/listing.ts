/** Reading as a tenant: pages, filters, and that nothing of another's is ever seen. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ListQuery } from "../../../src/tasks/ports/task-store.ts";
import type { Task, TenantScope } from "../../../src/tasks/task.ts";
import { Bench, COMPLETE, type StoreContract, scopeOf } from "../store-harness.ts";

export function listingContract(contract: StoreContract): void {
  describe("reading as a tenant", () => {
    let bench: Bench;
    beforeEach(async () => {
      bench = await Bench.open(contract);
    });
    afterEach(() => bench.dispose());

    const ids = async (scope: TenantScope, query: Partial<ListQuery> = {}) =>
      (await bench.store.list(scope, { limit: 100, ...query })).tasks.map(({ task }) => task.id);

    test("pages are newest first and stay stable while new tasks arrive", async () => {
      const tasks: Task[] = [];
      for (let index = 0; index < 7; index++) tasks.push(await bench.submit());
      const expected = tasks.map((task) => task.id).reverse();
      const seen: string[] = [];
      let query: ListQuery = { limit: 3 };
      for (let more = true; more; ) {
        const page = await bench.store.list(scopeOf("a"), query);
        seen.push(...page.tasks.map(({ task }) => task.id));
        more = page.hasMore;
        query = { limit: 3, after: seen.at(-1)! };
        await bench.submit();
      }
      expect(seen).toEqual(expected);
    });

    test("a page after a task that is gone meanwhile continues behind its place", async () => {
      const tasks: Task[] = [];
      for (let index = 0; index < 4; index++) tasks.push(await bench.submit());
      await bench.store.cancel(scopeOf("a"), tasks[2]!.id);
      await bench.store.purge(scopeOf("a"), tasks[2]!.id);
      expect(await ids(scopeOf("a"), { after: tasks[2]!.id })).toEqual([tasks[1]!.id, tasks[0]!.id]);
    });

    test("pages in the other order are oldest first, with everything behind the cursor", async () => {
      const tasks: Task[] = [];
      for (let index = 0; index < 7; index++)
        tasks.push(await bench.submit(index % 3 === 0 ? { type: "video" } : {}));
      const seen: string[] = [];
      let query: ListQuery = { limit: 3, order: "asc" };
      for (let more = true; more; ) {
        const page = await bench.store.list(scopeOf("a"), query);
        seen.push(...page.tasks.map(({ task }) => task.id));
        more = page.hasMore;
        query = { limit: 3, order: "asc", after: seen.at(-1)! };
      }
      expect(seen).toEqual(tasks.map((task) => task.id));
      expect(await ids(scopeOf("a"), { order: "asc", type: "video", after: tasks[0]!.id })).toEqual([
        tasks[3]!.id,
        tasks[6]!.id,
      ]);
    });

    test("a full last page says that there is no more", async () => {
      await bench.submit();
      await bench.submit();
      expect((await bench.store.list(scopeOf("a"), { limit: 2 })).hasMore).toBe(false);
      expect((await bench.store.list(scopeOf("a"), { limit: 1 })).hasMore).toBe(true);
    });

    test("filters by status, type and batch combine", async () => {
      const done = await bench.submit({ batchId: "batch_1" });
      await bench.apply(await bench.claimOne(), COMPLETE);
      const waiting = await bench.submit({ batchId: "batch_1" });
      const film = await bench.submit({ type: "video", batchId: "batch_2" });
      const over = await bench.submit();
      await bench.store.cancel(scopeOf("a"), over.id);
      const scope = scopeOf("a");
      expect(await ids(scope, { statuses: ["completed"] })).toEqual([done.id]);
      expect(await ids(scope, { statuses: ["completed", "cancelled"] })).toEqual([over.id, done.id]);
      expect(await ids(scope, { type: "video" })).toEqual([film.id]);
      expect(await ids(scope, { type: "video", statuses: ["completed"] })).toEqual([]);
      expect(await ids(scope, { batchId: "batch_1" })).toEqual([waiting.id, done.id]);
      expect(await ids(scope, { batchId: "batch_1", statuses: ["queued"] })).toEqual([waiting.id]);
      expect(await ids(scope, { statuses: [] })).toEqual([]);
    });

    test("a task is found under its filter after every change of status", async () => {
      const task = await bench.submit();
      const found = async () =>
        (
          await Promise.all(
            (["queued", "running", "completed"] as const).map(async (status) =>
              (await ids(scopeOf("a"), { statuses: [status] })).includes(task.id) ? status : null,
            ),
          )
        ).filter((status) => status !== null);
      expect(await found()).toEqual(["queued"]);
      const claim = await bench.claimOne();
      expect(await found()).toEqual(["running"]);
      await bench.apply(claim, COMPLETE);
      expect(await found()).toEqual(["completed"]);
    });

    test("what is outside a scope answers everywhere exactly like what does not exist", async () => {
      const mine = await bench.submit({ subject: "ann", batchId: "batch_1" });
      const strangers: TenantScope[] = [
        scopeOf("b"),
        scopeOf("nobody"),
        { keyId: "a", subject: "bob" },
        { keyId: "b", subject: "ann" },
        { keyId: "b", subject: "ann", granted: [mine.id] },
        { keyId: "a", subject: "bob", granted: ["unknown"] },
      ];
      const before = await bench.read(mine);
      for (const scope of strangers) {
        for (const id of [mine.id, "unknown"]) {
          const position = { epoch: mine.epoch, seq: 0 };
          expect(await bench.store.get(scope, id)).toBeNull();
          expect(await bench.store.cancel(scope, id)).toEqual({ outcome: "not_found" });
          expect(await bench.store.purge(scope, id)).toBe("not_found");
          expect(await bench.store.follow(scope, id)).toBeNull();
          expect(await bench.store.readLog(scope, id, position, 10)).toEqual({ outcome: "not_found" });
        }
        expect(await ids(scope)).toEqual([]);
        expect(await ids(scope, { batchId: "batch_1" })).toEqual([]);
        const { epoch, seq } = await bench.store.tenantPosition(scope);
        expect(seq).toBe(0);
        expect(await bench.store.readTenantLog(scope, { epoch, seq: 0 }, 10)).toMatchObject({ entries: [] });
      }
      expect(await bench.read(mine)).toEqual(before);
    });

    test("the key sees all its subjects, a subject its own and what it was granted", async () => {
      const ann = await bench.submit({ subject: "ann", batchId: "batch_1" });
      const bob = await bench.submit({ subject: "bob", batchId: "batch_1" });
      const own = await bench.submit();
      expect(await ids(scopeOf("a"))).toEqual([own.id, bob.id, ann.id]);
      expect(await ids({ keyId: "a", subject: "ann" })).toEqual([ann.id]);
      const granted = { keyId: "a", subject: "ann", granted: [own.id, ann.id, "unknown"] };
      expect(await ids(granted)).toEqual([own.id, ann.id]);
      expect(await ids(granted, { after: own.id })).toEqual([ann.id]);
      expect(await ids(granted, { order: "asc" })).toEqual([ann.id, own.id]);
      expect(await ids(granted, { order: "asc", after: ann.id })).toEqual([own.id]);
      expect(await ids(granted, { statuses: ["completed"] })).toEqual([]);
      expect(await ids(granted, { batchId: "batch_1" })).toEqual([ann.id]);
      expect((await bench.store.get(granted, own.id))?.task.id).toBe(own.id);
      expect(await bench.store.get(granted, bob.id)).toBeNull();
      expect((await bench.store.cancel(granted, own.id)).outcome).toBe("cancelled");
    });

    test("an empty subject is refused, because it would mean the whole key", async () => {
      const task = await bench.submit();
      const scope = { keyId: "a", subject: "" };
      await expect(bench.store.get(scope, task.id)).rejects.toBeInstanceOf(TypeError);
      await expect(bench.store.list(scope, { limit: 1 })).rejects.toBeInstanceOf(TypeError);
      await expect(bench.store.followTenant(scope)).rejects.toBeInstanceOf(TypeError);
      await expect(bench.store.tenantPosition(scope)).rejects.toBeInstanceOf(TypeError);
      await expect(bench.store.readTenantLog(scope, { epoch: "", seq: 0 }, 1)).rejects.toBeInstanceOf(
        TypeError,
      );
    });
  });
}
