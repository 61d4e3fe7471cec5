/** What only the Redis store promises: round trips, calls that come twice, errors, and data that agrees with itself. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { EXPIRED_KEPT_MS } from "../../src/accounts/ephemeral/ephemeral-key-store.ts";
import type { ScriptClient } from "../../src/stores/redis/server/script-runner.ts";
import { DATA_RELEASE } from "../../src/stores/release.ts";
import { StoreUnavailableError } from "../../src/tasks/ports/store-error.ts";
import { reduce } from "../../src/tasks/reducer.ts";
import type { Task } from "../../src/tasks/task.ts";
import { NOTHING_SPENT, type OpenTransition, type StepTransition } from "../../src/tasks/transition.ts";
import {
  Bench,
  COMPLETE,
  FAILURE,
  LEASE_MS,
  MAX_WAIT_MS,
  RESERVED,
  RESULT,
  scopeOf,
  TIMEOUT_MS,
} from "../contract/store-harness.ts";
import { describeWithRedis } from "../fixture/describe-with-redis.ts";
import { EPHEMERAL_TTL_MS, ephemeralKeyDraft } from "../fixture/ephemeral-key.ts";
import { RedisWorld, twice } from "../fixture/redis-world.ts";
import { createSeededRandom, type SeededRandom } from "../fixture/seeded-random.ts";
import { virtualKey } from "../fixture/virtual-key.ts";

const NEXT = { lane: "image", leaseMs: LEASE_MS, max: 1 } as const;

describeWithRedis("the Redis store", () => {
  let world: RedisWorld;
  let bench: Bench;
  beforeAll(async () => {
    world = await RedisWorld.start();
  });
  afterAll(() => world.stop());
  beforeEach(async () => {
    bench = await openBench();
  });
  afterEach(async () => {
    await bench.dispose();
  });

  const openBench = (client?: ScriptClient) =>
    Bench.open({ name: "Redis", open: async () => world.open(client && { redis: client }) });

  /** Makes a field of a hash something that cannot be read. */
  async function spoil(name: string, field: string): Promise<void> {
    await world.command("HSET", `${world.prefix}0:${name}`, field, "spoilt");
  }

  /** A client that counts what is sent through it, and may lose answers. */
  function watched(options: { lose?: (sent: number) => boolean } = {}) {
    const plain = world.client();
    const counter = { sent: 0 };
    const send =
      (way: ScriptClient["evalsha"]): ScriptClient["evalsha"] =>
      async (...call) => {
        counter.sent += 1;
        const lost = options.lose?.(counter.sent) ?? false;
        const reply = await way(...call);
        if (lost) throw new Error("The connection was cut before the answer");
        return reply;
      };
    const client: ScriptClient = {
      evalsha: send((...call) => plain.evalsha(...call)),
      eval: send((...call) => plain.eval(...call)),
    };
    return { client, counter };
  }

  describe("round trips", () => {
    test("accepting, claiming, progress, and finishing with the next claim are one each", async () => {
      const { client, counter } = watched();
      bench = await openBench(client);
      // Every script is known to the server once it has run.
      await bench.submit({ subject: "ann" });
      const warm = await bench.claimOne();
      await bench.apply(warm, { kind: "progress", percent: 1, message: null });
      await bench.apply(warm, COMPLETE);
      const trips = async (step: () => Promise<unknown>) => {
        const before = counter.sent;
        await step();
        return counter.sent - before;
      };
      expect(await trips(() => bench.submit({ subject: "ann" }))).toBe(1);
      expect(await trips(() => bench.submit())).toBe(1);
      const claims = await bench.claim(1);
      expect(await trips(() => bench.claim(1))).toBe(1);
      const { lease } = claims[0]!;
      expect(
        await trips(() => bench.store.advance(lease, { kind: "progress", percent: 2, message: "x" })),
      ).toBe(1);
      await bench.submit();
      expect(await trips(() => bench.store.advance(lease, COMPLETE, NEXT))).toBe(1);
    });

    test("inside a script the commands are counted too", async () => {
      const commands = async (step: () => Promise<unknown>) => {
        await world.command("CONFIG", "RESETSTAT");
        await step();
        const stats = await world.command<string>("INFO", "commandstats");
        const calls = [...stats.matchAll(/^cmdstat_([a-z|]+):calls=(\d+)/gm)];
        return calls
          .filter(([, name]) => !/^(?:evalsha|eval|config\|resetstat|info)$/.test(name ?? ""))
          .reduce((sum, [, , count]) => sum + Number(count), 0);
      };
      for (let index = 0; index < 3; index++) await bench.submit();
      const claim = await bench.claimOne();
      const percent = { kind: "progress", percent: 2, message: "x" } as const;
      // The server's clock, which tests replace, is one more; the first charge of a key is three of the last.
      expect({
        create: await commands(() => bench.submit()),
        claim: await commands(() => bench.claim(1)),
        progress: await commands(() => bench.store.advance(claim.lease, percent)),
        finishAndClaim: await commands(() => bench.store.advance(claim.lease, COMPLETE, NEXT)),
      }).toEqual({ create: 12, claim: 17, progress: 5, finishAndClaim: 40 });
    });

    test("a server that forgot the scripts gets them again", async () => {
      await bench.submit();
      await world.command("SCRIPT", "FLUSH");
      expect((await bench.claimOne()).task.status).toBe("running");
    });
  });

  describe("a call whose answer was lost", () => {
    test("is sent again and is answered with what the first one did", async () => {
      let losing = false;
      const { client } = watched({
        lose: () => {
          const lost = losing;
          losing = !losing && lost;
          return lost;
        },
      });
      bench = await openBench(client);
      await bench.submit();
      losing = true;
      const created = await bench.submit().catch((error: Error) => error);
      expect(created).toBeInstanceOf(Error);
      expect(await bench.stat()).toMatchObject({ ready: 2 });
      losing = true;
      const claim = await bench.claimOne();
      expect(await bench.stat()).toMatchObject({ ready: 1, held: 1 });
      losing = true;
      const finished = await bench.store.advance(claim.lease, COMPLETE, NEXT);
      expect(finished).toMatchObject({
        applied: true,
        update: { task: { status: "completed" }, events: [{ type: "completed" }] },
        claimed: [{ task: { status: "running" }, update: { events: [{ type: "started" }] } }],
      });
      expect(await bench.stat()).toMatchObject({ ready: 0, held: 1 });
      losing = true;
      const { task } = finished.claimed[0]!;
      expect(await bench.store.cancel(scopeOf("a"), task.id)).toMatchObject({
        outcome: "cancelled",
        update: { events: [{ type: "cancelled" }] },
      });
      losing = true;
      const [work] = await bench.store.claimWork({
        kind: "cleanup",
        leaseMs: LEASE_MS,
        max: 5,
        maxPerDestination: 5,
      });
      expect(work).toMatchObject({ item: { taskId: task.id, tries: 0 } });
      losing = true;
      const bill = { billedMicros: 1, cancellation: "immediate" } as const;
      expect(await bench.store.finishWork(work!.item, { kind: "done", bill })).toBe(true);
      losing = true;
      expect(await bench.store.purge(scopeOf("a"), task.id)).toBe("purged");
      losing = true;
      await bench.store.createKey(virtualKey({ id: "d" }));
      losing = true;
      expect(await bench.store.deleteKey("d")).toBe("deleted");
      expect(await world.audit()).toEqual([]);
    });

    test("hands out no claim that was lost meanwhile", async () => {
      await bench.submit();
      const calls: [string, string[], string[]][] = [];
      const plain = world.client();
      const recording: ScriptClient = {
        evalsha: (...call) => {
          calls.push(call);
          return plain.evalsha(...call);
        },
        eval: (...call) => plain.eval(...call),
      };
      const [claim] = await world.another({ redis: recording }).claim(NEXT);
      await bench.store.cancel(scopeOf("a"), claim!.task.id);
      expect(await plain.evalsha(...calls[0]!)).toEqual([String(bench.now()), []]);
    });

    test("is remembered for half a minute only", async () => {
      await bench.submit();
      await bench.claimOne();
      const names = await world.command<string[]>("KEYS", `${world.prefix}0:call:*`);
      expect(names.length).toBeGreaterThan(0);
      for (const name of names) {
        const left = await world.command<number>("PTTL", name);
        expect(left).toBeGreaterThan(0);
        expect(left).toBeLessThanOrEqual(30_000);
      }
    });
  });

  describe("errors", () => {
    const failing = (message: string): ScriptClient => {
      const fail = async () => {
        throw new Error(message);
      };
      return { evalsha: fail, eval: fail };
    };

    test.each([
      ["OOM command not allowed when used memory > 'maxmemory'.", "full"],
      ["MISCONF Errors writing to the AOF file: No space left on device", "full"],
      ["ERR max requests limit exceeded. Limit: 500000, Usage: 500001.", "overloaded"],
      ["NOAUTH Authentication required.", "broken"],
      ["NEWERSCHEMA 7", "newer_schema"],
      ["ERR NEWERSCHEMA 7", "newer_schema"],
      ["LOADING Redis is loading the dataset in memory", "unreachable"],
      ["READONLY You can't write against a read only replica.", "unreachable"],
      ["Unable to connect. Is the computer able to access the url?", "unreachable"],
      ["ERR internal server error", "unreachable"],
    ])("%s is %s", async (message, reason) => {
      const store = world.another({ redis: failing(message) });
      await expect(store.ping()).rejects.toMatchObject({ name: "StoreUnavailableError", reason });
    });

    test("no message repeats the command, which holds prompts", async () => {
      const told = 'OOM command not allowed, command was: ["evalsha","…","a secret prompt"]';
      const error = await world
        .another({ redis: failing(told) })
        .ping()
        .catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(StoreUnavailableError);
      expect(String(error) + JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain(
        "secret",
      );
    });

    test("a script that fails is a mistake, and not sent again", async () => {
      const { client, counter } = watched();
      const mistaken: ScriptClient = {
        ...client,
        evalsha: (_, keys, args) => client.eval("x()", keys, args),
      };
      await expect(world.another({ redis: mistaken }).ping()).rejects.toThrow(/A script .* failed/);
      expect(counter.sent).toBe(1);
    });

    test("a real server without memory refuses writes as full and still reads", async () => {
      const task = await bench.submit();
      const claim = await bench.claimOne();
      await world.command("CONFIG", "SET", "maxmemory", "1");
      try {
        await expect(bench.create()).rejects.toMatchObject({ reason: "full" });
        await expect(bench.store.advance(claim.lease, COMPLETE)).rejects.toMatchObject({ reason: "full" });
        expect((await bench.read(task)).status).toBe("running");
      } finally {
        await world.command("CONFIG", "SET", "maxmemory", "0");
      }
      expect(await world.audit()).toEqual([]);
    });

    test("data of a newer release is refused, by reads and by writes, and left alone", async () => {
      await bench.submit();
      await world.command("SET", `${world.prefix}reader`, String(DATA_RELEASE.writes + 1));
      for (const attempt of [() => bench.store.ping(), () => bench.create(), () => bench.claim()])
        await expect(attempt()).rejects.toMatchObject({ reason: "newer_schema" });
      await world.command("SET", `${world.prefix}reader`, String(DATA_RELEASE.minReader));
      expect(await bench.stat()).toEqual({ ready: 1, delayed: 0, held: 0 });
    });

    test("a closed store says so", async () => {
      const store = world.another();
      await store.close();
      await expect(store.ping()).rejects.toMatchObject({ reason: "closed" });
    });

    test("a node's name is a word", () => {
      for (const node of ["", "two words", "a\nb"])
        expect(() => world.another({ node })).toThrow(/node: expected a word/);
    });
  });

  test("the server's clock decides where no test moves it", async () => {
    const store = world.onServerTime();
    const before = Number((await world.command<[string, string]>("TIME"))[0]) * 1_000;
    const created = await store.create(bench.draft(), { maxQueuedPerKey: 10 });
    const after = (Number((await world.command<[string, string]>("TIME"))[0]) + 1) * 1_000;
    if (created.outcome !== "created") throw new Error(created.outcome);
    const { createdAt } = created.update.task;
    expect(Number.isInteger(createdAt)).toBe(true);
    expect(createdAt).toBeGreaterThanOrEqual(before);
    expect(createdAt).toBeLessThanOrEqual(after);
  });

  test("a process whose clock is off by an hour writes the server's moments", async () => {
    const store = world.onServerTime();
    const right = Date.now;
    const server = async () => Number((await world.command<[string, string]>("TIME"))[0]) * 1_000;
    Date.now = () => right() + 3_600_000;
    try {
      await store.create(bench.draft(), { maxQueuedPerKey: 10 });
      const [claim] = await store.claim(NEXT);
      const before = await server();
      const pend = {
        kind: "pend",
        state: 1,
        delayMs: 60_000,
        percent: 5,
        message: null,
        spent: NOTHING_SPENT,
      } as const;
      const outcome = await store.advance(claim!.lease, pend);
      if (!outcome.applied) throw new Error("The store refused it");
      const { task, events } = outcome.update;
      expect(task.dueAt).toBe(task.updatedAt + 60_000);
      for (const moment of [task.createdAt, task.startedAt, task.updatedAt, events[0]?.at])
        expect(Math.abs((moment ?? 0) - before)).toBeLessThan(60_000);
      expect(task).toEqual((await store.get(scopeOf("a"), task.id))?.task);
    } finally {
      Date.now = right;
    }
  });

  test("a log is followed as long as one of several nodes follows it", async () => {
    const [one, two] = [world.another({ node: "one" }), world.another({ node: "two" })];
    const task = await bench.submit();
    const claim = await bench.claimOne();
    const followed = async (percent: number) => {
      const outcome = await one.advance(claim.lease, { kind: "progress", percent, message: null });
      return outcome.applied ? outcome.update.followed : null;
    };
    await one.follow(scopeOf("a"), task.id);
    await two.follow(scopeOf("a"), task.id);
    await two.follow(scopeOf("a"), task.id);
    await one.followTenant(scopeOf("a"));
    await two.followTenant(scopeOf("a"));
    expect(await followed(1)).toEqual({ task: true, key: true, subject: false });
    await one.unfollow(scopeOf("a"), task.id);
    await one.unfollowTenant(scopeOf("a"));
    expect(await followed(2)).toEqual({ task: true, key: true, subject: false });
    await two.unfollow(scopeOf("a"), task.id);
    await two.unfollowTenant(scopeOf("a"));
    expect(await followed(3)).toEqual({ task: false, key: false, subject: false });
  });

  test("marks of nodes that died are bounded", async () => {
    const task = await bench.submit();
    for (let boot = 0; boot < 70; boot++)
      await world.another({ node: `n${boot}` }).follow(scopeOf("a"), task.id);
    const by = await world.command<string>("HGET", `${world.prefix}0:task:${task.id}`, "by");
    expect(by.split(" ")).toEqual(Array.from({ length: 64 }, (_, index) => `n${index + 6}`));
  });

  describe("marks of nodes that died", () => {
    const HOUR_MS = 3_600_000;
    const NOTHING_KEPT = { tasksMs: 0, eventsMs: 0, ledgerMs: 0 };
    const scope = { keyId: "a", subject: "ann" };
    const retireWith = async (store: Bench["store"], steps = 1) => {
      for (let step = 0; step < steps; step++) await store.retire(NOTHING_KEPT, 100);
    };
    const subjects = () => world.command<string[]>("KEYS", `${world.prefix}0:subject:*`);
    const marksOf = (subject: string) =>
      world.command<string | null>("HGET", `${world.prefix}0:subject:1:a:${subject}`, "by");

    test("end after an hour, and the idle subjects go, whichever process sweeps", async () => {
      const [dead, alive] = [world.another({ node: "dead" }), world.another({ node: "alive" })];
      for (let index = 0; index < 20; index++) {
        const subject = `user${index}`;
        const task = await bench.submit({ subject });
        await dead.followTenant({ keyId: "a", subject });
        await bench.store.cancel(scopeOf("a"), task.id);
      }
      bench.advance(HOUR_MS);
      await retireWith(alive, 3);
      expect(await subjects()).toHaveLength(20);
      bench.advance(1);
      await retireWith(alive, 3);
      expect(await subjects()).toEqual([]);
      expect(await world.command("KEYS", `${world.prefix}0:log:*`)).toEqual([`${world.prefix}0:log:1:a:`]);
    });

    test("end in bounded steps", async () => {
      const dead = world.another({ node: "dead" });
      for (let index = 0; index < 5; index++)
        await dead.followTenant({ keyId: "a", subject: `user${index}` });
      bench.advance(HOUR_MS + 1);
      const left: number[] = [];
      for (let step = 0; step < 4; step++) {
        await bench.store.retire(NOTHING_KEPT, 2);
        left.push((await subjects()).length);
      }
      expect(left).toEqual([3, 1, 0, 0]);
    });

    test("end beside those of a process that sweeps, whose subject stays", async () => {
      const [dead, alive] = [world.another({ node: "dead" }), world.another({ node: "alive" })];
      await dead.followTenant(scope);
      await alive.followTenant(scope);
      const start = await alive.tenantPosition(scope);
      for (let minute = 0; minute < 180; minute++) {
        bench.advance(60_000);
        await alive.sweep(10);
      }
      await retireWith(alive, 3);
      expect(await marksOf("ann")).toBe("alive");
      expect(await bench.create({ subject: "ann" })).toMatchObject({
        update: { subjectEpoch: start.epoch, followed: { subject: true } },
      });
    });

    test("of nodes that no record knows get their hour from when they are seen", async () => {
      await bench.store.tenantPosition(scope);
      await world.command("HSET", `${world.prefix}0:subject:1:a:ann`, "by", "unheard");
      await retireWith(bench.store, 2);
      expect(await marksOf("ann")).toBe("unheard");
      bench.advance(HOUR_MS + 1);
      await retireWith(bench.store, 2);
      expect(await subjects()).toEqual([]);
    });

    test("end in time also when the clock was ahead while the node lived", async () => {
      const dead = world.another({ node: "dead" });
      bench.advance(365 * 24 * HOUR_MS);
      await dead.followTenant(scope);
      bench.advance(-365 * 24 * HOUR_MS);
      await retireWith(bench.store, 2);
      bench.advance(HOUR_MS + 1);
      await retireWith(bench.store, 2);
      expect(await subjects()).toEqual([]);
    });

    test("leave no names behind after a week", async () => {
      const dead = world.another({ node: "dead" });
      await dead.followTenant(scope);
      bench.advance(8 * 24 * HOUR_MS);
      await retireWith(bench.store, 2);
      expect(await world.command("ZRANGE", `${world.prefix}0:nodes`, 0, -1)).toEqual(["node"]);
    });

    test("end although a key or a subject beside them cannot be read", async () => {
      await world.another({ node: "dead" }).followTenant(scope);
      for (const subject of ["aaa", "zzz"]) {
        await bench.store.followTenant({ keyId: "a", subject });
        await world.command("SET", `${world.prefix}0:subject:1:a:${subject}`, "spoilt");
      }
      bench.advance(HOUR_MS + 1);
      await retireWith(bench.store, 2);
      expect((await subjects()).sort()).toEqual(
        ["aaa", "zzz"].map((subject) => `${world.prefix}0:subject:1:a:${subject}`),
      );
      expect(await bench.store.countUnreadable()).toBeGreaterThan(0);
    });
  });

  test("a tenant's log keeps its newest 1,000 events, and few more", async () => {
    for (let round = 0; round < 13; round++)
      await Promise.all(Array.from({ length: 100 }, () => bench.submit({ subject: "ann" })));
    for (const name of ["1:a:", "1:a:ann"]) {
      const length = await world.command<number>("LLEN", `${world.prefix}0:log:${name}`);
      expect(length).toBeGreaterThanOrEqual(1_000);
      expect(length).toBeLessThanOrEqual(1_100);
    }
    const { epoch } = await bench.store.tenantPosition(scopeOf("a"));
    const tail = await bench.store.readTenantLog(scopeOf("a"), { epoch, seq: 300 }, 1_000);
    expect(tail).toMatchObject({ outcome: "events", more: false, position: { seq: 1_300 } });
  });

  test("nothing is left of a deployment whose tasks and keys are gone", async () => {
    const retention = { tasksMs: 1_000, eventsMs: 500, ledgerMs: 1_000 };
    for (let index = 0; index < 6; index++)
      await bench.submit({ keyId: "abc"[index % 3]!, subject: index % 2 === 0 ? "ann" : "", batchId: "b1" });
    await bench.store.updateKey("a", { maxConcurrentTasks: 1 }, bench.now());
    for (const claim of await bench.claim(10)) await bench.apply(claim, COMPLETE);
    for (const claim of await bench.claim(10))
      await bench.apply(claim, { kind: "fail", error: FAILURE, jobOver: false, spent: NOTHING_SPENT });
    await bench.store.createKey(virtualKey({ id: "unused" }));
    for (const id of ["a", "b", "c", "unused"]) await bench.store.deleteKey(id);
    bench.advance(3_600_000);
    await bench.store.sweep(100);
    for (let step = 0; step < 4; step++) await bench.store.retire(retention, 100);
    bench.advance(100 * 24 * 3_600_000);
    for (let step = 0; step < 4; step++) await bench.store.retire(retention, 100);
    const names = await world.command<string[]>("KEYS", `${world.prefix}*`);
    const left = names
      .map((name) => name.slice(world.prefix.length))
      .filter((name) => !name.startsWith("0:call:"));
    expect(left.sort()).toEqual(["0:lane:image", "0:nodes", "reader", "schema"]);
  });

  test("an ephemeral key goes by itself an hour after its end, and the list of a key's with the last of them", async () => {
    await bench.store.createEphemeralKey(ephemeralKeyDraft("long", { ttlMs: 10 * EPHEMERAL_TTL_MS }), 9);
    await bench.store.createEphemeralKey(ephemeralKeyDraft("short"), 9);
    const ttl = (name: string) => world.command<number>("PTTL", `${world.prefix}0:${name}`);
    const lived = (left: number, ttlMs: number) => {
      expect(left).toBeLessThanOrEqual(ttlMs + EXPIRED_KEPT_MS);
      expect(left).toBeGreaterThan(ttlMs + EXPIRED_KEPT_MS - 30_000);
    };
    lived(await ttl("ephemeral:short"), EPHEMERAL_TTL_MS);
    lived(await ttl("ephemeral:long"), 10 * EPHEMERAL_TTL_MS);
    lived(await ttl("ephemerals:a"), 10 * EPHEMERAL_TTL_MS);
  });

  test("counts that somebody spoilt follow the sets again", async () => {
    for (const priority of ["low", "high"] as const) await bench.submit({ priority });
    await world.command("HSET", `${world.prefix}0:key:a`, "image", "0 0 0 0 1 1 1 local 5 0 0 0");
    expect(await bench.drain((task) => task.priority)).toEqual(["high", "low"]);
    expect(await world.audit()).toEqual([]);
  });

  test("a task that the server lost, by eviction or by hand, holds nobody up", async () => {
    const [ready, held, delayed, cancelled] = [
      await bench.submit({ priority: "high" }),
      await bench.submit({ priority: "high" }),
      await bench.submit({ priority: "high" }),
      await bench.submit({ priority: "high" }),
    ];
    const claims = await bench.claim(4);
    await bench.apply(claims[0]!, { kind: "release", submitUnknown: false, spent: NOTHING_SPENT });
    await bench.apply(claims[2]!, { kind: "retry", delayMs: 1, error: FAILURE, spent: NOTHING_SPENT });
    await bench.store.cancel(scopeOf("a"), cancelled!.id);
    const alive = await bench.submit();
    for (const { id } of [ready!, held!, delayed!, cancelled!])
      await world.command("DEL", `${world.prefix}0:task:${id}`);
    bench.advance(LEASE_MS);
    expect((await bench.claim(10)).map(({ task }) => task.id)).toEqual([alive.id]);
    const [left] = await bench.store.claimWork({
      kind: "cleanup",
      leaseMs: 1_000,
      max: 10,
      maxPerDestination: 10,
    });
    expect(left).toMatchObject({ item: { taskId: cancelled!.id }, task: null });
    const bill = { billedMicros: 1, cancellation: "immediate" } as const;
    expect(await bench.store.finishWork(left!.item, { kind: "done", bill })).toBe(true);
    expect(await bench.store.sweep(10)).toEqual({ updates: [], requeued: 0, more: false });
    bench.advance(LEASE_MS);
    expect(await bench.store.sweep(10)).toMatchObject({ requeued: 1 });
    expect(await bench.store.nextWorkIn("cleanup")).toBeNull();
  });

  test("a task that cannot be read is passed over by everything that looks at many", async () => {
    const spoilt = [await bench.submit(), await bench.submit(), await bench.submit({ subject: "ann" })];
    const [held] = await bench.claim(1);
    const alive = await bench.submit();
    for (const { id } of spoilt) {
      await world.command("DEL", `${world.prefix}0:task:${id}`);
      await world.command("SET", `${world.prefix}0:task:${id}`, "spoilt");
    }
    expect((await bench.store.list(scopeOf("a"), { limit: 10 })).tasks.map(({ task }) => task.id)).toEqual([
      alive.id,
    ]);
    const [claim, ...none] = await bench.claim(10);
    expect([claim?.task.id, none]).toEqual([alive.id, []]);
    expect(await bench.store.renew([held!.lease, claim!.lease], LEASE_MS)).toEqual([held!.task.id]);
    expect([...(await bench.store.positions([held!.task.id, alive.id])).keys()]).toEqual([alive.id]);
    expect((await bench.store.listHolds("a", 10)).map(({ sourceId }) => sourceId)).toEqual([alive.id]);
    bench.advance(LEASE_MS);
    expect(await bench.store.sweep(10)).toMatchObject({ requeued: 1 });
    expect(Number(await world.command("GET", `${world.prefix}0:unreadable`))).toBeGreaterThan(0);
  });

  describe("creates that share a script", () => {
    /** The outcomes of creates of one turn, or the reasons for which they were refused. */
    const outcomes = async (changes: readonly Parameters<Bench["draft"]>[0][]) => {
      const store = world.another({ together: { later: (send) => void setImmediate(send) } });
      const settled = await Promise.allSettled(
        changes.map((change) => store.create(bench.draft(change), { maxQueuedPerKey: 100 })),
      );
      return settled.map((one) => (one.status === "fulfilled" ? one.value.outcome : one.reason));
    };
    const broken = { name: "StoreUnavailableError", reason: "broken" };

    test.each([
      ["is no hash", async () => void (await world.command("SET", `${world.prefix}0:key:b`, "spoilt"))],
      ["has no number for a counter", () => spoil("key:b", "waiting")],
      ["has no moment for its end", () => spoil("key:b", "until")],
    ])("are made, all but those of a key that %s", async (_, damage) => {
      await damage();
      const made = await outcomes([{}, { keyId: "b" }, { subject: "ann" }, { keyId: "b" }, { keyId: "c" }]);
      expect(made).toMatchObject(["created", broken, "created", broken, "created"]);
      expect(await bench.drain((task) => task.tenant.keyId)).toHaveLength(3);
      expect(await bench.store.countUnreadable()).toBeGreaterThan(0);
    });

    test("are made, all but those of a subject that is damaged", async () => {
      await bench.submit({ subject: "ann" });
      await spoil("subject:1:a:ann", "seq");
      const made = await outcomes([{ subject: "ann" }, { subject: "bob" }, {}]);
      expect(made).toMatchObject([broken, "created", "created"]);
      expect(await bench.drain((task) => task.tenant.subject)).toHaveLength(3);
    });

    test("are made, all but one whose idempotency key is damaged", async () => {
      const idempotency = { key: "k", fingerprint: "f", ttlMs: 1_000 };
      await bench.submit({ idempotency });
      const [name] = await world.command<string[]>("KEYS", `${world.prefix}0:once:*`);
      await world.command("SET", name ?? "", "spoilt");
      expect(await outcomes([{}, { idempotency }, {}])).toMatchObject(["created", broken, "created"]);
      expect(await world.audit()).toEqual([]);
    });

    test("are made, all but one whose id another tenant has", async () => {
      const { id } = await bench.submit();
      const made = await outcomes([{}, { keyId: "b", id }, { keyId: "c" }]);
      expect(made).toMatchObject(["created", { name: "Error" }, "created"]);
      expect(await world.audit()).toEqual([]);
    });

    test("do not answer one tenant with the other's task when both draw the same id", async () => {
      const { id } = bench.draft();
      expect(await outcomes([{ id }, { keyId: "b", id }, { id }])).toMatchObject([
        "created",
        { name: "Error" },
        "replayed",
      ]);
      expect(await world.audit()).toEqual([]);
    });
  });

  test("a damaged key does not keep the tasks of other keys from being swept and finished", async () => {
    const [damaged, swept, finished] = [
      await bench.submit({ keyId: "b" }),
      await bench.submit(),
      await bench.submit({ keyId: "c" }),
    ];
    const claims = await bench.claim(3);
    const leaseOf = (task: Task) => claims.find((claim) => claim.task.id === task.id)?.lease;
    await world.command("SET", `${world.prefix}0:key:b`, "spoilt");
    const store = world.another({ together: { later: (send) => void setImmediate(send) } });
    const [refused, applied] = await Promise.allSettled(
      [damaged, finished].map((task) => store.advance(leaseOf(task)!, COMPLETE)),
    );
    expect(refused).toMatchObject({ status: "rejected", reason: { reason: "broken" } });
    expect(applied).toMatchObject({ status: "fulfilled", value: { applied: true } });
    bench.advance(LEASE_MS);
    expect(await bench.store.sweep(10)).toMatchObject({ updates: [], requeued: 1, more: false });
    expect(await bench.store.sweep(10)).toEqual({ updates: [], requeued: 0, more: false });
    expect(await bench.store.countUnreadable()).toBeGreaterThan(0);
    expect((await bench.claim(3)).map(({ task }) => task.id)).toEqual([swept.id]);
    expect(await bench.store.stats()).toContainEqual({ lane: "image", ready: 0, delayed: 0, held: 1 });
  });

  test("what waits under a key whose end an earlier version did not write down is cancelled all the same", async () => {
    const ends = bench.now() + 1_000;
    for (const id of ["a", "b"]) await bench.store.updateKey(id, { expiresAt: ends }, bench.now());
    const task = await bench.submit();
    await bench.submit({ keyId: "c" });
    await world.command("DEL", `${world.prefix}0:closing`);
    const retention = { tasksMs: 1e9, eventsMs: 1e9, ledgerMs: 1e9 };
    await bench.store.retire(retention, 1);
    await bench.store.retire(retention, 1);
    // Only where something waits: nothing has to be found out about the other keys.
    expect(await world.command("ZRANGE", `${world.prefix}0:closing`, 0, -1, "WITHSCORES")).toEqual([
      "a",
      String(ends),
    ]);
    bench.advance(1_000);
    const { updates } = await bench.store.sweep(10);
    expect(updates.map((update) => [update.task.id, update.task.status])).toEqual([[task.id, "cancelled"]]);
    await bench.store.retire(retention, 10);
    expect(await world.command("ZCARD", `${world.prefix}0:closing`)).toBe(1);
    await bench.store.sweep(10);
    await bench.store.retire(retention, 10);
    expect(await world.command("ZCARD", `${world.prefix}0:closing`)).toBe(0);
  });

  describe("a task whose record cannot be read", () => {
    const damage = async (tasks: readonly Task[], field: "spec" | "state") => {
      for (const { id } of tasks)
        await world.command("HSET", `${world.prefix}0:task:${id}`, field, "{garbage");
    };
    const submitMany = (count: number) => Promise.all(Array.from({ length: count }, () => bench.submit()));
    const waking = () => world.command<number>("ZCARD", `${world.prefix}0:wake:image`);

    test("is taken out of every list when its lease has run out, and counted once", async () => {
      const spoilt = await bench.submit({ subject: "ann" });
      const alive = await bench.submit();
      await bench.claim(2);
      await damage([spoilt], "state");
      bench.advance(LEASE_MS);
      expect(await bench.store.sweep(10)).toMatchObject({ updates: [], requeued: 1, more: false });
      expect(await bench.store.countUnreadable()).toBe(1);
      expect(await waking()).toBe(1);
      expect(await world.audit()).toEqual([]);
      expect((await bench.claim(10)).map(({ task }) => task.id)).toEqual([alive.id]);
      expect(await bench.store.sweep(10)).toEqual({ updates: [], requeued: 0, more: false });
      expect(await bench.store.countUnreadable()).toBe(1);
    });

    test("is taken out when it is claimed, and its holder's place and its key's are free again", async () => {
      await bench.store.updateKey("a", { maxConcurrentTasks: 1 }, bench.now());
      const [spoilt, alive] = [await bench.submit({ subject: "ann" }), await bench.submit()];
      await damage([spoilt], "spec");
      // The process that made it knows what it was.
      expect(await world.another().claim({ ...NEXT, max: 10 })).toEqual([]);
      expect(await bench.store.countUnreadable()).toBe(1);
      expect(await waking()).toBe(1);
      expect(await world.audit()).toEqual([]);
      expect((await bench.claim(10, { maxHeld: 1 })).map(({ task }) => task.id)).toEqual([alive.id]);
      expect(await world.audit()).toEqual([]);
    });

    test("is taken out when it is claimed together with the end of another task", async () => {
      await bench.submit();
      const claim = await bench.claimOne();
      const [spoilt, alive] = [await bench.submit(), await bench.submit()];
      await damage([spoilt], "spec");
      const outcome = await world.another().advance(claim.lease, COMPLETE, { ...NEXT, max: 2 });
      expect(outcome.claimed.map(({ task }) => task.id)).toEqual([alive.id]);
      expect(await bench.store.countUnreadable()).toBe(1);
      expect(await world.audit()).toEqual([]);
    });

    test("is taken out of the ready tasks when nobody claims it before its deadline", async () => {
      const spoilt = await bench.submit({ subject: "ann" });
      await damage([spoilt], "spec");
      bench.advance(MAX_WAIT_MS);
      const alive = await bench.submit();
      expect(await bench.store.sweep(10)).toEqual({ updates: [], requeued: 0, more: false });
      expect(await bench.store.countUnreadable()).toBe(1);
      expect(await bench.store.stats()).toContainEqual({ lane: "image", ready: 1, delayed: 0, held: 0 });
      expect(await world.audit()).toEqual([]);
      expect((await bench.claim(10)).map(({ task }) => task.id)).toEqual([alive.id]);
    });

    test("is taken out of the delayed tasks at its deadline", async () => {
      const spoilt = await bench.submit();
      const claim = await bench.claimOne();
      await bench.apply(claim, {
        kind: "retry",
        delayMs: 1_000,
        error: FAILURE,
        spent: NOTHING_SPENT,
      });
      await damage([spoilt], "state");
      bench.advance(TIMEOUT_MS);
      await bench.store.sweep(10);
      expect(await bench.store.countUnreadable()).toBe(1);
      expect(await bench.store.stats()).toContainEqual({ lane: "image", ready: 0, delayed: 0, held: 0 });
      expect(await world.audit()).toEqual([]);
    });

    test("does not keep those beside it from the sweep, however many there are", async () => {
      const tasks = await submitMany(211);
      await bench.claim(211);
      // The sweep comes to the damaged ones first.
      const healthy = tasks.slice(-6).map(({ id }) => id);
      await damage(tasks.slice(0, 205), "state");
      bench.advance(LEASE_MS);
      expect(await bench.store.sweep(200)).toMatchObject({ more: true });
      expect(await bench.store.sweep(200)).toMatchObject({ more: false });
      expect(await bench.store.countUnreadable()).toBe(205);
      expect(await world.audit()).toEqual([]);
      expect((await bench.claim(300)).map(({ task }) => task.id).sort()).toEqual(healthy.sort());
    });

    test("does not keep the waiting tasks of a deleted key from being cancelled", async () => {
      const tasks = await submitMany(5);
      await damage(tasks.slice(0, 3), "spec");
      await bench.store.deleteKey("a");
      const cancelled: string[] = [];
      for (let step = 0; step < 4; step++)
        for (const { task } of (await bench.store.sweep(2)).updates) cancelled.push(task.id);
      expect(cancelled.sort()).toEqual(
        tasks
          .slice(3)
          .map(({ id }) => id)
          .sort(),
      );
      expect(await bench.store.countUnreadable()).toBe(3);
      expect(await world.command("ZCARD", `${world.prefix}0:closing`)).toBe(0);
      expect(await world.audit()).toEqual([]);
    });

    test.each(["fence", "attempt", "seq", "progress", "timeoutMs", "deadlineAt"])(
      "holds nobody up when its %s is no number, and is gone from all lists after its deadline",
      async (field) => {
        const [spoilt, alive] = [await bench.submit({ subject: "ann" }), await bench.submit()];
        await spoil(`task:${spoilt.id}`, field);
        expect((await bench.claim(10)).map(({ task }) => task.id)).toEqual([alive.id]);
        expect(await bench.store.countUnreadable()).toBeGreaterThan(0);
        bench.advance(MAX_WAIT_MS);
        await bench.store.sweep(10);
        expect(await bench.store.sweep(10)).toEqual({ updates: [], requeued: 0, more: false });
        expect(await world.audit()).toEqual([]);
      },
    );

    test("makes who reads its key's log start anew, as where it is gone", async () => {
      const { epoch } = await bench.store.tenantPosition(scopeOf("a"));
      const [spoilt] = [await bench.submit(), await bench.submit()];
      await damage([spoilt], "spec");
      const read = await bench.store.readTenantLog(scopeOf("a"), { epoch, seq: 0 }, 10);
      expect(read).toEqual({ outcome: "reset", position: { epoch, seq: 2 } });
      expect(await bench.store.readTenantLog(scopeOf("a"), { epoch, seq: 1 }, 10)).toMatchObject({
        outcome: "events",
        entries: [{ event: { keySeq: 2 } }],
      });
    });

    test("keeps its files, and those of other tasks are judged all the same", async () => {
      const [spoilt, other] = [await bench.submit(), await bench.submit()];
      for (const claim of await bench.claim(2)) await bench.apply(claim, COMPLETE);
      await damage([spoilt], "state");
      const files = [spoilt, other].map(({ id }) => ({ path: "2026/11/22/a/unnamed.png", taskId: id }));
      expect(await bench.store.unreferencedMedia(files)).toHaveLength(1);
    });

    test("is counted once when the call comes twice", async () => {
      const [spoilt] = [await bench.submit(), await bench.submit()];
      await bench.claim(2);
      await damage([spoilt], "state");
      bench.advance(LEASE_MS);
      const doubled = world.another({ redis: twice(world.client()) });
      expect(await doubled.sweep(10)).toMatchObject({ requeued: 1, more: false });
      expect(await bench.store.countUnreadable()).toBe(1);
      expect(await world.audit()).toEqual([]);
    });

    const KEPT = { tasksMs: 3_600_000, eventsMs: 3_600_000, ledgerMs: 400 * 24 * 3_600_000 };
    const names = (kind: string) => world.command<string[]>("KEYS", `${world.prefix}0:${kind}`);
    const reserved = async (customer: string | null) =>
      (await bench.store.balance("a", customer, "total")).reservedMicros;

    test.each(["spec", "state"] as const)(
      "and had not ended goes as long after it was found as others after their end (%s)",
      async (field) => {
        const spoilt = await bench.submit({ subject: "ann", customer: "c", batchId: "b1" });
        const alive = await bench.submit({ customer: "c" });
        await bench.claim(2);
        await damage([spoilt], field);
        bench.advance(LEASE_MS);
        await bench.store.sweep(10);
        expect(await reserved(null)).toBe(2 * RESERVED);
        bench.advance(KEPT.tasksMs - 1);
        expect((await bench.store.retire(KEPT, 10)).removedTaskIds).toEqual([]);
        bench.advance(1);
        const doubled = world.another({ redis: twice(world.client()) });
        expect((await doubled.retire(KEPT, 10)).removedTaskIds).toEqual([spoilt.id]);
        expect(await names("task:*")).toEqual([`${world.prefix}0:task:${alive.id}`]);
        expect(await names("batch:*")).toEqual([]);
        expect(await names("unreadable-tasks")).toEqual([]);
        expect(await reserved(null)).toBe(RESERVED);
        // Where the spec is damaged nobody knows whose customer it was.
        expect(await reserved("c")).toBe(field === "spec" ? 2 * RESERVED : RESERVED);
        expect((await bench.store.listHolds("a", 10)).map(({ sourceId }) => sourceId)).toEqual([alive.id]);
        if (field === "state") expect(await world.audit()).toEqual([]);
      },
    );

    test("and is no record at all goes too", async () => {
      const spoilt = await bench.submit();
      await bench.claim(1);
      await world.command("SET", `${world.prefix}0:task:${spoilt.id}`, "spoilt");
      bench.advance(LEASE_MS);
      await bench.store.sweep(10);
      bench.advance(KEPT.tasksMs);
      expect((await bench.store.retire(KEPT, 10)).removedTaskIds).toEqual([spoilt.id]);
      expect(await names("task:*")).toEqual([]);
    });

    test.each(["is read", "is listed", "is followed", "is cancelled", "has its log read"])(
      "and had ended is counted once it %s, and goes in its time",
      async (look) => {
        const [spoilt, alive] = [await bench.submit(), await bench.submit()];
        for (const claim of await bench.claim(2)) await bench.apply(claim, COMPLETE);
        await damage([spoilt], "state");
        const { store } = bench;
        const scope = scopeOf("a");
        for (let time = 0; time < 2; time++) {
          if (look === "is read") expect(await store.get(scope, spoilt.id)).toBeNull();
          if (look === "is listed") {
            const page = await store.list(scope, { limit: 10 });
            expect(page.tasks.map(({ task }) => task.id)).toEqual([alive.id]);
          }
          if (look === "is followed") expect(await store.follow(scope, spoilt.id)).toBeNull();
          if (look === "is cancelled")
            expect(await store.cancel(scope, spoilt.id)).toEqual({ outcome: "not_found" });
          if (look === "has its log read")
            expect(await store.readLog(scope, spoilt.id, { epoch: "", seq: 0 }, 10)).toEqual({
              outcome: "not_found",
            });
          expect(await store.countUnreadable()).toBe(1);
        }
        bench.advance(KEPT.tasksMs);
        const { removedTaskIds } = await store.retire(KEPT, 10);
        expect(removedTaskIds.sort()).toEqual([spoilt.id, alive.id].sort());
        for (const kind of ["task:*", "ended", "trimmed", "unreadable-tasks", "ids:*"])
          expect(await names(kind), kind).toEqual([]);
      },
    );

    test("ends no list before its end", async () => {
      const [oldest, older, spoilt, newest] = await submitMany(4);
      await damage([spoilt!], "spec");
      const first = await bench.store.list(scopeOf("a"), { limit: 2 });
      expect([first.tasks.map(({ task }) => task.id), first.hasMore]).toEqual([
        [newest!.id, older!.id],
        true,
      ]);
      const rest = await bench.store.list(scopeOf("a"), { limit: 2, after: older!.id });
      expect(rest.tasks.map(({ task }) => task.id)).toEqual([oldest!.id]);
    });

    test("is left to a holder who renews its lease while the sweep looks at it", async () => {
      const spoilt = await bench.submit();
      const { lease } = await bench.claimOne();
      await damage([spoilt], "state");
      bench.advance(LEASE_MS);
      const plain = world.client();
      const afterwards = async (reply: Promise<unknown>) => {
        const answer = await reply;
        await bench.store.renew([lease], LEASE_MS);
        return answer;
      };
      const late = world.another({
        redis: {
          evalsha: (...call) => afterwards(plain.evalsha(...call)),
          eval: (...call) => afterwards(plain.eval(...call)),
        },
      });
      await late.sweep(10);
      expect(await bench.store.countUnreadable()).toBe(0);
      expect(await waking()).toBe(1);
      expect((await bench.store.advance(lease, COMPLETE)).applied).toBe(true);
    });
  });

  describe("a balance that is damaged", () => {
    const DAMAGES: Record<string, () => Promise<void>> = {
      "is no hash": async () => void (await world.command("SET", `${world.prefix}0:balance:a`, "spoilt")),
      "has no number for what is held": () => spoil("balance:a", "reserved:total"),
      "has no number for what was charged": () => spoil("balance:a", "charged:total"),
      "has one that is too large": async () =>
        void (await world.command(
          "HSET",
          `${world.prefix}0:balance:a`,
          "reserved:total",
          "9223372036854775807",
          "charged:total",
          "9223372036854775807",
        )),
    };
    const balance = (customer: string | null) => bench.store.balance("a", customer, "total");
    const setAside = () => world.command<string[]>("KEYS", `${world.prefix}0:set-aside:*`);

    test.each(Object.keys(DAMAGES))(
      "and %s is reckoned anew by the next change, which is whole",
      async (kind) => {
        await bench.submit({ customer: "c" });
        await bench.apply(await bench.claimOne(), COMPLETE);
        await bench.submit({ customer: "c" });
        await bench.submit();
        const claims = await bench.claim(1);
        await DAMAGES[kind]!();
        // Nothing of it is held up, and nothing of it is half done.
        const created = await bench.submit({ customer: "c" });
        expect(created.status).toBe("queued");
        await bench.apply(claims[0]!, COMPLETE);
        expect(await balance(null)).toEqual({ reservedMicros: 2 * RESERVED, chargedMicros: 800 });
        expect(await balance("c")).toEqual({ reservedMicros: RESERVED, chargedMicros: 800 });
        expect(await world.audit()).toEqual([]);
        expect(await bench.store.countUnreadable()).toBe(1);
        const [name, ...others] = await setAside();
        expect([name, others]).toEqual([`${world.prefix}0:set-aside:balance:a`, []]);
        expect(await world.command<number>("PTTL", name!)).toBeGreaterThan(29 * 24 * 3_600_000);
      },
    );

    test("reads as nothing until then", async () => {
      await bench.submit();
      for (const damage of Object.values(DAMAGES).slice(0, 2)) {
        await damage();
        expect(await balance(null)).toEqual({ reservedMicros: 0, chargedMicros: 0 });
      }
    });

    test("holds up no session either", async () => {
      const draft = {
        id: "s1",
        keyId: "a",
        subject: "",
        customer: "c",
        provider: "p",
        model: "m",
        reservedMicros: 70,
        price: null,
      };
      await DAMAGES["is no hash"]!();
      const opened = await bench.store.openSession(draft, { max: 9, maxPerKey: 9 }, 1_000);
      expect(opened.outcome).toBe("opened");
      expect(await balance("c")).toEqual({ reservedMicros: 70, chargedMicros: 0 });
      await DAMAGES["is no hash"]!();
      await bench.submit();
      expect(await balance("c")).toEqual({ reservedMicros: 70, chargedMicros: 0 });
    });

    test("and a full server at once change nothing", async () => {
      await bench.submit();
      await DAMAGES["has no number for what is held"]!();
      await world.command("CONFIG", "SET", "maxmemory", "1");
      try {
        await expect(bench.create()).rejects.toMatchObject({ reason: "full" });
      } finally {
        await world.command("CONFIG", "SET", "maxmemory", "0");
      }
      expect(await setAside()).toEqual([]);
      await bench.submit();
      expect(await world.audit()).toEqual([]);
    });
  });

  test.each(["log:1:a:", "holds:a", "ids:1:a:", "wake:image", "batch:1:a:b1"])(
    "a task is written whole although %s is no set or list of the store's",
    async (name) => {
      await world.command("SET", `${world.prefix}0:${name}`, "spoilt");
      const task = await bench.submit({ batchId: "b1" });
      expect(await world.audit()).toEqual([]);
      expect(await bench.store.countUnreadable()).toBe(1);
      expect((await bench.claimOne()).task.id).toBe(task.id);
      expect(await world.command("GET", `${world.prefix}0:set-aside:${name}`)).toBe("spoilt");
    },
  );

  test("keys, subjects and batches with separators in their names stay apart", async () => {
    const names = ["a:b", "a", "1:a", "a:", ":", " a", "a b"];
    for (const id of names.slice(0, 3)) if (id !== "a") await bench.store.createKey(virtualKey({ id }));
    const seen = new Map<string, string>();
    for (const keyId of names.slice(0, 3))
      for (const subject of names) {
        const task = await bench.submit({ keyId, subject, batchId: subject });
        seen.set(JSON.stringify([keyId, subject]), task.id);
      }
    for (const [pair, id] of seen) {
      const [keyId, subject] = JSON.parse(pair) as [string, string];
      for (const query of [{ limit: 50 }, { limit: 50, batchId: subject }]) {
        const page = await bench.store.list({ keyId, subject }, query);
        expect(page.tasks.map(({ task }) => task.id)).toEqual([id]);
      }
    }
    expect(await bench.drain((task) => task.id)).toHaveLength(seen.size);
  });

  test("text that no encoding keeps by itself comes back as it was", async () => {
    const texts = ["\uFEFFmark", "lone \uD800 half", "\u0001", '\u0001"x"', "", "null", '"quoted"', "-", "0"];
    for (const text of texts) {
      const task = await bench.submit({ metadata: { text }, request: { prompt: text, n: 1 } });
      const claim = await bench.claimOne();
      await bench.apply(claim, { kind: "progress", percent: 1, message: text });
      await bench.apply(claim, { kind: "save", state: text, spent: NOTHING_SPENT });
      const read = await bench.read(task);
      expect([read.message, read.state, read.metadata.text, read.request.prompt]).toEqual([
        text,
        text,
        text,
        text,
      ]);
      await bench.apply(claim, COMPLETE);
    }
  });

  test.each([1, 2, 3, 4])(
    "the scripts and the reducer agree on random ways of a task (seed %i)",
    async (seed) => {
      const random = createSeededRandom(seed);
      for (let round = 0; round < 25; round++) {
        let task = await bench.submit({
          priority: random.pick(["low", "normal", "high"]),
          reservedMicros: random.below(3) * 400,
          timeoutMs: 1_000 + random.below(20_000),
          maxWaitMs: 1_000 + random.below(60_000),
          subject: random.pick(["", "ann"]),
        });
        for (let turn = 0; turn < 30 && task.finishedAt === null; turn++) {
          bench.advance(random.below(1_500));
          task = await step(random, task);
        }
        if (task.finishedAt === null) await bench.store.cancel(scopeOf("a"), task.id);
        await bench.store.purge(scopeOf("a"), task.id);
      }
      expect(await world.audit()).toEqual([]);
    },
  );

  /** One random transition through the store, compared with the reducer; the task after it. */
  async function step(random: SeededRandom, before: Task): Promise<Task> {
    const now = bench.now();
    const transition = randomTransition(random);
    const fence = random.below(8) === 0 ? before.fence - 1 : before.fence;
    const expected = await applied(transition, before, fence);
    const reduction = expected ? reduce(before, transition, now) : null;
    const after = await bench.read(before);
    expect(after, transition.kind).toEqual(reduction?.task ?? before);
    return after;
  }

  /** Does it to the stored task; whether it was to happen. */
  async function applied(transition: Drawn, before: Task, fence: number): Promise<boolean> {
    const now = bench.now();
    switch (transition.kind) {
      case "claim": {
        const [claim] = await bench.claim(1, { leaseMs: transition.leaseMs });
        const due = before.leaseUntil === null && (before.dueAt === null || before.dueAt <= now);
        expect(claim?.task.id ?? null).toBe(due ? before.id : null);
        return due;
      }
      case "cancel":
        await bench.store.cancel(scopeOf("a"), before.id);
        return true;
      case "expire":
      case "orphan": {
        // The sweep does what is due, whichever was drawn.
        const due = transition.kind === "expire" ? before.deadlineAt <= now : isOrphan(before, now);
        if (due) await bench.store.sweep(10);
        return due;
      }
      default: {
        const held = before.leaseUntil !== null && fence === before.fence;
        const outcome = await bench.store.advance({ shard: 0, taskId: before.id, fence }, transition);
        expect(outcome.applied).toBe(held);
        return held;
      }
    }
  }

  test("many clients at once leave data that agrees with itself", { timeout: 60_000 }, async () => {
    await bench.store.updateKey("b", { maxConcurrentTasks: 2 }, bench.now());
    const stores = Array.from({ length: 8 }, (_, index) => world.another({ node: `n${index}` }));
    const open: Task[] = [];
    await Promise.all(
      stores.map(async (store, index) => {
        const random = createSeededRandom(100 + index);
        for (let turn = 0; turn < 120; turn++) {
          const task = open[random.below(open.length)];
          switch (random.below(6)) {
            case 0:
            case 1: {
              const draft = bench.draft({
                keyId: random.pick(["a", "b", "c"]),
                subject: random.pick(["", "ann"]),
                type: random.pick(["image", "video"]),
                priority: random.pick(["low", "normal", "high"]),
              });
              const created = await store.create(draft, { maxQueuedPerKey: 1_000 });
              if (created.outcome === "created") open.push(created.update.task);
              break;
            }
            case 2:
              if (task !== undefined) await store.cancel(scopeOf(task.tenant.keyId), task.id);
              break;
            case 3:
              bench.advance(random.below(200));
              await store.sweep(5);
              break;
            default: {
              const lane = random.pick(["image", "video"] as const);
              const claims = await store.claim({
                lane,
                leaseMs: 2_000,
                max: 1 + random.below(3),
                maxHeld: 12,
              });
              for (const { lease } of claims) {
                const transition = randomTransition(random);
                if (isStep(transition))
                  await store.advance(lease, transition, { ...NEXT, lane, maxHeld: 12 });
              }
            }
          }
        }
      }),
    );
    expect(await world.audit()).toEqual([]);
    const held = (await bench.stat()).held + (await bench.stat("video")).held;
    expect(held).toBeLessThanOrEqual(24);
  });
});

