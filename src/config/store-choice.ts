/** Which store the settings ask for. There is exactly one, and nothing falls back to another. */

import type { RedisConnection } from "./redis-connection.ts";

export type StoreChoice =
  /** SQLite: a file of the process, or inside a Durable Object. */
  | { readonly kind: "embedded" }
  | { readonly kind: "redis"; readonly connection: RedisConnection }
  | { readonly kind: "upstash"; readonly url: string; readonly token: string };

export type StoreSettings = {
  readonly redis: { readonly connectionString: RedisConnection | null };
  readonly upstash: { readonly url: string | null; readonly token: string | null };
};

/** Settings that were checked name at most one shared store, with all of its credentials. */
export function storeChoice({ redis, upstash }: StoreSettings): StoreChoice {
  if (redis.connectionString !== null) return { kind: "redis", connection: redis.connectionString };
  if (upstash.url !== null && upstash.token !== null)
    return { kind: "upstash", url: upstash.url, token: upstash.token };
  return { kind: "embedded" };
}
