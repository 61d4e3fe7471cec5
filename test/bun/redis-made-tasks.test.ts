/** Claims of tasks that the process made itself, whose records it knows: they are as those of any other process. */

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { ScriptClient } from "../../src/stores/redis/server/script-runner.ts";
import type { Claim, ClaimOptions } from "../../src/tasks/ports/task-store.ts";
import { Bench, COMPLETE, LEASE_MS, scopeOf } from "../contract/store-harness.ts";
import { describeWithRedis } from "../fixture/describe-with-redis.ts";
import { RedisWorld } from "../fixture/redis-world.ts";

const NEXT: ClaimOptions = { lane: "image", leaseMs: LEASE_MS, max: 1 };
const MORE_THAN_KNOWN = 2_100;

describeWithRedis("tasks that a process made, over Redis", () => {
  let world: RedisWorld;
  let bench: Bench;
  const sent: string[] = [];
  beforeAll(async () => {
    world = await RedisWorld.start();
  });
  afterAll(() => world.stop());
  beforeEach(async () => {
    const plain = world.client();
    const client: ScriptClient = {
      evalsha(sha, keys, args) {
        sent.push(JSON.stringify(args));
        return plain.evalsha(sha, keys, args);
      },
      eval: (script, keys, args) => plain.eval(script, keys, args),
    };
    bench = await Bench.open({ name: "Redis", open: async () => world.open({ redis: client }) });
    sent.length = 0;
  });
  afterEach(async () => {
    expect(await world.audit()).toEqual([]);
    await bench.dispose();
  });

  /** The claim's task is what anybody reads of it. */
  const expectTrue = async ({ task, lease }: Claim) => {
    const read = await world.another().get(scopeOf(task.tenant.keyId), task.id);
    expect(task).toEqual(read?.task);
    expect(lease.fence).toBe(task.fence);
  };

  test.each([
    ["plain", {}],
    ["of a subject and a customer", { subject: "ann", customer: "c" }],
    [
      "with texts that are hard to write",
      { request: { prompt: "a\n\ud800 \u0001\u{1f98a}", n: 1 }, metadata: { "": "\\" } },
    ],
    [
      "with a webhook of its own",
      { webhook: { url: "https://a.example/b", headers: {}, events: ["task.started"] } },
    ],
  ] as const)("are claimed as they are stored: %s", async (_, changes) => {
    for (let index = 0; index < 3; index++) await bench.submit(changes as Parameters<Bench["submit"]>[0]);
    bench.advance(7);
    const first = await bench.claimOne();
    await expectTrue(first);
    const outcome = await bench.store.advance(first.lease, COMPLETE, { ...NEXT, max: 2 });
    expect(outcome.claimed).toHaveLength(2);
    for (const claim of outcome.claimed) {
      await expectTrue(claim);
      expect((await bench.apply(claim, COMPLETE)).status).toBe("completed");
    }
  });

  test("are claimed by others too", async () => {
    const task = await bench.submit();
    const [claim] = await world.another().claim(NEXT);
    expect(claim?.task.id).toBe(task.id);
    await expectTrue(claim as Claim);
  });

  test("are read when they were claimed and given back meanwhile", async () => {
    await bench.submit();
    const other = world.another();
    const [claim] = await other.claim(NEXT);
    await other.advance((claim as Claim).lease, {
      kind: "defer",
      delayMs: 0,
      spent: { providerMs: 3, storeMs: 4 },
    });
    const again = await bench.claimOne();
    await expectTrue(again);
    expect(again.task).toMatchObject({ fence: 2, providerMs: 3 });
  });

  test("are read when there are more of them than are remembered", async () => {
    const made = Array.from({ length: MORE_THAN_KNOWN }, () => bench.submit());
    await Promise.all(made);
    const before = sent.length;
    const claims = await bench.claim(MORE_THAN_KNOWN);
    claims.push(...(await bench.claim(MORE_THAN_KNOWN)), ...(await bench.claim(MORE_THAN_KNOWN)));
    expect(claims).toHaveLength(MORE_THAN_KNOWN);
    // What is not known is answered by the claim, and not read afterwards.
    expect(sent.length - before).toBe(3);
    for (const claim of [claims[0], claims.at(-1)]) await expectTrue(claim as Claim);
  });

  test("are read after the claim when their records went while it was under way", async () => {
    await bench.submit();
    const claiming = bench.claim(1);
    await Promise.all(Array.from({ length: MORE_THAN_KNOWN }, () => bench.submit()));
    const [claim] = await claiming;
    await expectTrue(claim as Claim);
  });
});