/** What is drawn at random. */
type Drawn = StepTransition | OwnOpenTransition;
type OwnOpenTransition = Extract<OpenTransition, { kind: "claim" | "cancel" | "expire" | "orphan" }>;

function isStep(transition: Drawn): transition is StepTransition {
  return !["claim", "cancel", "expire", "orphan"].includes(transition.kind);
}

function isOrphan(task: Task, now: number): boolean {
  return task.leaseUntil !== null && task.leaseUntil <= now && task.deadlineAt > now;
}

function randomTransition(random: SeededRandom): Drawn {
  const spent = { providerMs: random.below(500), storeMs: random.below(50) };
  const delayMs = random.below(3_000) - 500;
  const state = random.pick([null, { job: random.below(9) }, "ref", 7, [1, null]]);
  const message = random.pick([null, "painting", "", "é 🔑"]);
  const percent = random.pick([random.below(120) - 10, 33.7, Number.NaN, 100]);
  return random.pick<Drawn>([
    { kind: "claim", leaseMs: 1 + random.below(4_000) },
    { kind: "claim", leaseMs: 1 + random.below(4_000) },
    { kind: "claim", leaseMs: 1 + random.below(4_000) },
    { kind: "progress", percent, message },
    { kind: "progress", percent, message },
    { kind: "save", state, spent },
    { kind: "pend", state, delayMs, percent: random.pick([null, percent]), message, spent },
    { kind: "retry", delayMs, error: FAILURE, spent },
    { kind: "poll_failed", delayMs, error: FAILURE, spent },
    { kind: "next_candidate", delayMs, error: FAILURE, spent },
    { kind: "snooze", delayMs, error: FAILURE, spent },
    { kind: "release", submitUnknown: random.below(2) === 0, spent },
    ...(random.below(6) > 0
      ? []
      : ([
          { kind: "complete", result: RESULT, costMicros: random.below(900), spent },
          { kind: "fail", error: FAILURE, jobOver: random.below(2) === 0, spent },
          { kind: "cancel" },
        ] as const)),
    { kind: "expire" },
    { kind: "orphan" },
  ]);
}
