/**
 * The address of a hub connection: a key's connections are spread over some objects, its shards, and a connection's
 * secret token names the shard that holds it, so that every later request finds it.
 */

import { randomId } from "../../signalr/transports/connection-id.ts";

/** As many as `hubs.shardsPerKey` may ever have been: connections outlive a change of that setting. */
const MAX_SHARDS = 256;
const TOKEN = /^(\d{1,3})\.([A-Za-z0-9_-]{1,64})\.[A-Za-z0-9_-]{22}$/;

export type ShardAddress = { readonly keyId: string; readonly shard: number };

/** The name of the object. */
export function shardName({ keyId, shard }: ShardAddress): string {
  return `${keyId}/${shard}`;
}

/** The inverse. Throws `TypeError` for what names no shard. */
export function parseShardName(name: string | undefined): ShardAddress {
  const [keyId, shard, ...rest] = (name ?? "").split("/");
  if (!keyId || !shard || rest.length > 0)
    throw new TypeError("Hub connections are held by objects named <key>/<n>");
  return { keyId, shard: Number(shard) };
}

/** A new token; its last part is unguessable, and it is URL-safe without escaping. */
export function makeHubToken({ keyId, shard }: ShardAddress): string {
  return `${shard}.${keyId}.${randomId()}`;
}

/** The shard of the connection with this token; null for what is no token of ours. */
export function parseHubToken(token: string): ShardAddress | null {
  const [, shard, keyId] = TOKEN.exec(token) ?? [];
  if (shard === undefined || keyId === undefined || Number(shard) >= MAX_SHARDS) return null;
  return { keyId, shard: Number(shard) };
}
