/** What only the SQLite store promises: its schema, its money, its plans, and that a killed process loses nothing. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { EXPIRED_KEPT_MS } from "../../src/accounts/ephemeral/ephemeral-key-store.ts";
import { openSqliteFile } from "../../src/runtime/bun/sqlite-file.ts";
import { DATA_RELEASE } from "../../src/stores/release.ts";
import type { Sql, SqlDatabase, SqlRow, SqlValue } from "../../src/stores/sql.ts";
import {
  createSqliteStore,
  type SqliteStore,
  type SqliteStoreOptions,
} from "../../src/stores/sqlite/store.ts";
import { type FieldTable, TASK_FIELDS } from "../../src/stores/task-fields.ts";
import type { Task } from "../../src/tasks/task.ts";
import { NOTHING_SPENT, type StepTransition } from "../../src/tasks/transition.ts";
import { Bench, COMPLETE, FAILURE, LEASE_MS, RESERVED, scopeOf } from "../contract/store-harness.ts";
import { EPHEMERAL_TTL_MS, ephemeralKeyDraft } from "../fixture/ephemeral-key.ts";
import { startStoreProcess } from "../fixture/start-store-process.ts";
import { virtualKey } from "../fixture/virtual-key.ts";
import { webhookEndpoint } from "../fixture/webhook-endpoint.ts";

let folder: string;
let path: string;
let now: number;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "conduit-store-"));
  path = join(folder, "store.db");
  now = Date.UTC(2026, 10, 22);
});
afterEach(() => rmSync(folder, { recursive: true }));

type OpenBench = Bench & {
  sqlite: SqliteStore;
  rows: (query: string) => SqlRow[];
  change: (query: string) => Promise<void>;
};

/** A bench over the file as it is, whose store and database are in reach. */
function benchOver(options: Partial<SqliteStoreOptions> = {}): OpenBench {
  const database: SqlDatabase = openSqliteFile(path);
  const sqlite = createSqliteStore({ database, now: () => now, ...options });
  const bench = new Bench({
    store: sqlite,
    now: () => now,
    advance: (ms: number) => {
      now += ms;
    },
    dispose: () => sqlite.close(),
  });
  return Object.assign(bench, {
    sqlite,
    rows: (query: string) => database.read((sql) => sql.all(query)),
    change: (query: string) => database.transact((sql) => sql.run(query)),
  });
}

