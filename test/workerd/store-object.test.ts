/** The store contracts over the store's Durable Object, called through its binding, and what only that promises. */

import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import { DATA_RELEASE } from "../../src/stores/release.ts";
import { createRemoteStore } from "../../src/stores/remote/remote-store.ts";
import type { Store } from "../../src/stores/store.ts";
import { accountStoreContract } from "../contract/account-store.ts";
import { Bench, COMPLETE, scopeOf } from "../contract/store-harness.ts";
import { taskStoreContract } from "../contract/task-store.ts";
import { durableStoreContract, freshObject, type Stub } from "./store-objects.ts";

const remote = durableStoreContract("a Durable Object, called from elsewhere", async (stub, now) => {
  await runInDurableObject(stub(), (object) => Object.assign(object, { now }));
  return remoteStore(stub);
});

taskStoreContract(remote);
accountStoreContract(remote);

describe("the store's object", () => {
  test("keeps every task it answered for when it is restarted without warning", async () => {
    const stub = freshObject();
    const bench = await benchOf(stub);
    const tasks = await Promise.all(Array.from({ length: 50 }, () => bench.submit()));
    await abort(stub);
    for (const task of tasks) expect(await bench.read(task)).toEqual(task);
    expect(await bench.stat()).toEqual({ ready: 50, delayed: 0, held: 0 });
  });

  test("makes a task once whose request was under way when it was restarted", async () => {
    const stub = freshObject();
    const bench = await benchOf(stub);
    for (let round = 0; round < 5; round++) {
      const creating = [bench.submit(), bench.submit(), bench.submit()];
      await abort(stub);
      await Promise.all(creating.map((task) => task.catch(() => {})));
    }
    expect((await bench.store.list(scopeOf("a"), { limit: 100 })).tasks).toHaveLength(15);
    expect(await bench.stat()).toEqual({ ready: 15, delayed: 0, held: 0 });
  });

  test("is not blamed for values that cannot be sent to it", async () => {
    const { store } = await benchOf(freshObject());
    const withoutPrototype = Object.assign(Object.create(null), { name: "renamed" });
    await expect(store.updateKey("a", withoutPrototype, 0)).rejects.toMatchObject({
      name: "TypeError",
      message: expect.stringContaining("updateKey cannot be sent"),
    });
    await expect(store.findKeyByHash("x".repeat(32 * 1024 * 1024))).rejects.toMatchObject({
      name: "TypeError",
      message: expect.stringContaining("limited to 32MiB"),
    });
  });

  test("leaves the leases of workers elsewhere alone when it starts", async () => {
    const stub = freshObject();
    const bench = await benchOf(stub);
    const task = await bench.submit();
    await bench.store.follow(scopeOf("a"), task.id);
    const claim = await bench.claimOne();
    await evictDurableObject(stub());
    expect(await bench.claim()).toEqual([]);
    expect(await bench.store.advance(claim.lease, COMPLETE)).toMatchObject({
      applied: true,
      update: { followed: { task: true } },
    });
  });

  test("refuses what only newer releases may read, by every method, and leaves it alone", async () => {
    const stub = freshObject();
    const bench = await benchOf(stub);
    await runInDurableObject(stub(), (_, { storage }) => {
      storage.sql.exec("UPDATE release SET writes = ?1, min_reader = ?1", DATA_RELEASE.writes + 1);
    });
    await evictDurableObject(stub());
    const newer = {
      name: "StoreUnavailableError",
      reason: "newer_schema",
      message: expect.stringContaining("release"),
    };
    await expect(bench.store.ping()).rejects.toMatchObject(newer);
    await expect(bench.submit()).rejects.toMatchObject(newer);
    await expect(bench.store.deleteKey("a")).rejects.toMatchObject(newer);
    const kept = await runInDurableObject(stub(), (_, { storage }) =>
      storage.sql.exec("SELECT count(*) AS n FROM keys").one(),
    );
    expect(kept).toEqual({ n: 3 });
  });

  test.each(["close", "releaseLeases", "constructor", "toString", "__proto__", "no such"])(
    "has no method %j to call",
    async (method) => {
      const answer = await freshObject()().call(method, []);
      expect(answer).toEqual({
        ok: false,
        failure: { kind: "type", message: `The store has no method ${JSON.stringify(method)}` },
      });
    },
  );
});

function remoteStore(stub: Stub): Store {
  return createRemoteStore({ STORE: { getByName: stub } });
}

function benchOf(stub: Stub): Promise<Bench> {
  const open = async () => ({
    store: remoteStore(stub),
    now: Date.now,
    advance: () => {},
    dispose: async () => {},
  });
  return Bench.open({ name: "remote", open });
}

/** As a crash or a new release would. */
async function abort(stub: Stub): Promise<void> {
  await runInDurableObject(stub(), (_, state) => state.abort("a new release")).catch(() => {});
}
