/** Shards of a room over rows that outlive it. */

import { beforeEach, expect, test } from "vitest";
import { JoinedShards, type ShardStub } from "../../../../src/rooms/remote/joined-shards.ts";
import { kvShardNames } from "../../../../src/runtime/cloudflare/objects/kv-shard-names.ts";
import type { TaskUpdate } from "../../../../src/tasks/task.ts";
import { settled } from "../../../fixture/manual-clock.ts";
import { ScriptedLogs } from "../../../fixture/scripted-logs.ts";

let rows: Map<string, unknown>;
/** Stubs made, by shard. */
let made: Map<string, number>;
let told: { shard: string; stub: number; type: string }[];
let broken: Set<string>;
let calls: number;
let update: TaskUpdate;

beforeEach(() => {
  rows = new Map([["position", "x.1"]]);
  made = new Map();
  told = [];
  broken = new Set();
  calls = 0;
  update = new ScriptedLogs().create();
});

const life = () => {
  const kv = {
    list: ({ prefix }: { prefix: string }) => [...rows].filter(([key]) => key.startsWith(prefix)),
    put: (key: string, value: unknown) => rows.set(key, value),
    delete: (key: string) => rows.delete(key),
  };
  const stubOf = (shard: string): ShardStub => {
    const stub = (made.get(shard) ?? 0) + 1;
    made.set(shard, stub);
    return {
      publish: async (...updates) => {
        if (broken.has(`${shard}#${stub}`)) throw new Error("restarted");
        calls += 1;
        for (const { events } of updates) told.push({ shard, stub, type: events[0]?.type ?? "" });
      },
    };
  };
  return new JoinedShards(kvShardNames({ kv } as unknown as Parameters<typeof kvShardNames>[0]), stubOf);
};

test("every shard that joined gets an update once, also after the object's hibernation", async () => {
  const shards = life();
  shards.add("key_a/0");
  shards.add("key_a/1");
  shards.add("key_a/0");
  const later = life();
  expect(later.size).toBe(2);
  later.publish(update);
  await settled();
  expect(told.map(({ shard }) => shard)).toEqual(["key_a/0", "key_a/1"]);
});

test("one that left gets nothing, and its row is gone", async () => {
  const shards = life();
  shards.add("key_a/0");
  shards.add("key_a/1");
  shards.remove("key_a/0");
  shards.remove("key_a/7");
  shards.publish(update);
  await settled();
  expect(told.map(({ shard }) => shard)).toEqual(["key_a/1"]);
  shards.clear();
  expect([shards.size, life().size, [...rows.keys()]]).toEqual([0, 0, ["position"]]);
});

test("a stub is kept while it works, and replaced when its object was restarted", async () => {
  const shards = life();
  shards.add("key_a/0");
  shards.publish(update);
  await settled();
  shards.publish(update);
  await settled();
  expect(made.get("key_a/0")).toBe(1);
  broken.add("key_a/0#1");
  shards.publish(update);
  await settled();
  shards.publish(update);
  await settled();
  expect(made.get("key_a/0")).toBe(2);
  expect(told.map(({ stub }) => stub)).toEqual([1, 1, 2]);
});

test("what is published before the shard has answered goes to it together, in order, also to one let go meanwhile", async () => {
  const logs = new ScriptedLogs();
  const created = logs.create();
  const started = logs.advance(created.task.id, "started");
  const ended = logs.advance(created.task.id, "completed");
  const shards = life();
  shards.add("key_a/0");
  for (const next of [created, started, ended]) shards.publish(next);
  shards.clear();
  await settled();
  expect(told.map(({ type }) => type)).toEqual(["queued", "started", "completed"]);
  expect(calls).toBe(2);
});
