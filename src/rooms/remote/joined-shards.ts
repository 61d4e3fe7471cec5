/** The hub shards that joined a room: each gets every update once, however many of its connections subscribe. */

import type { TaskUpdate } from "../../tasks/task.ts";

/**
 * Updates that wait for a shard's answer at most; beyond it the oldest are dropped, and the shard reads what is missing
 * from the log.
 */
const MAX_WAITING = 256;

/** A stub of a shard's object. */
export type ShardStub = { publish(...updates: TaskUpdate[]): Promise<unknown> };

/** The names of the joined shards, stored with the room's object. */
export interface StoredShardNames {
  list(): Iterable<string>;
  add(shard: string): void;
  delete(shard: string): void;
}

type JoinedShard = {
  /** Null: no stub yet, or its object was restarted, which breaks a stub for good. */
  stub: ShardStub | null;
  sending: boolean;
  waiting: TaskUpdate[];
};

export class JoinedShards {
  readonly #names: StoredShardNames;
  readonly #stubOf: (shard: string) => ShardStub;
  readonly #shards = new Map<string, JoinedShard>();

  constructor(names: StoredShardNames, stubOf: (shard: string) => ShardStub) {
    this.#names = names;
    this.#stubOf = stubOf;
    for (const name of names.list()) this.#join(name);
  }

  get size(): number {
    return this.#shards.size;
  }

  add(shard: string): void {
    if (this.#shards.has(shard)) return;
    this.#join(shard);
    this.#names.add(shard);
  }

  remove(shard: string): void {
    if (this.#shards.delete(shard)) this.#names.delete(shard);
  }

  /** Removes all; what was published before still reaches them. */
  clear(): void {
    for (const shard of [...this.#shards.keys()]) this.remove(shard);
  }

  /**
   * Not awaited: a shard that does not get an update finds it when it compares itself with the store. What is published
   * while a shard has not answered yet goes to it in one call: a call costs 70-150 µs of CPU, an update in it far less
   * (measured with workerd of wrangler 4.156).
   */
  publish(update: TaskUpdate): void {
    for (const [shard, joined] of this.#shards) {
      joined.waiting.push(update);
      if (joined.waiting.length > MAX_WAITING) joined.waiting.shift();
      if (!joined.sending) void this.#send(shard, joined);
    }
  }

  async #send(shard: string, joined: JoinedShard): Promise<void> {
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
