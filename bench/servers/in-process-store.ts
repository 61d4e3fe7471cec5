/** Conduit's stores under Bun, a file or a Redis, with one key: what the in-process benches share. */

import { join } from "node:path";
import type { AccountStore } from "../../src/accounts/keys/account-store.ts";
import { RedisRequester } from "../../src/runtime/bun/redis-requester.ts";
import { openSqliteFile } from "../../src/runtime/bun/sqlite-file.ts";
import { RequesterRedis } from "../../src/stores/redis/server/client.ts";
import { createRedisStore } from "../../src/stores/redis/store.ts";
import { createSqliteStore, type SqliteStore } from "../../src/stores/sqlite/store.ts";
import type { TaskStore } from "../../src/tasks/ports/task-store.ts";
import type { Tenant, TenantScope } from "../../src/tasks/task.ts";

export const TENANT: Tenant = { keyId: "key-bench", subject: "" };
export const SCOPE: TenantScope = { keyId: TENANT.keyId, subject: null };

const PERMISSIONS = { canGenerateImages: true, canGenerateVideos: true, canUseRealtimeAudio: true };

/** Conduit's store on the Redis at `port` of this machine, over TCP, with the bench's key. */
export async function openBenchRedisStore(port: number): Promise<TaskStore & AccountStore> {
  const connection = { host: "127.0.0.1", port, username: null, password: null, database: 0, tls: false };
  const redis = new RequesterRedis(new RedisRequester(connection));
  const store = createRedisStore({
    redis,
    node: "bench",
    together: { later: (send) => void setImmediate(send) },
  });
  await makeKeys(store, [TENANT.keyId]);
  return store;
}

/** Opens the store in `folder`, by the clock `now`, and makes the bench's key, and as many further ones as asked. */
export async function openBenchStore(
  folder: string,
  furtherKeys: readonly string[] = [],
  now: () => number = Date.now,
): Promise<SqliteStore> {
  const store = createSqliteStore({
    database: openSqliteFile(join(folder, "conduit.sqlite")),
    now,
  });
  await makeKeys(store, [TENANT.keyId, ...furtherKeys]);
  return store;
}

async function makeKeys(store: AccountStore, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    await store.createKey({
      id,
      name: id,
      hash: new Bun.CryptoHasher("sha256").update(id).digest("hex"),
      last4: id.slice(-4),
      enabled: true,
      expiresAt: null,
      allowedModels: null,
      permissions: PERMISSIONS,
      maxPriority: "high",
      maxConcurrentTasks: null,
      budgets: [],
      grants: [],
      customerBudget: null,
      requestsPerMinute: null,
      requestsPerDay: null,
      metadata: {},
      previous: null,
      revision: 1,
      createdAt: Date.now(),
      updatedAt: Date.now(),
    });
  }
}
