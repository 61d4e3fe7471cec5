/** The store contracts over Redis on TCP. */

import { afterAll, beforeAll } from "vitest";
import { RedisRequester } from "../../src/runtime/bun/redis-requester.ts";
import { RequesterRedis } from "../../src/stores/redis/client.ts";
import { createRedisStore } from "../../src/stores/redis/store.ts";
import { accountStoreContract } from "../contract/account-store.ts";
import type { StoreUnderTest } from "../contract/store-harness.ts";
import { taskStoreContract } from "../contract/task-store.ts";
import { describeWithRedis, RedisServer } from "../fixture/redis-server.ts";

describeWithRedis("Redis over TCP", () => {
  let server: RedisServer;
  let requester: RedisRequester;
  let opened = 0;
  beforeAll(async () => {
    server = await RedisServer.start();
    requester = new RedisRequester(server.connection);
  });
  afterAll(async () => {
    requester.close();
    await server.stop();
  });

  const contract = {
    name: "Redis over TCP",
    open: async (): Promise<StoreUnderTest> => {
      let now = Date.UTC(2026, 10, 22);
      const redis = new RequesterRedis(requester);
      const store = createRedisStore({ redis, node: "node", prefix: `t${opened++}:`, now: () => now });
      return {
        store,
        now: () => now,
        advance: (ms) => {
          now += ms;
        },
        dispose: () => store.close(),
      };
    },
  };
  taskStoreContract(contract);
  accountStoreContract(contract);
});