/** The same with the keys of the benches. */
async function openBench(): Promise<OpenBench> {
  const bench = benchOver();
  for (const id of ["a", "b", "c"]) await bench.store.createKey(virtualKey({ id }));
  return bench;
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

  test("data that only newer releases may read is refused by every method, and left alone", async () => {
    const bench = await openBench();
    await bench.dispose();
    const database = openSqliteFile(path);
    const needed = DATA_RELEASE.writes + 1;
    await database.transact((sql) => sql.run("UPDATE release SET writes = ?1, min_reader = ?1", needed));
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

  test("the first release refuses this data: it counts its versions in schema_migrations and knows two", async () => {
    const bench = await openBench();
    expect(bench.rows("SELECT max(version) AS version FROM schema_migrations")).toEqual([{ version: 3 }]);
    await bench.dispose();
  });

  test("a release and the next, which has one field more, open each other's data in turn", async () => {
    const next = {
      fields: {
        ...TASK_FIELDS,
        note: { kind: "text", place: "own", changes: true, missing: "it's new" },
      } satisfies FieldTable,
      release: { writes: DATA_RELEASE.writes + 1, minReader: DATA_RELEASE.minReader },
    };
    const noted = (task: Task) => ({ ...task, note: "it's new" });
    const before = await openBench();
    const first = await before.submit();
    await before.dispose();
    const newer = benchOver(next);
    expect(await newer.read(first)).toEqual(noted(first));
    const claim = await newer.claimOne();
    expect(claim.task).toMatchObject({ id: first.id, note: "it's new" });
    await newer.dispose();
    const database = openSqliteFile(path);
    await database.transact((sql) => sql.run("UPDATE tasks SET note = 'kept' WHERE id = ?", first.id));
    database.close();

    const older = benchOver();
    await older.apply(claim, COMPLETE);
    expect(await older.read(first)).not.toHaveProperty("note");
    older.advance(1);
    const second = await older.submit({ keyId: "b", customer: "later" });
    expect(older.rows("SELECT writes, min_reader FROM release")).toEqual([
      { writes: next.release.writes, min_reader: next.release.minReader },
    ]);
    await older.dispose();

    const again = benchOver(next);
    expect(await again.read(first)).toMatchObject({ note: "kept", status: "completed" });
    expect(await again.read(second)).toEqual(noted(second));
    await again.dispose();
  });

  test("fields of later releases stay in keys and endpoints that this one changes", async () => {
    const bench = await openBench();
    const endpoint = webhookEndpoint({ id: "we_1", keyId: "a" });
    await bench.store.createEndpoint(endpoint, 1);
    const database = openSqliteFile(path);
    await database.transact((sql) => {
      for (const table of ["keys", "endpoints"])
        sql.run(`UPDATE ${table} SET details = json_set(details, '$.later', json('[1]'))`);
    });
    database.close();
    await bench.store.updateKey("a", { name: "renamed" }, now);
    expect(await bench.store.updateEndpoint("a", "we_1", { enabled: false }, now + 1)).toEqual({
      ...endpoint,
      enabled: false,
      updatedAt: now + 1,
    });
    for (const table of ["keys", "endpoints"])
      expect(bench.rows(`SELECT details ->> 'later' AS later FROM ${table} ORDER BY no LIMIT 1`)).toEqual([
        { later: "[1]" },
      ]);
    await bench.dispose();
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
    await last.cleanups();
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
    const work = { kind: "cleanup", leaseMs: 60_000, max: 5, maxPerDestination: 5 } as const;
    expect(await store.claimWork(work)).toMatchObject([{ item: { taskId: gone.id, tries: 1 } }]);
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
  test("reservations and charges add up through every kind of end", async () => {
    const bench = await openBench();
    const spent = NOTHING_SPENT;
    const endings: (() => Promise<unknown>)[] = [
      async () => bench.apply(await bench.claimOne(), COMPLETE),
      async () =>
        bench.apply(await bench.claimOne(), { ...COMPLETE, costMicros: RESERVED * 3 } as StepTransition),
      async () => bench.apply(await bench.claimOne(), { kind: "fail", error: FAILURE, jobOver: true, spent }),
      async () => bench.store.cancel(scopeOf("a"), (await bench.claimOne()).task.id),
      async () =>
        bench.apply(await bench.claimOne(), { kind: "fail", error: FAILURE, jobOver: false, spent }),
    ];
    for (const end of endings) {
      await bench.submit({ subject: "ann" });
      await end();
    }
    await bench.submit();
    const balance = () => bench.store.balance("a", null, "total");
    expect(await balance()).toEqual({ reservedMicros: 2 * RESERVED, chargedMicros: 400 + RESERVED });
    for (const work of await bench.cleanups()) await bench.bill(work, 250);
    expect(await balance()).toEqual({ reservedMicros: RESERVED, chargedMicros: 650 + RESERVED });
    const { movements } = await bench.store.listMovements("a", { limit: 10, before: null });
    expect(movements.map((movement) => movement.chargedMicros)).toEqual([250, RESERVED, 400]);
    await bench.dispose();
  });

  test("limits that change between two steps of one commit hold for the second", async () => {
    const bench = await openBench();
    const { store } = bench;
    const budget = (limitMicros: number) => ({ limitMicros, period: "total" as const });
    const create = () => bench.create({ customer: "ann" });
    const outcomes = await Promise.all([
      create(),
      store.setCustomerBudget("a", "ann", budget(RESERVED)),
      create(),
      store.setCustomerBudget("a", "ann", null),
      create(),
      store.updateKey("a", { budgets: [budget(RESERVED * 2)] }, now),
      create(),
      store.updateKey("a", { budgets: [], requestsPerDay: 1 }, now),
      create(),
      create(),
      store.deleteKey("a"),
      store.createKey(virtualKey({ id: "a" })),
      create(),
    ]);
    const told = outcomes.map((outcome) => (typeof outcome === "string" ? outcome : outcome.outcome));
    const created = "created";
    expect(told).toEqual([
      ...[created, "set", "budget_exceeded"],
      ...["set", created],
      ...["done", "budget_exceeded"],
      ...["done", created, "rate_limited"],
      ...["deleted", "done", created],
    ]);
    await bench.dispose();
  });

  test("a task with a webhook leaves one due delivery in the step that ends it, which goes with the task", async () => {
    const bench = await openBench();
    const webhook = { url: "https://example.org/hook", headers: {}, events: [] };
    const task = await bench.submit({ webhook });
    await bench.submit();
    const work = () => bench.rows("SELECT kind, id, destination, due_at, tries FROM work");
    expect(work()).toEqual([]);
    await bench.drain((drained) => drained.id);
    expect(work()).toEqual([
      { kind: "delivery", id: `${task.id}-3`, destination: "https://example.org", due_at: now, tries: 0 },
    ]);
    await bench.store.purge(scopeOf("a"), task.id);
    expect(work()).toEqual([]);
    expect(bench.rows("SELECT * FROM work_queues")).toEqual([]);
    await bench.dispose();
  });

  test("a removed task leaves its movement and nothing else, and that goes in its own time", async () => {
    const bench = await openBench();
    await bench.submit({
      subject: "ann",
      request: { prompt: "long ".repeat(1_000), n: 1 },
      webhook: { url: "https://example.org", headers: {}, events: [] },
    });
    await bench.apply(await bench.claimOne(), COMPLETE);
    bench.advance(1_000_000);
    const kept = { tasksMs: 1_000, eventsMs: 1_000, ledgerMs: 2_000_000 };
    await bench.store.retire(kept, 10);
    for (const table of ["tasks", "specs", "events", "work", "work_queues"])
      expect(bench.rows(`SELECT * FROM ${table}`), table).toEqual([]);
    expect(bench.rows("SELECT subject FROM tenants WHERE key_id = 'a'")).toEqual([{ subject: "" }]);
    expect(bench.rows("SELECT charged_micros FROM movements")).toEqual([{ charged_micros: 400 }]);
    bench.advance(1_000_000);
    await bench.store.retire(kept, 10);
    expect(bench.rows("SELECT charged_micros FROM movements")).toEqual([]);
    await bench.dispose();
  });
});

describe("a damaged task", () => {
  const DAMAGES = [
    "spec = '{\"model'",
    "state = 'garbage'",
    "attempts = '[{'",
    'spec = \'{"route":"x"}\'',
    "windows = '{'",
    "windows = '7'",
  ];

  test.each(DAMAGES)(
    "(%s) is passed over wherever it stands, and the tasks beside it go on",
    async (damage) => {
      const bench = await openBench();
      await bench.submit({ keyId: "b" });
      const held = await bench.claimOne();
      const waiting = await bench.submit();
      const next = await bench.submit({ keyId: "b" });
      await bench.change(`UPDATE tasks SET ${damage} WHERE id = '${waiting.id}'`);
      await bench.change(`UPDATE tasks SET ${damage} WHERE id = '${held.task.id}'`);
      const claims = await bench.claim(10);
      expect(claims.map(({ task }) => task.id)).not.toContain(waiting.id);
      expect(claims.map(({ task }) => task.id)).toContain(next.id);
      bench.advance(LEASE_MS);
      const swept = await bench.store.sweep(10);
      expect(swept).toMatchObject({ requeued: claims.length, more: false });
      expect(await bench.store.sweep(10)).toEqual({ updates: [], requeued: 0, more: false });
      const { tasks } = await bench.store.list(scopeOf("b"), { limit: 10 });
      expect(tasks.map(({ task }) => task.id)).toContain(next.id);
      expect(await bench.store.countUnreadable()).toBe(2);
      // Nothing that was counted of it is left in the lane.
      const ready = claims.length;
      expect(await bench.store.stats()).toMatchObject([{ ready, delayed: 0, held: 0 }, { ready: 0 }]);
      await bench.dispose();
    },
  );

  const HOUR_MS = 3_600_000;
  const KEPT = { tasksMs: HOUR_MS, eventsMs: HOUR_MS, ledgerMs: 1_000 * HOUR_MS };

  /** A task that ended, and whose row was damaged then. */
  async function damagedEnd(bench: OpenBench, damage = DAMAGES[1]) {
    const task = await bench.submit();
    await bench.apply(await bench.claimOne(), COMPLETE);
    await bench.change(`UPDATE tasks SET ${damage} WHERE id = '${task.id}'`);
    return task;
  }

  const LOOKS: Record<string, (store: SqliteStore, id: string) => Promise<unknown>> = {
    read: (store, id) => store.get(scopeOf("a"), id),
    listed: (store) => store.list(scopeOf("a"), { limit: 10 }),
    followed: (store, id) => store.follow(scopeOf("a"), id),
    cancelled: (store, id) => store.cancel(scopeOf("a"), id),
    "read from its log": (store, id) => store.readLog(scopeOf("a"), id, { epoch: "", seq: 0 }, 10),
  };

  test.each(Object.keys(LOOKS))("that had ended is counted once it is %s", async (look) => {
    const bench = await openBench();
    const task = await damagedEnd(bench);
    const beside = await bench.submit();
    expect(await bench.store.countUnreadable()).toBe(0);
    for (let time = 0; time < 2; time++) await LOOKS[look]!(bench.sqlite, task.id);
    expect(await bench.store.countUnreadable()).toBe(1);
    expect((await bench.claim(10)).map(({ task: { id } }) => id)).toEqual([beside.id]);
    await bench.dispose();
  });

  test("that had ended goes when its time is over, with its files", async () => {
    const bench = await openBench();
    const task = await damagedEnd(bench, "result = '{'");
    bench.advance(HOUR_MS);
    expect(await bench.store.retire(KEPT, 10)).toMatchObject({ removedTaskIds: [task.id] });
    expect(bench.rows("SELECT id FROM tasks")).toEqual([]);
    expect(bench.rows("SELECT * FROM events")).toEqual([]);
    expect(await bench.store.countUnreadable()).toBe(0);
    await bench.dispose();
  });

  test("keeps its files as long as it is kept", async () => {
    const bench = await openBench();
    const { id } = await damagedEnd(bench);
    const files = [id, "unknown"].map((taskId) => ({ path: `2026/11/22/${taskId}/a.png`, taskId }));
    expect(await bench.store.unreferencedMedia(files)).toEqual([files[1]!.path]);
    await bench.dispose();
  });

  test.each(["state = 'garbage'", "state = '{', windows = '{'", "state = '{', windows = '7'"])(
    "(%s) that had not ended goes as long after it was found, and its money is given back",
    async (damage) => {
      const bench = await openBench();
      const task = await bench.submit({ customer: "c", webhook: null });
      const beside = await bench.submit({ customer: "c" });
      await bench.claim(2);
      await bench.change(`UPDATE tasks SET ${damage} WHERE id = '${task.id}'`);
      bench.advance(2 * HOUR_MS);
      await bench.store.sweep(10);
      const reserved = async (customer: string | null) =>
        (await bench.store.balance("a", customer, "total")).reservedMicros;
      expect(await reserved(null)).toBe(2 * RESERVED);
      bench.advance(HOUR_MS - 1);
      expect(await bench.store.retire(KEPT, 10)).toMatchObject({ removedTaskIds: [] });
      bench.advance(1);
      expect(await bench.store.retire(KEPT, 10)).toMatchObject({ removedTaskIds: [task.id] });
      expect([await reserved(null), await reserved("c")]).toEqual([RESERVED, RESERVED]);
      expect(bench.rows("SELECT id FROM tasks")).toEqual([{ id: beside.id }]);
      expect(await bench.store.countUnreadable()).toBe(0);
      await bench.dispose();
    },
  );

  test("whose price alone cannot be read is left out of the holds, and no other one", async () => {
    const bench = await openBench();
    const [task, beside] = [await bench.submit({ price: { image: 1 } }), await bench.submit()];
    await bench.change(`UPDATE tasks SET price = '{' WHERE id = '${task.id}'`);
    expect((await bench.store.listHolds("a", 10)).map(({ sourceId }) => sourceId)).toEqual([beside.id]);
    await bench.dispose();
  });

  test("ends no list before its end", async () => {
    const bench = await openBench();
    const tasks = [];
    for (let index = 0; index < 4; index++) tasks.push(await bench.submit());
    await bench.change(`UPDATE tasks SET state = '{' WHERE id = '${tasks[2]!.id}'`);
    const first = await bench.store.list(scopeOf("a"), { limit: 2 });
    expect([first.tasks.map(({ task }) => task.id), first.hasMore]).toEqual([
      [tasks[3]!.id, tasks[1]!.id],
      true,
    ]);
    const rest = await bench.store.list(scopeOf("a"), { limit: 2, after: tasks[1]!.id });
    expect(rest.tasks.map(({ task }) => task.id)).toEqual([tasks[0]!.id]);
    await bench.dispose();
  });

  test("that was mended by hand stays", async () => {
    const bench = await openBench();
    const task = await damagedEnd(bench);
    await bench.store.get(scopeOf("a"), task.id);
    await bench.change("UPDATE tasks SET state = NULL, finished_at = finished_at + 3600000");
    bench.advance(HOUR_MS);
    expect(await bench.store.retire(KEPT, 10)).toMatchObject({ removedTaskIds: [] });
    expect(await bench.store.countUnreadable()).toBe(0);
    expect((await bench.read(task)).status).toBe("completed");
    await bench.dispose();
  });

  test("many of them go in steps", async () => {
    const bench = await openBench();
    for (let index = 0; index < 5; index++) await bench.submit();
    await bench.change("UPDATE tasks SET state = '{'");
    await bench.store.list(scopeOf("a"), { limit: 10 });
    expect(await bench.store.countUnreadable()).toBe(5);
    bench.advance(HOUR_MS);
    const steps: [number, boolean][] = [];
    for (let more = true; more; ) {
      const outcome = await bench.store.retire(KEPT, 2);
      more = outcome.more;
      steps.push([outcome.removedTaskIds.length, more]);
    }
    expect(steps).toEqual([
      [2, true],
      [2, true],
      [1, false],
    ]);
    expect(await bench.store.balance("a", null, "total")).toMatchObject({ reservedMicros: 0 });
    await bench.dispose();
  });
});

test("ephemeral keys are removed an hour after their end, in bounded steps", async () => {
  const kept = { tasksMs: 1e12, eventsMs: 1e12, ledgerMs: 1e12 };
  const bench = await openBench();
  for (const hash of ["h1", "h2", "h3"]) await bench.store.createEphemeralKey(ephemeralKeyDraft(hash), 9);
  await bench.store.createEphemeralKey(ephemeralKeyDraft("later", { ttlMs: 2 * EPHEMERAL_TTL_MS }), null);
  bench.advance(EPHEMERAL_TTL_MS + EXPIRED_KEPT_MS);
  expect((await bench.store.retire(kept, 2)).more).toBe(true);
  expect((await bench.store.retire(kept, 2)).more).toBe(false);
  const left = await Promise.all(
    ["h1", "h2", "h3", "later"].map((hash) => bench.store.findEphemeralKey(hash)),
  );
  expect(left.map((key) => key?.hash)).toEqual([undefined, undefined, undefined, "later"]);
  await bench.dispose();
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
      endWith: (end) => database.endWith(end),
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
  await bench.apply(claim, {
    kind: "pend",
    state: 1,
    delayMs: 0,
    percent: 1,
    message: null,
    spent: NOTHING_SPENT,
  });
  await bench.apply(await bench.claimOne(), COMPLETE);
  await bench.claimOne();
  await store.sweep(10);
  for (let receipt: string | null = null, step = 0; step < 2; step++)
    ({ receipt } = await store.dueMedia({ mediaMs: 0, strayMs: 0 }, 10, receipt));
  await store.retire({ tasksMs: 1, eventsMs: 1, ledgerMs: 1 }, 10);
  await store.nextDueIn("image");
  await store.nextDueIn("image", ["local"]);
  await store.cancel(scopeOf("a"), (await bench.submit()).id);
  for (const destinations of [undefined, ["local"]]) {
    const only = destinations === undefined ? {} : { destinations };
    await bench.submit({ webhook: { url: "https://example.org", headers: {}, events: [] }, customer: "c" });
    await store.cancel(scopeOf("a"), (await bench.claimOne()).task.id);
    for (const kind of ["cleanup", "delivery"] as const) {
      await store.nextWorkIn(kind, destinations);
      for (const { item } of await store.claimWork({
        kind,
        leaseMs: 1,
        max: 4,
        maxPerDestination: 2,
        ...only,
      }))
        await store.finishWork(
          item,
          kind === "delivery" ? { kind: "again", delayMs: 9, pauseMs: 9 } : { kind: "done" },
        );
    }
  }
  await store.listHolds("a", 10);
  await store.listMovements("a", { limit: 10, before: null });
  await store.listEndpoints("a");
  const session = {
    id: "s",
    keyId: "a",
    subject: "",
    customer: null,
    provider: "p",
    model: "m",
    reservedMicros: 1,
    price: null,
  };
  await store.openSession(session, { max: 9, maxPerKey: 9 }, 1);
  await store.renewSession("s", 1, 1, {});
  await store.keepCall("s", 1, "rtc_u1");
  await store.raiseHold("s", 1, 5);
  await store.listOpenSessions(9);
  await store.endLostSessions(9);
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
    return {
      query,
      slow: steps.filter((step) => /^SCAN (?!CONSTANT|\(|\d+-ROW VALUES)|TEMP B-TREE/.test(step)),
    };
  });
  expect(plans.length).toBeGreaterThan(30);
  expect(plans.filter((plan) => plan.slow.length > 0)).toEqual([]);
  await bench.dispose();
});
