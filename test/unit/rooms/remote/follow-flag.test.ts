/** The flag that subscribers and shards of a room share, however their coming and going meets the store's answers. */

import { beforeEach, expect, test } from "vitest";
import { FollowFlag } from "../../../../src/rooms/remote/follow-flag.ts";
import type { TenantScope } from "../../../../src/tasks/task.ts";
import { settled } from "../../../fixture/manual-clock.ts";
import { ScriptedLogs } from "../../../fixture/scripted-logs.ts";

const KEY: TenantScope = { keyId: "key_a", subject: null };

let store: ScriptedLogs;
let id: string;
let wanted: boolean;
let releases: number;
let flag: FollowFlag;

beforeEach(() => {
  store = new ScriptedLogs();
  id = store.create().task.id;
  wanted = false;
  releases = 0;
  flag = new FollowFlag(store, {
    subject: { kind: "task", keyId: "key_a", taskId: id },
    isWanted: () => wanted,
    cleared: async () => {
      releases += 1;
    },
  });
});

test("stays set as long as it is wanted", async () => {
  wanted = true;
  await flag.store.follow(KEY, id);
  await flag.store.unfollow(KEY, id);
  await flag.release();
  expect([store.hasSubscribers(id), releases]).toEqual([true, 0]);
  wanted = false;
  await flag.release();
  expect([store.hasSubscribers(id), releases]).toEqual([false, 1]);
});

test("is taken away once, however many leave at the same time", async () => {
  await flag.store.follow(KEY, id);
  store.calls.length = 0;
  await Promise.all([flag.release(), flag.store.unfollow(KEY, id), flag.release()]);
  expect([store.calls, releases]).toEqual([["unfollow"], 1]);
});

test("one that subscribes while it is being cleared sets it again afterwards, and nothing is lost", async () => {
  await flag.store.follow(KEY, id);
  const gate = Promise.withResolvers<void>();
  store.pause = () => gate.promise;
  const released = flag.release();
  store.pause = () => Promise.resolve();
  wanted = true;
  const followed = flag.store.follow(KEY, id);
  await settled();
  expect(store.calls).toEqual(["follow", "unfollow"]);
  gate.resolve();
  await Promise.all([released, followed]);
  expect([store.hasSubscribers(id), releases]).toEqual([true, 0]);
});

test("a store that cannot be reached keeps it, and it can be taken away later", async () => {
  await flag.store.follow(KEY, id);
  store.failing = true;
  await expect(flag.release()).rejects.toThrow("the store is away");
  expect(releases).toBe(0);
  await flag.settled();
  store.failing = false;
  await flag.release();
  expect([store.hasSubscribers(id), releases]).toEqual([false, 1]);
});

test("a tenant's is the tenant's, its subject's own", async () => {
  const sam: TenantScope = { keyId: "key_a", subject: "sam" };
  const tenant = new FollowFlag(store, {
    subject: { kind: "tenant", keyId: "key_a", subject: "sam" },
    isWanted: () => false,
    cleared: async () => {},
  });
  await tenant.store.followTenant(sam);
  await store.followTenant(KEY);
  await tenant.release();
  expect([store.isTenantFollowed(sam), store.isTenantFollowed(KEY)]).toEqual([false, true]);
});
