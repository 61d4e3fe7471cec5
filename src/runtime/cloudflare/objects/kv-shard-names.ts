/** The names of a room's shards in the key-value storage of its Durable Object. */

import type { DurableObjectStorage } from "@cloudflare/workers-types";
import type { StoredShardNames } from "../../../rooms/remote/joined-shards.ts";

const KEY_PREFIX = "shard/";

export function kvShardNames({ kv }: Pick<DurableObjectStorage, "kv">): StoredShardNames {
  return {
    *list() {
      for (const [key] of kv.list({ prefix: KEY_PREFIX })) yield key.slice(KEY_PREFIX.length);
    },
    add: (shard) => kv.put(KEY_PREFIX + shard, true),
    delete: (shard) => void kv.delete(KEY_PREFIX + shard),
  };
}
