/** The hub shards that joined a room: each is told of every update once, however many of its connections follow. */

import type { DurableObjectStorage } from "@cloudflare/workers-types";
import type { TaskUpdate } from "../../tasks/task.ts";

const KEY_PREFIX = "shard/";

/** What is used of a stub of the class `HubShard`. */
export type ShardStub = { publish(update: TaskUpdate): Promise<unknown> };

export class RoomShards {
  readonly #storage: DurableObjectStorage;
  readonly #stubOf: (shard: string) => ShardStub;
  /** Null: no stub yet, or its object was restarted; a stub stays broken then. */
  readonly #stubs = new Map<string, ShardStub | null>();

  constructor(storage: DurableObjectStorage, stubOf: (shard: string) => ShardStub) {
    this.#storage = storage;
    this.#stubOf = stubOf;
    for (const [key] of storage.kv.list({ prefix: KEY_PREFIX })) {
      this.#stubs.set(key.slice(KEY_PREFIX.length), null);
    }
  }

  get size(): number {
    return this.#stubs.size;
  }

  add(shard: string): void {
    if (this.#stubs.has(shard)) return;
    this.#stubs.set(shard, null);
    this.#storage.kv.put(KEY_PREFIX + shard, true);
  }

  remove(shard: string): void {
    if (this.#stubs.delete(shard)) this.#storage.kv.delete(KEY_PREFIX + shard);
  }

  clear(): void {
    for (const shard of [...this.#stubs.keys()]) this.remove(shard);
  }

  /** Nobody waits for it: a shard that does not hear of an update finds it when it compares itself with the store. */
  publish(update: TaskUpdate): void {
    for (const [shard, known] of this.#stubs) {
      const stub = known ?? this.#stubOf(shard);
      this.#stubs.set(shard, stub);
      stub.publish(update).catch(() => {
        if (this.#stubs.get(shard) === stub) this.#stubs.set(shard, null);
      });
    }
  }
}
