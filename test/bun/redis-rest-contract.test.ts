/** The store contracts over Redis through Upstash's own client and REST, and on a real Upstash database where one is given. */

import { afterAll, beforeAll, describe, test } from "vitest";
import { createUpstashRedis } from "../../src/stores/redis/server/client.ts";
import { createRedisStore } from "../../src/stores/redis/store.ts";
import { accountStoreContract } from "../contract/account-store.ts";
import { storeContract } from "../contract/store.ts";
import type { StoreUnderTest } from "../contract/store-harness.ts";
import { taskStoreContract } from "../contract/task-store.ts";
import { describeWithRedis } from "../fixture/describe-with-redis.ts";
import { RedisServer } from "../fixture/redis-server.ts";
import { UpstashFront } from "../fixture/upstash-front.ts";

const { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token } = process.env;
const run = `conduit-test-${crypto.randomUUID()}:`;
let opened = 0;

function contracts(name: string, connect: () => ReturnType<typeof createUpstashRedis>): void {
  const contract = {
    name,
    open: async (): Promise<StoreUnderTest> => {
      let now = Date.UTC(2026, 10, 22);
      const redis = connect();
      const prefix = `${run}${opened++}:`;
      const store = createRedisStore({ redis, node: "node", prefix, now: () => now });
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
  storeContract(contract);
  accountStoreContract(contract);
}

describeWithRedis("Redis over REST", () => {
  let server: RedisServer;
  let front: UpstashFront;
  beforeAll(async () => {
    server = await RedisServer.start();
    front = await UpstashFront.start(server.connection);
  });
  afterAll(async () => {
    await front.stop();
    await server.stop();
  });
  contracts("Redis over REST", () => createUpstashRedis(front));
});

if (url !== undefined && token !== undefined)
  describe("Upstash", { timeout: 120_000 }, () => {
    const redis = () => createUpstashRedis({ url, token });
    afterAll(async () => {
      for (let cursor = "0", first = true; first || cursor !== "0"; first = false) {
        const [next, keys] = await redis().scan(cursor, { match: `${run}*`, count: 1_000 });
        if (keys.length > 0) await redis().unlink(...keys);
        cursor = next;
      }
    }, 120_000);
    contracts("Upstash", redis);
  });
else
  test.skip("Upstash (skipped: UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN are not set)", () => {});
