/** Calls through a REST interface on bad days: answers lost after the step, errors and proxies' pages before it. */

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { createUpstashRedis } from "../../src/stores/redis/server/client.ts";
import { Bench, COMPLETE, LEASE_MS, scopeOf } from "../contract/store-harness.ts";
import { describeWithRedis } from "../fixture/describe-with-redis.ts";
import { RedisWorld } from "../fixture/redis-world.ts";
import { type Fault, UpstashFront } from "../fixture/upstash-front.ts";

describeWithRedis("the Redis store over REST on bad days", () => {
  let world: RedisWorld;
  let front: UpstashFront;
  let bench: Bench;
  beforeAll(async () => {
    world = await RedisWorld.start();
    front = await UpstashFront.start(world.server.connection);
  });
  beforeEach(async () => {
    const contract = { name: "REST", open: async () => world.open({ redis: createUpstashRedis(front) }) };
    bench = await Bench.open(contract);
  });
  afterEach(async () => {
    front.heal();
    await bench.dispose();
  });
  afterAll(async () => {
    await front.stop();
    await world.stop();
  });

  test.each<Fault["kind"]>(["lose-answer", "bad-gateway", "error-500"])(
    "one %s at every step changes nothing about what happens",
    async (kind) => {
      const once = () => front.fail({ kind } as Fault, { times: 1 });
      const draft = bench.draft();
      once();
      const created = await bench.store.create(draft, { maxQueuedPerKey: 10 });
      expect(["created", "replayed"]).toContain(created.outcome);
      const other = await bench.submit();
      once();
      const claim = await bench.claimOne();
      expect(claim.task.id).toBe(draft.id);
      once();
      const next = { lane: "image", leaseMs: LEASE_MS, max: 1 } as const;
      const finished = await bench.store.advance(claim.lease, COMPLETE, next);
      expect(finished).toMatchObject({ applied: true, claimed: [{ task: { id: other.id } }] });
      once();
      expect((await bench.store.cancel(scopeOf("a"), other.id)).outcome).toBe("cancelled");
      front.heal();
      expect(await bench.log(await bench.read(draft))).toEqual(["1 queued", "2 started", "3 completed"]);
      expect(await bench.log(other)).toEqual(["1 queued", "2 started", "3 cancelled"]);
      expect(await world.audit()).toEqual([]);
    },
  );

  test("a REST interface that answers nothing but errors is unreachable", async () => {
    front.fail({ kind: "error-500" });
    await expect(bench.create()).rejects.toMatchObject({
      name: "StoreUnavailableError",
      reason: "unreachable",
    });
  });
});
