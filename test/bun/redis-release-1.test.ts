/** Data that the first release left in Redis is converted, whatever interrupts it, and goes on where it stood. */

import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { RedisRequester } from "../../src/runtime/bun/redis-requester.ts";
import { RequesterRedis } from "../../src/stores/redis/server/client.ts";
import type { ScriptClient } from "../../src/stores/redis/server/script-runner.ts";
import { createRedisStore } from "../../src/stores/redis/store.ts";
import { DATA_RELEASE } from "../../src/stores/release.ts";
import type { Store } from "../../src/stores/store.ts";
import { cleanupId, cleanupPayload, WORK_KINDS } from "../../src/tasks/due-work.ts";
import { COMPLETE, scopeOf } from "../contract/store-harness.ts";
import { describeWithRedis } from "../fixture/describe-with-redis.ts";
import { auditRedisStore } from "../fixture/redis-audit.ts";
import { RedisServer } from "../fixture/redis-server.ts";
import {
  claimsGoingOn,
  expectPlace,
  type FirstTask,
  keysSinceRelease1,
  RELEASE_1_FOLDER,
  readRelease1,
  sinceRelease1,
} from "../fixture/release-1.ts";
import { taskDraft } from "../fixture/task-draft.ts";

const PREFIX = "conduit:";
const first = readRelease1();
const { answers } = first;
/** Redis has other epochs of trimmed logs than SQLite. */
const epochs = (
  first as unknown as { differences: { "store.rdb": { tasks: Record<string, { task: object }> } } }
).differences["store.rdb"].tasks;
const tasks = Object.entries(answers.tasks).map(([id, was]) => ({
  ...was,
  task: { ...was.task, ...epochs[id]?.task } as FirstTask,
}));

