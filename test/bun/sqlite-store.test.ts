/** What only the SQLite store promises: its schema, its money, its plans, and that a killed process loses nothing. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openSqliteFile } from "../../src/runtime/bun/sqlite-file.ts";
import type { Sql, SqlDatabase, SqlRow, SqlValue } from "../../src/stores/sql.ts";
import { SCHEMA_VERSION } from "../../src/stores/sqlite/schema/open.ts";
import { createSqliteStore, type SqliteStore } from "../../src/stores/sqlite/store.ts";
import { NO_WORK, type StepTransition } from "../../src/tasks/transition.ts";
import { Bench, COMPLETE, FAILURE, RESERVED, scopeOf } from "../contract/store-harness.ts";
import { startStoreProcess } from "../fixture/start-store-process.ts";

let folder: string;
let path: string;
let now: number;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "conduit-store-"));
  path = join(folder, "store.db");
  now = Date.UTC(2026, 10, 22);
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A bench whose store and database are in reach. */
async function openBench(): Promise<Bench & { sqlite: SqliteStore; rows: (query: string) => SqlRow[] }> {
  const database: SqlDatabase = openSqliteFile(path);
  const sqlite = createSqliteStore({ database, now: () => now });
  const open = async () => ({
    store: sqlite,
    now: () => now,
    advance: (ms: number) => {
      now += ms;
    },
    dispose: () => sqlite.close(),
  });
  const bench = await Bench.open({ name: "file", open });
  return Object.assign(bench, { sqlite, rows: (query: string) => database.read((sql) => sql.all(query)) });
}

describe("schema", () => {
  test("opening again changes nothing and keeps everything", async () => {
    const bench = await openBench();
    const task = await bench.submit();
    await bench.dispose();
    const store = createSqliteStore({ database: openSqliteFile(path), now: () => now });
    expect((await store.get(scopeOf("a"), task.id))?.task).toEqual(task);
    expect((await store.listKeys(10, null)).keys).toHaveLength(3);
    await store.close();
  });

  test("a database that a newer release wrote is refused by every method, and left alone", async () => {
    const bench = await openBench();
    await bench.dispose();
    const database = openSqliteFile(path);
    await database.transact((sql) =>
      sql.run("INSERT INTO schema_migrations VALUES (?, 0)", SCHEMA_VERSION + 1),
    );
    const store = createSqliteStore({ database, now: () => now });
    const newer = {
      name: "StoreUnavailableError",
      reason: "newer_schema",
      message: expect.stringContaining("release"),
    };
    await expect(store.ping()).rejects.toMatchObject(newer);
    await expect(store.getKey("a")).rejects.toMatchObject(newer);
    await expect(store.deleteKey("a")).rejects.toMatchObject(newer);
    expect(database.read((sql) => sql.get("SELECT count(*) AS n FROM keys"))).toEqual({ n: 3 });
    database.close();
  });
});

