/** The store contracts over Redis on TCP, and again with a client that sends every call twice. */

import { afterAll, beforeAll } from "vitest";
import { accountStoreContract } from "../contract/account-store.ts";
import { taskStoreContract } from "../contract/task-store.ts";
import { describeWithRedis } from "../fixture/redis-server.ts";
import { RedisWorld, twice } from "../fixture/redis-world.ts";

describeWithRedis("Redis over TCP", () => {
  let world: RedisWorld;
  beforeAll(async () => {
    world = await RedisWorld.start();
  });
  afterAll(() => world.stop());

  const once = { name: "Redis over TCP", open: async () => world.open() };
  taskStoreContract(once);
  accountStoreContract(once);
  const repeated = { name: "every call sent twice", open: async () => world.open(twice(world.client())) };
  taskStoreContract(repeated);
  accountStoreContract(repeated);
  const together = { later: queueMicrotask };
  taskStoreContract({
    name: "every call in a script for many",
    open: async () => world.open(undefined, { together }),
  });
  taskStoreContract({
    name: "every call in a script for many, sent twice",
    open: async () => world.open(twice(world.client()), { together }),
  });
});