describeWithRedis("the first release's data in Redis", () => {
  let server: RedisServer;
  let requester: RedisRequester;
  beforeEach(async () => {
    server = await RedisServer.start({ snapshot: join(RELEASE_1_FOLDER, "store.rdb") });
    requester = new RedisRequester(server.connection);
  });
  afterEach(async () => {
    requester.close();
    await server.stop();
  });

  const client = (): ScriptClient => new RequesterRedis(requester);
  const open = (redis: ScriptClient = client()): Store =>
    createRedisStore({ redis, node: "node", now: () => first.now, repeatAfterMs: [] });
  const command = async <T>(...body: (string | number)[]) =>
    (await requester.request<T>({ body })).result as T;

  /** What stood in the answers as a moment, 0 for now, as the distance to it. */
  const msUntil = (moment: number | null, least: number) =>
    moment === null || moment === 0 ? moment : Math.max(least, moment - first.now);

  /** Everything that can be read of it, and what is handed out next. */
  async function expectAsItWas(store: Store): Promise<void> {
    for (const { task, queuePosition, log } of tasks) {
      const scope = scopeOf(task.tenant.keyId);
      const view = await store.get(scope, task.id);
      expect(view?.task, task.id).toEqual(sinceRelease1(task, first));
      expectPlace(view?.queuePosition, queuePosition, task.id);
      const read = await store.readLog(scope, task.id, { epoch: task.epoch, seq: 0 }, 100);
      if (log === null) expect(read.outcome).toBe("reset");
      else expect(read).toMatchObject({ outcome: "events", events: log });
    }
    expect((await store.listKeys(100, null)).keys).toEqual(keysSinceRelease1(first));
    expect(await store.stats()).toEqual(answers.stats);
    for (const lane of ["image", "video"] as const)
      expect(await store.nextDueIn(lane)).toBe(msUntil(answers.nextDueAt[lane], 1));
    expect(await store.nextWorkIn("cleanup")).toBe(msUntil(answers.nextCleanupAt, 0));
    for (const [name, { position, log }] of Object.entries(answers.tenants)) {
      const slash = name.indexOf("/");
      const scope =
        slash < 0 ? scopeOf(name) : { keyId: name.slice(0, slash), subject: name.slice(slash + 1) };
      expect(await store.tenantPosition(scope)).toEqual(position);
      const read = await store.readTenantLog(scope, { ...position, seq: log.after }, 1_000);
      expect(read.outcome === "events" && read.entries.map(({ event }) => [event.taskId, event.seq])).toEqual(
        log.events,
      );
      const listed = await store.list(scope, { limit: 100 });
      expect(listed.tasks.map(({ task }) => task.id)).toEqual(answers.lists.newestFirst[name]?.slice(0, 100));
    }
    await expectMoney(store);
    expect(await auditRedisStore(requester, PREFIX)).toEqual([]);
  }

  async function expectMoney(store: Store): Promise<void> {
    for (const [keyId, { reservedMicros, spentMicros }] of Object.entries(answers.stored.tenants)) {
      if (keyId.includes("/")) continue;
      const balance = { reservedMicros, chargedMicros: spentMicros };
      expect(await store.balance(keyId, null, "total"), keyId).toEqual(balance);
      const holds = await store.listHolds(keyId, 1_000);
      const holding = tasks.filter(
        ({ task }) => task.tenant.keyId === keyId && !task.settled && task.reservedMicros > 0,
      );
      expect(new Map(holds.map((hold) => [hold.sourceId, [hold.amountMicros, hold.createdAt]]))).toEqual(
        new Map(holding.map(({ task }) => [task.id, [task.reservedMicros, task.createdAt]])),
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

  test("has every task, log, key, list and balance that it had, and nothing is left under the old names", async () => {
    const store = open();
    await expectAsItWas(store);
    await expectAsItWas(open());
    const names = await command<string[]>("KEYS", "*");
    const old = names.filter((name) => !name.startsWith(`${PREFIX}0:`));
    expect(old.sort()).toEqual([`${PREFIX}reader`, `${PREFIX}schema`]);
    expect(await command("MGET", `${PREFIX}schema`, `${PREFIX}reader`)).toEqual([
      String(DATA_RELEASE.writes),
      String(DATA_RELEASE.minReader),
    ]);
    for (const id of answers.stored.followedTasks)
      expect(await command("HGET", `${PREFIX}0:task:${id}`, "by"), id).toMatch(/node-/);
  });

  test("hands out the tasks in the order in which the first release would have", async () => {
    const store = open();
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
    expect(await auditRedisStore(requester, PREFIX)).toEqual([]);
  });

  test("leaves its cleanups and deliveries as due work", async () => {
    const store = open();
    const options = { leaseMs: 60_000, max: 100, maxPerDestination: 100 };
    const cleanups = await store.claimWork({ kind: "cleanup", ...options });
    expect(new Set(cleanups.map(({ item }) => item.taskId))).toEqual(
      new Set(answers.goesOn.cleanups.map(({ taskId }) => taskId)),
    );
    for (const { item, task } of cleanups) {
      const was = answers.stored.cleanups.find(({ taskId }) => taskId === item.taskId)!;
      const { provider, providerModel, attempt } = answers.tasks[item.taskId]!.task;
      const { createdAt, giveUpAt, tries } = was;
      const id = cleanupId(item.taskId, { fence: was.holderFence });
      expect(item).toMatchObject({ id, destination: provider, createdAt, giveUpAt, tries });
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
    const expected = answers.stored.deliveries.map(({ taskId, seq }) => ({
      taskId,
      payload: { url: answers.stored.webhooks[taskId]?.url, seq },
      createdAt: first.now,
      giveUpAt: first.now + WORK_KINDS.delivery.giveUpMs,
    }));
    expect(deliveries).toHaveLength(expected.length);
    for (const delivery of expected)
      expect(deliveries.find(({ item }) => item.taskId === delivery.taskId)?.item).toMatchObject(delivery);
    expect(await auditRedisStore(requester, PREFIX)).toEqual([]);
  });

  test("goes on: tasks are claimed, finished and cancelled, keys refused and accepted, repeats recognised", async () => {
    const store = open();
    const [claim] = await store.claim({ lane: "image", leaseMs: 60_000, max: 1 });
    const { reservedMicros, tenant } = claim!.task;
    const before = await store.balance(tenant.keyId, null, "total");
    const done = await store.advance(claim!.lease, COMPLETE);
    expect(done).toMatchObject({ applied: true, update: { task: { status: "completed", settled: true } } });
    expect(await store.balance(tenant.keyId, null, "total")).toEqual({
      reservedMicros: before.reservedMicros - reservedMicros,
      chargedMicros: before.chargedMicros + Math.min(400, reservedMicros),
    });
    const running = tasks.find(({ task }) => task.status === "running" && task.state !== null)!.task;
    expect(await store.cancel(scopeOf(running.tenant.keyId), running.id)).toMatchObject({
      outcome: "cancelled",
      update: { task: { settled: false, openCleanups: 1 } },
    });
    let made = 0;
    const nextId = () => `01a1f900-0000-7000-8000-${String(made++).padStart(12, "0")}`;
    for (const [keyId, outcome] of Object.entries(answers.goesOn.refusals)) {
      const draft = taskDraft({ id: nextId(), tenant: { keyId, subject: "" } });
      const created = await store.create(draft, { maxQueuedPerKey: 1_000 });
      expect("reason" in created ? created.reason : created.outcome, keyId).toBe(outcome);
    }
    const repeats = (answers.goesOn as unknown as { idempotency: Repeat[] }).idempotency;
    for (const { name, tenant: asking, idempotency, otherBody, sameBody } of repeats) {
      if (name === "runOut") continue;
      const again = (fingerprint: string) =>
        store.create(
          taskDraft({ id: nextId(), tenant: asking, idempotency: { ...idempotency, fingerprint } }),
          { maxQueuedPerKey: 1_000 },
        );
      const other = await again("another");
      expect(other.outcome, name).toBe(otherBody.outcome);
      if (sameBody === null) continue;
      const same = await again(idempotency.fingerprint);
      expect(same.outcome, name).toBe(sameBody.outcome);
      if (same.outcome === "replayed") expect(same.task.task.id).toBe(sameBody.taskId);
    }
    expect(await auditRedisStore(requester, PREFIX)).toEqual([]);
  });

  test("is converted as well when it is interrupted after every one of its steps", async () => {
    let attempts = 0;
    for (let interrupted = true; interrupted; ) {
      attempts += 1;
      let steps = 0;
      interrupted = false;
      const plain = client();
      // Each attempt makes one step more than the one before, and dies before it hears of the last.
      const dying = (send: ScriptClient["eval"]): ScriptClient["eval"] => {
        return async (...call) => {
          const reply = await send(...call);
          steps += 1;
          if (steps < attempts) return reply;
          interrupted = true;
          throw new Error("ERR Error running script: the process was killed");
        };
      };
      const store = open({
        evalsha: dying((...call) => plain.evalsha(...call)),
        eval: dying((...call) => plain.eval(...call)),
      });
      const opened = await store.ping().then(
        () => true,
        () => false,
      );
      // From the first step on the first release refuses it.
      expect(Number(await command("GET", `${PREFIX}schema`))).toBeGreaterThan(1);
      if (opened) break;
      expect(attempts).toBeLessThan(100);
    }
    expect(attempts).toBeGreaterThan(8);
    await expectAsItWas(open());
  });

  test("is converted once by several processes that find it at the same time", async () => {
    const stores = Array.from({ length: 4 }, () => open());
    await Promise.all(stores.map((store) => store.ping()));
    await expectAsItWas(stores[0]!);
  });

  test("loses no more than a task that cannot be read: it is set aside, and the rest goes on", async () => {
    const broken = tasks[0]!.task.id;
    await command("HSET", `${PREFIX}task:${broken}`, "now", "spoilt");
    const store = open();
    const views = await Promise.all(tasks.map(({ task }) => store.get(scopeOf(task.tenant.keyId), task.id)));
    expect(views.filter((view) => view === null)).toHaveLength(1);
    expect(await command("EXISTS", `${PREFIX}0:set-aside:task:${broken}`)).toBe(1);
  });
});

type Repeat = {
  name: string;
  tenant: { keyId: string; subject: string };
  idempotency: { key: string; fingerprint: string; ttlMs: number };
  otherBody: { outcome: string };
  sameBody: { outcome: string; taskId: string } | null;
};
