/** The contract of the outbox over SQLite and Redis, on every way in which calls reach it. */

import { afterAll, beforeAll } from "vitest";
import { openSqliteFile } from "../../src/runtime/bun/sqlite-file.ts";
import type { RedisStoreOptions } from "../../src/stores/redis/store.ts";
import { createSqliteStore } from "../../src/stores/sqlite/store.ts";
import { outboxContract } from "../contract/store/outbox.ts";
import { describeWithRedis } from "../fixture/describe-with-redis.ts";
import { RedisWorld, twice } from "../fixture/redis-world.ts";

outboxContract({
  name: "SQLite",
  async open(outbox) {
    let now = Date.UTC(2026, 10, 22);
    const database = openSqliteFile(":memory:");
    const store = createSqliteStore({ database, now: () => now, outbox: () => outbox });
    return {
      store,
      now: () => now,
      advance: (ms) => {
        now += ms;
      },
      dispose: () => store.close(),
    };
  },
});

describeWithRedis("Redis over TCP", () => {
  let world: RedisWorld;
  beforeAll(async () => {
    world = await RedisWorld.start();
  });
  afterAll(() => world.stop());

  const together = { later: queueMicrotask };
  const ways: [name: string, options: (outbox: RedisStoreOptions["outbox"]) => Partial<RedisStoreOptions>][] =
    [
      ["Redis over TCP", () => ({})],
      ["every call sent twice", (outbox) => ({ redis: twice(world.client(), outbox) })],
      ["every call in a script for many", () => ({ together })],
    ];
  for (const [name, options] of ways)
    outboxContract({
      name,
      open: async (outbox) => world.open({ ...options(outbox), outbox }),
    });
});
