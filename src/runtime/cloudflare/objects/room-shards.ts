/** The hub shards that joined a room: each is told of every update once, however many of its connections follow. */

import type { DurableObjectStorage } from "@cloudflare/workers-types";
import type { TaskUpdate } from "../../../tasks/task.ts";

const KEY_PREFIX = "shard/";

/**
 * Updates that wait for a shard's answer at most; beyond it the oldest go, and the shard reads what is missing from the
 * log.
 */
const MAX_WAITING = 256;

/** What is used of a stub of the class `HubShard`. */
export type ShardStub = { publish(...updates: TaskUpdate[]): Promise<unknown> };

type Joined = {
  /** Null: no stub yet, or its object was restarted; a stub stays broken then. */
  stub: ShardStub | null;
  sending: boolean;
  waiting: TaskUpdate[];
};

export class RoomShards {
  readonly #storage: DurableObjectStorage;
  readonly #stubOf: (shard: string) => ShardStub;
  readonly #shards = new Map<string, Joined>();

  constructor(storage: DurableObjectStorage, stubOf: (shard: string) => ShardStub) {
    this.#storage = storage;
    this.#stubOf = stubOf;
    for (const [key] of storage.kv.list({ prefix: KEY_PREFIX })) this.#join(key.slice(KEY_PREFIX.length));
  }

  get size(): number {
    return this.#shards.size;
  }

  add(shard: string): void {
    if (this.#shards.has(shard)) return;
    this.#join(shard);
    this.#storage.kv.put(KEY_PREFIX + shard, true);
  }

  remove(shard: string): void {
    if (this.#shards.delete(shard)) this.#storage.kv.delete(KEY_PREFIX + shard);
  }

  /** Lets go of all; what was published before still reaches them. */
  clear(): void {
    for (const shard of [...this.#shards.keys()]) this.remove(shard);
  }

  /**
   * Nobody waits for it: a shard that does not hear of an update finds it when it compares itself with the store. What
   * is published while a shard has not answered yet goes to it together: a call costs far more than an update in it.
   */
  publish(update: TaskUpdate): void {
    for (const [shard, joined] of this.#shards) {
      joined.waiting.push(update);
      if (joined.waiting.length > MAX_WAITING) joined.waiting.shift();
      if (!joined.sending) void this.#send(shard, joined);
    }
  }

  async #send(shard: string, joined: Joined): Promise<void> {
    joined.sending = true;
    while (joined.waiting.length > 0) {
      joined.stub ??= this.#stubOf(shard);
      try {
        await joined.stub.publish(...joined.waiting.splice(0));
      } catch {
        joined.stub = null;
      }
    }
    joined.sending = false;
  }

  #join(shard: string): void {
    this.#shards.set(shard, { stub: null, sending: false, waiting: [] });
  }
}
