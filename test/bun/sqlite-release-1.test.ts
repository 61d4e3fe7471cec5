/** Files that the first release left are converted, whatever interrupts it, and go on where they stood. */

import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openSqliteFile } from "../../src/runtime/bun/sqlite-file.ts";
import type { SqlDatabase } from "../../src/stores/sql.ts";
import { createSqliteStore, type SqliteStore } from "../../src/stores/sqlite/store.ts";
import { cleanupId, cleanupPayload, WORK_KINDS } from "../../src/tasks/due-work.ts";
import { COMPLETE, scopeOf } from "../contract/store-harness.ts";
import {
  claimsGoingOn,
  expectPlace,
  keysSinceRelease1,
  RELEASE_1_FOLDER,
  readRelease1,
  sinceRelease1,
} from "../fixture/release-1.ts";
import { taskDraft } from "../fixture/task-draft.ts";

const first = readRelease1();
const { answers } = first;

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "conduit-release-1-"));
  path = join(folder, "store.db");
});
afterEach(() => rmSync(folder, { recursive: true }));

function openCopy(file: string, database?: (opened: SqlDatabase) => SqlDatabase): SqliteStore {
  copyFileSync(join(RELEASE_1_FOLDER, file), path);
  return open(database);
}

function open(database: (opened: SqlDatabase) => SqlDatabase = (opened) => opened): SqliteStore {
  return createSqliteStore({ database: database(openSqliteFile(path)), now: () => first.now });
}

/** What stood in the answers as a moment, 0 for now, as the distance to it. */
const msUntil = (moment: number | null, least: number) =>
  moment === null || moment === 0 ? moment : Math.max(least, moment - first.now);

/** Everything that can be read of it, and what is handed out next. */
async function expectAsItWas(store: SqliteStore): Promise<void> {
  for (const [id, was] of Object.entries(answers.tasks)) {
    const scope = scopeOf(was.task.tenant.keyId);
    const view = await store.get(scope, id);
    expect(view?.task, was.task.id).toEqual(sinceRelease1(was.task, first));
    expectPlace(view?.queuePosition, was.queuePosition, was.task.id);
    const log = await store.readLog(scope, id, { epoch: was.task.epoch, seq: 0 }, 100);
    if (was.log === null) expect(log.outcome).toBe("reset");
    else expect(log).toMatchObject({ outcome: "events", events: was.log });
  }
  expect((await store.listKeys(100, null)).keys).toEqual(keysSinceRelease1(first));
  expect(await store.stats()).toEqual(answers.stats);
  for (const lane of ["image", "video"] as const)
    expect(await store.nextDueIn(lane)).toBe(msUntil(answers.nextDueAt[lane], 1));
  expect(await store.nextWorkIn("cleanup")).toBe(msUntil(answers.nextCleanupAt, 0));
  for (const [name, { position, log }] of Object.entries(answers.tenants)) {
    const slash = name.indexOf("/");
    const scope = slash < 0 ? scopeOf(name) : { keyId: name.slice(0, slash), subject: name.slice(slash + 1) };
    expect(await store.tenantPosition(scope)).toEqual(position);
    const read = await store.readTenantLog(scope, { ...position, seq: log.after }, 1_000);
    expect(read.outcome === "events" && read.entries.map(({ event }) => [event.taskId, event.seq])).toEqual(
      log.events,
    );
    const { tasks } = await store.list(scope, { limit: 100 });
    expect(tasks.map(({ task }) => task.id)).toEqual(answers.lists.newestFirst[name]?.slice(0, 100));
  }
  await expectMoney(store);
}

