/** The contract of the outbox over SQLite and Redis, on every way in which calls reach it. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { USUAL_EVENT_TYPES } from "../../src/protocol/domain-event.ts";
import { openSqliteFile } from "../../src/runtime/bun/sqlite-file.ts";
import { SCRIPT_NAMES, Scripts } from "../../src/stores/redis/scripts.ts";
import type { RedisStoreOptions } from "../../src/stores/redis/store.ts";
import { TaskFields } from "../../src/stores/redis/tasks/fields.ts";
import { DATA_RELEASE } from "../../src/stores/release.ts";
import { createSqliteStore } from "../../src/stores/sqlite/store.ts";
import { TASK_FIELDS } from "../../src/stores/task-fields.ts";
import { outboxContract } from "../contract/store/outbox.ts";
import { Bench } from "../contract/store-harness.ts";
import { describeWithRedis } from "../fixture/describe-with-redis.ts";
import { RedisWorld, twice } from "../fixture/redis-world.ts";
import { virtualKey } from "../fixture/virtual-key.ts";

outboxContract({
  name: "SQLite",
  async open(outbox) {
    let now = Date.UTC(2026, 10, 22);
    const database = openSqliteFile(":memory:");
    const store = createSqliteStore({ database, now: () => now, outbox: () => outbox });
    return {
      store,
      now: () => now,
      advance: (ms) => {
        now += ms;
      },
      dispose: () => store.close(),
    };
  },
});

describeWithRedis("Redis over TCP", () => {
  let world: RedisWorld;
  beforeAll(async () => {
    world = await RedisWorld.start();
  });
  afterAll(() => world.stop());

  const together = { later: queueMicrotask };
  const ways: [name: string, options: (outbox: RedisStoreOptions["outbox"]) => Partial<RedisStoreOptions>][] =
    [
      ["Redis over TCP", () => ({})],
      ["every call sent twice", (outbox) => ({ redis: twice(world.client(), outbox) })],
      ["every call in a script for many", () => ({ together })],
    ];
  for (const [name, options] of ways)
    outboxContract({
      name,
      open: async (outbox) => world.open({ ...options(outbox), outbox }),
    });

  test("an outbox that holds something else is set aside, and keeps no task from being accepted", async () => {
    const outbox = { types: new Set(USUAL_EVENT_TYPES), maxRows: 10 };
    const bench = new Bench(world.open({ outbox }));
    await bench.store.createKey(virtualKey({ id: "a" }));
    await world.command("SET", `${world.prefix}0:outbox`, "damaged");
    const { id } = await bench.submit();
    const batch = await bench.store.claimEvents({ leaseMs: 1_000, maxRows: 10, maxBytes: 10_000 });
    expect(batch?.rows.map((row) => (JSON.parse(row) as { id: string }).id)).toEqual([`${id}/1`]);
    expect(await world.command("GET", `${world.prefix}0:set-aside:outbox`)).toBe("damaged");
    await bench.dispose();
  });
});

test("scripts of a store without a sink say nothing of an outbox", () => {
  const plain = new Scripts(new TaskFields(TASK_FIELDS), DATA_RELEASE);
  const told = SCRIPT_NAMES.filter((name) => /outbox|\bpost\w*\(/.test(plain.text(name)));
  expect(told.sort()).toEqual(["claimEvents", "finishEvents", "outboxStats"]);
});
