/** Two processes on one Redis spend a key's budget at the same time, one over TCP and one over Upstash's REST. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { createUpstashRedis } from "../../src/stores/redis/server/client.ts";
import { createTaskIds } from "../../src/tasks/ids.ts";
import { describeWithRedis } from "../fixture/describe-with-redis.ts";
import { RedisWorld } from "../fixture/redis-world.ts";
import { taskDraft } from "../fixture/task-draft.ts";
import { UpstashFront } from "../fixture/upstash-front.ts";
import { virtualKey } from "../fixture/virtual-key.ts";

const REQUESTS = 1_000;
const ROOM = 41;
const MICROS = 1_000;

describeWithRedis("two processes on one Redis", () => {
  let world: RedisWorld;
  let front: UpstashFront;
  beforeAll(async () => {
    world = await RedisWorld.start();
    front = await UpstashFront.start(world.server.connection);
  });
  afterAll(async () => {
    await front.stop();
    await world.stop();
  });

  test.each([
    ["budget", { budgets: [{ limitMicros: ROOM * MICROS, period: "weekly" as const }] }, "budget_exceeded"],
    ["number of requests a day", { requestsPerDay: ROOM }, "rate_limited"],
    ["number of requests a minute", { requestsPerMinute: ROOM }, "rate_limited"],
  ])("let in exactly as many of 1,000 requests at once as a %s has room for", async (_, limits, refusal) => {
    const { store: first, now } = world.open({ together: { later: queueMicrotask } });
    const others = [world.another(), world.another({ redis: createUpstashRedis(front) })];
    await first.createKey(virtualKey({ id: "a", ...limits }));
    const stores = [first, ...others];
    const nextId = createTaskIds(now);
    const outcomes = await Promise.all(
      Array.from({ length: REQUESTS }, (_, index) => {
        const draft = taskDraft({ id: nextId(), reservedMicros: MICROS });
        return (stores[index % stores.length] ?? first).create(draft, { maxQueuedPerKey: REQUESTS });
      }),
    );
    const count = (wanted: string) => outcomes.filter(({ outcome }) => outcome === wanted).length;
    expect([count("created"), count(refusal)]).toEqual([ROOM, REQUESTS - ROOM]);
    expect(await first.balance("a", null, "total")).toEqual({
      reservedMicros: ROOM * MICROS,
      chargedMicros: 0,
    });
    for (const store of stores) await store.close();
  });
});