async function expectMoney(store: SqliteStore): Promise<void> {
  for (const [keyId, { reservedMicros, spentMicros }] of Object.entries(answers.stored.tenants)) {
    if (keyId.includes("/")) continue;
    const balance = { reservedMicros, chargedMicros: spentMicros };
    expect(await store.balance(keyId, null, "total"), keyId).toEqual(balance);
    const holds = await store.listHolds(keyId, 1_000);
    const open = Object.values(answers.tasks)
      .map(({ task }) => task)
      .filter((task) => task.tenant.keyId === keyId && !task.settled && task.reservedMicros > 0);
    expect(new Map(holds.map((hold) => [hold.sourceId, hold.amountMicros]))).toEqual(
      new Map(open.map((task) => [task.id, task.reservedMicros])),
    );
    const { movements } = await store.listMovements(keyId, { limit: 100, before: null });
    const charges = answers.stored.ledger.filter((charge) => charge.keyId === keyId).reverse();
    expect(movements).toMatchObject(
      charges.map(({ taskId, ...charge }) => ({
        ...charge,
        id: `task/${taskId}`,
        sourceId: taskId,
        provider: answers.tasks[taskId]?.task.provider ?? "",
      })),
    );
  }
}

describe.each(["store.sqlite", "store-object.sqlite"])("%s of the first release", (file) => {
  test("has every task, log, key, list and balance that it had", async () => {
    const store = openCopy(file);
    await expectAsItWas(store);
    await store.close();
    // Converted data is opened as it is.
    const again = open();
    await expectAsItWas(again);
    await again.close();
  });

  test("hands out the tasks in the order in which the first release would have", async () => {
    const store = openCopy(file);
    const claimed = [];
    const expected = claimsGoingOn(first, first.now);
    for (const lane of ["image", "video"] as const) {
      const all = { lane, leaseMs: 60_000, max: 100 };
      // The first release served a key's started tasks before its others; now they take turns.
      for (const options of [{ ...all, maxStarts: 0 }, all]) {
        for (const { task, lease, update } of await store.claim(options)) {
          const { attempt } = task;
          claimed.push({ taskId: task.id, lane, attempt, fence: lease.fence, started: update !== null });
        }
      }
    }
    expect(claimed).toEqual(
      (["image", "video"] as const).flatMap((lane) =>
        [false, true].flatMap((begins) =>
          expected
            .filter((claim) => claim.lane === lane && claim.started === begins)
            .map(({ taskId, attempt, fence, started }) => ({ taskId, lane, attempt, fence, started })),
        ),
      ),
    );
    await store.close();
  });

  test("leaves its cleanups and deliveries as due work", async () => {
    const store = openCopy(file);
    const options = { leaseMs: 60_000, max: 100, maxPerDestination: 100 };
    const cleanups = await store.claimWork({ kind: "cleanup", ...options });
    expect(new Set(cleanups.map(({ item }) => item.taskId))).toEqual(
      new Set(answers.goesOn.cleanups.map(({ taskId }) => taskId)),
    );
    for (const { item, task } of cleanups) {
      const was = answers.stored.cleanups.find(({ taskId }) => taskId === item.taskId)!;
      const { provider, providerModel, attempt } = answers.tasks[item.taskId]!.task;
      expect(item).toMatchObject({
        id: cleanupId(item.taskId, { fence: was.holderFence }),
        destination: provider,
        createdAt: was.createdAt,
        giveUpAt: was.giveUpAt,
        tries: was.tries,
      });
      expect(cleanupPayload(item)).toEqual({
        provider,
        model: providerModel,
        credential: null,
        attempt,
        fence: was.holderFence,
        state: was.state,
        reported: was.late,
        costMicros: was.costMicros,
      });
      expect(task?.openCleanups).toBe(1);
      const bill = { billedMicros: was.costMicros, cancellation: "immediate" } as const;
      expect(await store.finishWork(item, { kind: "done", bill })).toBe(true);
      const scope = scopeOf(task!.tenant.keyId);
      expect((await store.get(scope, item.taskId))?.task).toMatchObject({ settled: true, openCleanups: 0 });
    }
    const deliveries = await store.claimWork({ kind: "delivery", ...options });
    expect(deliveries.map(({ item }) => item)).toMatchObject(
      answers.stored.deliveries.map(({ taskId, seq }) => ({
        taskId,
        payload: { url: answers.stored.webhooks[taskId]?.url, seq },
        createdAt: first.now,
        giveUpAt: first.now + WORK_KINDS.delivery.giveUpMs,
      })),
    );
    await store.close();
  });

  test("goes on: leases are voided, tasks are claimed, finished and cancelled, keys refused and accepted", async () => {
    const store = openCopy(file);
    expect(await store.releaseLeases()).toBe(answers.stats.reduce((held, lane) => held + lane.held, 0));
    const [claim] = await store.claim({ lane: "image", leaseMs: 60_000, max: 1 });
    const { reservedMicros, tenant } = claim!.task;
    const before = await store.balance(tenant.keyId, null, "total");
    const done = await store.advance(claim!.lease, COMPLETE);
    expect(done).toMatchObject({ applied: true, update: { task: { status: "completed", settled: true } } });
    const charged = Math.min(400, reservedMicros);
    expect(await store.balance(tenant.keyId, null, "total")).toEqual({
      reservedMicros: before.reservedMicros - reservedMicros,
      chargedMicros: before.chargedMicros + charged,
    });
    const running = Object.values(answers.tasks).find(
      ({ task }) => task.status === "running" && task.state !== null,
    )!.task;
    expect(await store.cancel(scopeOf(running.tenant.keyId), running.id)).toMatchObject({
      outcome: "cancelled",
      update: { task: { settled: false, openCleanups: 1 } },
    });
    let made = 0;
    for (const [keyId, outcome] of Object.entries(answers.goesOn.refusals)) {
      const id = `01a1f900-0000-7000-8000-${String(made++).padStart(12, "0")}`;
      const draft = taskDraft({ id, tenant: { keyId, subject: "" } });
      const created = await store.create(draft, { maxQueuedPerKey: 1_000 });
      expect("reason" in created ? created.reason : created.outcome, keyId).toBe(outcome);
    }
    await store.close();
  });

  test("is converted as well when every one of its steps is interrupted once", async () => {
    copyFileSync(join(RELEASE_1_FOLDER, file), path);
    let attempts = 0;
    let interrupted = true;
    while (interrupted) {
      attempts += 1;
      let steps = 0;
      interrupted = false;
      // Each attempt commits one step more than it found, and dies within the next one, after it has written.
      const dying = (opened: SqlDatabase): SqlDatabase => ({
        read: (body) => opened.read(body),
        close: () => opened.close(),
        endWith: (end) => opened.endWith(end),
        transact: (body) =>
          opened.transact((sql) => {
            const value = body(sql);
            steps += 1;
            if (attempts > 1 ? steps <= 2 : steps <= 1) return value;
            interrupted = true;
            throw new Error("killed");
          }),
      });
      const store = open(dying);
      const opened = await store.ping().then(
        () => true,
        () => false,
      );
      expect(opened).toBe(!interrupted);
      await store.close();
      const database = openSqliteFile(path);
      // From the first step on the first release refuses it.
      expect(database.read((sql) => sql.get("SELECT max(version) AS v FROM schema_migrations"))).toEqual({
        v: 3,
      });
      database.close();
      expect(attempts).toBeLessThan(50);
    }
    expect(attempts).toBeGreaterThan(5);
    const store = open();
    await expectAsItWas(store);
    await store.close();
  });

  test("an opening that fails before its first step is done leaves the file to the first release", async () => {
    const store = openCopy(file, (opened) => ({
      read: (body) => opened.read(body),
      close: () => opened.close(),
      endWith: (end) => opened.endWith(end),
      transact: (body) =>
        opened.transact((sql) => {
          body(sql);
          throw new Error("killed");
        }),
    }));
    await expect(store.ping()).rejects.toThrow("killed");
    await store.close();
    const database = openSqliteFile(path);
    expect(database.read((sql) => sql.get("SELECT max(version) AS v FROM schema_migrations"))).toEqual({
      v: 2,
    });
    database.close();
  });
});