describe("a new boot", () => {
  test("voids every lease of the last: tasks, cleanup items and subscribers", async () => {
    const last = await openBench();
    const tasks = [
      await last.submit(),
      await last.submit({ keyId: "b" }),
      await last.submit({ type: "video" }),
    ];
    const lost = [...(await last.claim(5)), ...(await last.claim(5, { lane: "video" }))];
    const gone = await last.submit({ keyId: "c" });
    await last.claimOne();
    await last.store.cancel(scopeOf("c"), gone.id);
    await last.store.claimCleanups({ leaseMs: 60_000, max: 5 });
    await last.store.follow(scopeOf("a"), tasks[0]!.id);
    await last.store.followTenant(scopeOf("a"));
    await last.dispose();

    const store = createSqliteStore({ database: openSqliteFile(path), now: () => now });
    expect(await store.releaseLeases()).toBe(3);
    expect(await store.releaseLeases()).toBe(0);
    for (const claim of lost) expect((await store.advance(claim.lease, COMPLETE)).applied).toBe(false);
    const again = await store.claim({ lane: "image", leaseMs: 9_000, max: 5 });
    expect(again.map((claim) => claim.task.id).sort()).toEqual([tasks[0]!.id, tasks[1]!.id].sort());
    expect(again.every((claim) => claim.task.submitUnknown && claim.update === null)).toBe(true);
    expect(await store.claimCleanups({ leaseMs: 60_000, max: 5 })).toMatchObject([
      { taskId: gone.id, tries: 1 },
    ]);
    const end = await store.cancel(scopeOf("a"), tasks[0]!.id);
    expect(end).toMatchObject({ update: { followed: { task: false, key: false } } });
    await store.close();
  });

  test("more leases than one step handles are all voided", async () => {
    const bench = await openBench();
    await Promise.all(Array.from({ length: 1_100 }, () => bench.submit()));
    await bench.claim(1_100);
    expect(await bench.sqlite.releaseLeases()).toBe(1_100);
    expect(await bench.stat()).toEqual({ ready: 1_100, delayed: 0, held: 0 });
    await bench.dispose();
  });

  test("a process killed while it works loses no task it answered for, and no event of one", async () => {
    const child = await startStoreProcess(path, "create");
    await child.printed(400);
    await child.kill();
    const store = createSqliteStore({ database: openSqliteFile(path), now: Date.now });
    await store.releaseLeases();
    expect(child.lines.length).toBeGreaterThanOrEqual(400);
    for (const id of child.lines) {
      const view = await store.get(scopeOf("a"), id);
      expect(view).not.toBeNull();
      const { epoch, seq } = view!.task;
      const log = await store.readLog(scopeOf("a"), id, { epoch, seq: 0 }, 10);
      expect(log).toMatchObject({ outcome: "events", position: { seq } });
    }
    const { epoch, seq } = await store.tenantPosition(scopeOf("a"));
    const tail = await store.readTenantLog(scopeOf("a"), { epoch, seq: Math.max(0, seq - 900) }, 900);
    expect(tail).toMatchObject({ outcome: "events", more: false });
    await store.close();
  });
});

describe("money and deliveries", () => {
  test("reservations and charges add up for the key and for the subject, through every kind of end", async () => {
    const bench = await openBench();
    const work = NO_WORK;
    const endings: (() => Promise<unknown>)[] = [
      async () => bench.apply(await bench.claimOne(), COMPLETE),
      async () =>
        bench.apply(await bench.claimOne(), { ...COMPLETE, costMicros: RESERVED * 3 } as StepTransition),
      async () => bench.apply(await bench.claimOne(), { kind: "fail", error: FAILURE, jobOver: true, work }),
      async () => bench.store.cancel(scopeOf("a"), (await bench.claimOne()).task.id),
      async () => bench.apply(await bench.claimOne(), { kind: "fail", error: FAILURE, jobOver: false, work }),
    ];
    for (const end of endings) {
      await bench.submit({ subject: "ann" });
      await end();
    }
    await bench.submit();
    const balances = () =>
      bench.rows(
        "SELECT subject, reserved_micros AS r, spent_micros AS s FROM tenants WHERE key_id = 'a' ORDER BY subject",
      );
    expect(balances()).toEqual([
      { subject: "", r: 3 * RESERVED, s: 400 + RESERVED },
      { subject: "ann", r: 2 * RESERVED, s: 400 + RESERVED },
    ]);
    for (const item of await bench.store.claimCleanups({ leaseMs: 1_000, max: 9 }))
      await bench.store.finishCleanup(item, {
        kind: "settled",
        cancellation: "immediate",
        billedMicros: 250,
      });
    expect(balances()).toEqual([
      { subject: "", r: RESERVED, s: 650 + RESERVED },
      { subject: "ann", r: 0, s: 650 + RESERVED },
    ]);
    const charges = bench.rows("SELECT charged_micros AS c FROM ledger ORDER BY no").map((row) => row.c);
    expect(charges).toEqual([400, RESERVED, 250]);
    await bench.dispose();
  });

  test("an item the sweep gives up is charged what its holder reported, and no more than the reservation", async () => {
    const bench = await openBench();
    const task = await bench.submit();
    const claim = await bench.claimOne();
    await bench.store.cancel(scopeOf("a"), task.id);
    await bench.store.reportLate({
      taskId: task.id,
      fence: claim.lease.fence,
      state: null,
      costMicros: RESERVED * 2,
    });
    bench.advance(3_600_000);
    await bench.store.sweep(10);
    expect(await bench.read(task)).toMatchObject({ settled: true, costMicros: RESERVED });
    await bench.dispose();
  });

  test("a task with a webhook leaves one due delivery in the step that ends it", async () => {
    const bench = await openBench();
    const task = await bench.submit({ webhook: { url: "https://example.org/hook" } });
    await bench.submit();
    expect(bench.rows("SELECT * FROM deliveries")).toEqual([]);
    await bench.drain((drained) => drained.id);
    expect(bench.rows("SELECT seq, due_at, tries FROM deliveries")).toEqual([
      { seq: 3, due_at: now, tries: 0 },
    ]);
    await bench.store.purge(scopeOf("a"), task.id);
    expect(bench.rows("SELECT * FROM deliveries")).toEqual([]);
    await bench.dispose();
  });

  test("a removed task leaves its charge and nothing else, and that goes in its own time", async () => {
    const bench = await openBench();
    await bench.submit({
      subject: "ann",
      request: { prompt: "long ".repeat(1_000), n: 1 },
      webhook: {},
    });
    await bench.apply(await bench.claimOne(), COMPLETE);
    bench.advance(1_000_000);
    const kept = { tasksMs: 1_000, eventsMs: 1_000, ledgerMs: 2_000_000 };
    await bench.store.retire(kept, 10);
    for (const table of ["tasks", "specs", "events", "deliveries", "cleanups"])
      expect(bench.rows(`SELECT * FROM ${table}`), table).toEqual([]);
    expect(bench.rows("SELECT subject FROM tenants WHERE key_id = 'a'")).toEqual([{ subject: "" }]);
    expect(bench.rows("SELECT charged_micros FROM ledger")).toEqual([{ charged_micros: 400 }]);
    bench.advance(1_000_000);
    await bench.store.retire(kept, 10);
    expect(bench.rows("SELECT charged_micros FROM ledger")).toEqual([]);
    await bench.dispose();
  });
});

