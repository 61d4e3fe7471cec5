/**
 * Opens the store of the settings, and reports what it promises. There is no fallback for one that cannot be opened.
 * What only a shared store needs is loaded when one is opened: a start with the embedded store does without.
 */

import { existsSync, renameSync } from "node:fs";
import { outboxOptions } from "../../compose/events.ts";
import type { Settings } from "../../config/load.ts";
import type { RedisConnection } from "../../config/redis-connection.ts";
import { type StoreChoice, storeChoice } from "../../config/store-choice.ts";
import { createSqliteStore } from "../../stores/sqlite/store.ts";
import type { Store } from "../../stores/store.ts";
import { randomToken } from "../../tasks/ids.ts";
import { systemClock } from "../../tasks/ports/clock.ts";
import type { InstanceBus } from "../../tasks/ports/instance-bus.ts";
import type { Log } from "../../tasks/ports/log.ts";
import type { DataDirectory } from "./data/data-directory.ts";
import { assertRoom, scarceRoom } from "./data/free-space.ts";
import { serveSqliteFile } from "./data/sqlite-file.ts";
import type { ProcessHost } from "./process-host.ts";
import { checkRedisDurability } from "./redis-durability.ts";
import { createSteadyTime } from "./steady-time.ts";

/** Thrown when a shared store cannot be used; the message says what to do. */
export class StoreSetupError extends Error {
  override readonly name = "StoreSetupError";
}

export type StoreDependencies = {
  host: ProcessHost;
  settings: Settings;
  directory: DataDirectory;
  log: Log;
};

export type OpenedStore = {
  readonly store: Store;
  /** Present where other processes may share the store; `bus` is null where only the store connects them. */
  readonly instances?: { readonly bus: InstanceBus | null };
  /** Why what the store acknowledges may be lost; null when it lasts. Rejects when the store does not answer. */
  doubt(): Promise<string | null>;
  close(): Promise<void>;
};

/** Begins the names of everything in Redis. */
const PREFIX = "conduit:";
const NODE_CHARACTERS = 16;

/** Rejects with `StoreSetupError` or `StoreUnavailableError`; nothing is left open then. */
export function openStore(dependencies: StoreDependencies): Promise<OpenedStore> {
  const choice = storeChoice(dependencies.settings);
  return choice.kind === "embedded" ? openEmbedded(dependencies) : openSharedStore(choice, dependencies);
}

type SharedDependencies = Pick<StoreDependencies, "host" | "settings" | "log">;

/** The store that other processes may use too. Rejects as `openStore` does. */
export function openSharedStore(
  choice: Exclude<StoreChoice, { kind: "embedded" }>,
  dependencies: SharedDependencies,
): Promise<OpenedStore> {
  return choice.kind === "redis"
    ? openRedis(choice.connection, dependencies)
    : openUpstash(choice, dependencies);
}

async function openEmbedded({ host, settings, directory, log }: StoreDependencies): Promise<OpenedStore> {
  const database = serveSqliteFile(host.openSqlite(directory.databaseFile));
  const outbox = outboxOptions(settings);
  const store = createSqliteStore({ database, now: createSteadyTime(systemClock), outbox: () => outbox });
  try {
    if (existsSync(directory.backupManifest)) {
      await store.renewEpochs();
      renameSync(directory.backupManifest, `${directory.backupManifest}.restored`);
      log.info("the data directory was restored from a backup", { dataDir: directory.path });
    }
    const requeued = await store.releaseLeases();
    if (requeued > 0) log.info("tasks of the previous run go on", { tasks: requeued });
  } catch (error) {
    await store.close();
    throw error;
  }
  const ping = async () => {
    await store.ping();
    await assertRoom(directory.path);
  };
  return {
    store: { ...store, ping },
    doubt: () => scarceRoom(directory.path),
    close: () => store.close(),
  };
}

async function openRedis(
  connection: RedisConnection,
  { host, settings, log }: SharedDependencies,
): Promise<OpenedStore> {
  if (host.connectRedis === undefined)
    throw new StoreSetupError(
      "redis.connectionString cannot be used in this runtime, which has no Redis client. Run Conduit under Bun, or " +
        "keep the state on Upstash (UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN).",
    );
  const node = randomToken(NODE_CHARACTERS);
  const { createRedisStore, RequesterRedis } = await redisModules();
  const link = await host.connectRedis(connection, { node, prefix: `${PREFIX}${connection.database}:` });
  const redis = new RequesterRedis(link.requester);
  const store = createRedisStore({
    redis,
    node,
    prefix: PREFIX,
    together: { later: (send) => void setImmediate(send) },
    outbox: outboxOptions(settings),
  });
  const opened: OpenedStore = {
    store,
    instances: { bus: link.bus },
    async doubt() {
      const { doubts, unusable } = await checkRedisDurability(redis);
      return unusable ?? (doubts.length === 0 ? null : doubts.join("; "));
    },
    async close() {
      await store.close();
      link.close();
    },
  };
  const where = `Redis at ${connection.host}:${connection.port}`;
  try {
    const { doubts, unusable } = await checkRedisDurability(redis);
    if (unusable !== null) throw new StoreSetupError(`${where} cannot be used: ${unusable}.`);
    if (doubts.length > 0 && settings.redis.requireDurable)
      throw new StoreSetupError(
        `${where} may forget what it has acknowledged, and redis.requireDurable asks for one that does not: ` +
          `${doubts.join("; ")}. Set appendonly yes, appendfsync always and maxmemory-policy noeviction there.`,
      );
    for (const doubt of doubts)
      log.error("Redis may forget accepted tasks", { server: where, reason: doubt });
    await store.ping();
    return opened;
  } catch (error) {
    await opened.close();
    if (error instanceof StoreSetupError) throw error;
    throw new StoreSetupError(
      `${reasonOf(error)} Check the address, the password and ssl in redis.connectionString.`,
      { cause: error },
    );
  }
}

async function openUpstash(
  { url, token }: { url: string; token: string },
  { settings }: SharedDependencies,
): Promise<OpenedStore> {
  const { createRedisStore, createUpstashRedis } = await redisModules();
  const redis = createUpstashRedis({ url, token });
  const store = createRedisStore({
    redis,
    node: randomToken(NODE_CHARACTERS),
    prefix: PREFIX,
    outbox: outboxOptions(settings),
  });
  try {
    await store.ping();
  } catch (error) {
    await store.close();
    throw new StoreSetupError(
      `Upstash at ${url} cannot be used. ${reasonOf(error)} ` +
        "Check UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN.",
      { cause: error },
    );
  }
  return { store, instances: { bus: null }, doubt: async () => null, close: () => store.close() };
}

async function redisModules() {
  const [{ createRedisStore }, { createUpstashRedis, RequesterRedis }] = await Promise.all([
    import("../../stores/redis/store.ts"),
    import("../../stores/redis/server/client.ts"),
  ]);
  return { createRedisStore, createUpstashRedis, RequesterRedis };
}

/** As a sentence. */
function reasonOf(error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  return reason.endsWith(".") ? reason : `${reason}.`;
}
