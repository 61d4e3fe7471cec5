/** The mark that followers and shards of a room share, however their coming and going meets the store's answers. */

import { beforeEach, expect, test } from "vitest";
import { RoomMark } from "../../../../src/rooms/remote/follow-flag.ts";
import type { TenantScope } from "../../../../src/tasks/task.ts";
import { settled } from "../../../fixture/manual-clock.ts";
import { ScriptedLogs } from "../../../fixture/scripted-logs.ts";

const KEY: TenantScope = { keyId: "key_a", subject: null };

let store: ScriptedLogs;
let id: string;
let wanted: boolean;
let releases: number;
let mark: RoomMark;

beforeEach(() => {
  store = new ScriptedLogs();
  id = store.create().task.id;
  wanted = false;
  releases = 0;
  mark = new RoomMark(store, {
    subject: { kind: "task", keyId: "key_a", taskId: id },
    isWanted: () => wanted,
    released: async () => {
      releases += 1;
    },
  });
});

test("stays as long as anybody follows", async () => {
  wanted = true;
  await mark.store.follow(KEY, id);
  await mark.store.unfollow(KEY, id);
  await mark.release();
  expect([store.isFollowed(id), releases]).toEqual([true, 0]);
  wanted = false;
  await mark.release();
  expect([store.isFollowed(id), releases]).toEqual([false, 1]);
});

test("is taken away once, however many leave at the same time", async () => {
  await mark.store.follow(KEY, id);
  store.calls.length = 0;
  await Promise.all([mark.release(), mark.store.unfollow(KEY, id), mark.release()]);
  expect([store.calls, releases]).toEqual([["unfollow"], 1]);
});

test("somebody who comes while it is taken away makes a new one behind it, and nothing is forgotten", async () => {
  await mark.store.follow(KEY, id);
  const gate = Promise.withResolvers<void>();
  store.pause = () => gate.promise;
  const released = mark.release();
  store.pause = () => Promise.resolve();
  wanted = true;
  const followed = mark.store.follow(KEY, id);
  await settled();
  expect(store.calls).toEqual(["follow", "unfollow"]);
  gate.resolve();
  await Promise.all([released, followed]);
  expect([store.isFollowed(id), releases]).toEqual([true, 0]);
});

test("a store that cannot be reached keeps it, and it can be taken away later", async () => {
  await mark.store.follow(KEY, id);
  store.failing = true;
  await expect(mark.release()).rejects.toThrow("the store is away");
  expect(releases).toBe(0);
  await mark.settled();
  store.failing = false;
  await mark.release();
  expect([store.isFollowed(id), releases]).toEqual([false, 1]);
});

test("a tenant's is the tenant's, its subject's own", async () => {
  const sam: TenantScope = { keyId: "key_a", subject: "sam" };
  const tenant = new RoomMark(store, {
    subject: { kind: "tenant", keyId: "key_a", subject: "sam" },
    isWanted: () => false,
    released: async () => {},
  });
  await tenant.store.followTenant(sam);
  await store.followTenant(KEY);
  await tenant.release();
  expect([store.isTenantFollowed(sam), store.isTenantFollowed(KEY)]).toEqual([false, true]);
});
