/** The store contracts over Redis on TCP, and again with a client that sends every call twice. */

import { afterAll, beforeAll } from "vitest";
import type { RedisStoreOptions } from "../../src/stores/redis/store.ts";
import { accountStoreContract } from "../contract/account-store.ts";
import { releaseContract } from "../contract/store/releases.ts";
import { storeContract } from "../contract/store.ts";
import { taskStoreContract } from "../contract/task-store.ts";
import { describeWithRedis } from "../fixture/describe-with-redis.ts";
import { openReleases, RedisWorld, twice } from "../fixture/redis-world.ts";

describeWithRedis("Redis over TCP", () => {
  let world: RedisWorld;
  beforeAll(async () => {
    world = await RedisWorld.start();
  });
  afterAll(() => world.stop());

  const together = { later: queueMicrotask };
  const ways: [name: string, options: () => Partial<RedisStoreOptions>][] = [
    ["Redis over TCP", () => ({})],
    ["every call sent twice", () => ({ redis: twice(world.client()) })],
    ["every call in a script for many", () => ({ together })],
    ["every call in a script for many, sent twice", () => ({ together, redis: twice(world.client()) })],
  ];
  for (const [name, options] of ways) {
    const contract = { name, open: async () => world.open(options()) };
    taskStoreContract(contract);
    storeContract(contract);
    accountStoreContract(contract);
  }
  releaseContract({ name: "Redis over TCP", sideBySide: true, open: async () => openReleases(world) });
});