test("no statement of the hot paths scans a table or sorts", async () => {
  const queries = new Set<string>();
  const database = openSqliteFile(path);
  const watched = (sql: Sql): Sql => {
    const noting =
      <T>(method: (query: string, ...parameters: SqlValue[]) => T) =>
      (query: string, ...parameters: SqlValue[]): T => {
        queries.add(query);
        return method(query, ...parameters);
      };
    return {
      all: noting((query, ...parameters) => sql.all(query, ...parameters)),
      get: noting((query, ...parameters) => sql.get(query, ...parameters)),
      run: noting((query, ...parameters) => sql.run(query, ...parameters)),
      change: noting((query, ...parameters) => sql.change(query, ...parameters)),
    };
  };
  const store = createSqliteStore({
    database: {
      transact: (body) => database.transact((sql) => body(watched(sql))),
      read: (body) => database.read((sql) => body(watched(sql))),
      close: () => database.close(),
    },
    now: () => now,
  });
  const bench = await Bench.open({
    name: "watched",
    open: async () => ({ store, now: () => now, advance: () => {}, dispose: () => store.close() }),
  });
  queries.clear();
  const scopes = [scopeOf("a"), { keyId: "a", subject: "ann" }];
  const idempotency = { key: "k", fingerprint: "f", ttlMs: 1_000 };
  const task = await bench.submit({ subject: "ann", idempotency, batchId: "batch" });
  await bench.submit();
  const claim = await bench.claimOne();
  await bench.apply(claim, { kind: "pend", state: 1, dueAt: now, percent: 1, message: null, work: NO_WORK });
  await bench.apply(await bench.claimOne(), COMPLETE);
  await bench.claimOne();
  await store.sweep(10);
  await store.retire({ tasksMs: 1, eventsMs: 1, ledgerMs: 1 }, 10);
  await store.nextDueAt("image");
  await store.claimCleanups({ leaseMs: 1, max: 1 });
  await store.nextCleanupAt();
  for (const scope of scopes) {
    const position = await store.followTenant(scope);
    await store.readTenantLog(scope, { ...position, seq: 0 }, 10);
    await store.list(scope, { limit: 10 });
    await store.list(scope, { limit: 10, batchId: "batch" });
    await store.readLog(scope, task.id, { epoch: task.epoch, seq: 0 }, 10);
  }
  const plans = [...queries].map((query) => {
    const steps = database
      .read((sql) => sql.all(`EXPLAIN QUERY PLAN ${query}`))
      .map((row) => String(row.detail));
    return { query, slow: steps.filter((step) => /^SCAN (?!CONSTANT|\()|TEMP B-TREE/.test(step)) };
  });
  expect(plans.length).toBeGreaterThan(30);
  expect(plans.filter((plan) => plan.slow.length > 0)).toEqual([]);
  await bench.dispose();
});
