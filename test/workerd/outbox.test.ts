/** The outbox in the store's Durable Object, and its sender behind the cron trigger, inside workerd. */

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runSchedule } from "../../src/compose/cron-schedule.ts";
import { createHttpSink } from "../../src/events/http-sink.ts";
import { EventSender } from "../../src/events/sender.ts";
import { USUAL_EVENT_TYPES } from "../../src/protocol/domain-event.ts";
import { createRemoteStore, STORE_NAME } from "../../src/stores/remote/remote-store.ts";
import type { Doorbell } from "../../src/tasks/ports/doorbell.ts";
import { outboxContract } from "../contract/store/outbox.ts";
import { RunnerWorld } from "../fixture/runner-world.ts";
import { pictures } from "../fixture/scripted-provider.ts";
import { durableStoreContract, freshObject } from "./store-objects.ts";

const SILENT: Doorbell = { ring: () => {} };

outboxContract({
  name: "a Durable Object, called from elsewhere",
  open: (outbox) =>
    durableStoreContract("", async (stub, now) => {
      await runInDurableObject(stub(), (object) => Object.assign(object, { now, outbox }));
      return createRemoteStore({ STORE: { getByName: stub } });
    }).open(),
});

test("a store whose Worker has no sink keeps no events", async () => {
  const stub = freshObject();
  expect(await runInDurableObject(stub(), (object) => Reflect.get(object, "outbox"))).toBeNull();
});

describe("the cron trigger", () => {
  let world: RunnerWorld;
  beforeEach(async () => {
    world = await RunnerWorld.open();
  });
  afterEach(() => world.close());

  test("sends what waits, and leaves what a sink refuses for the next one, with the same ids", async () => {
    const { store, clock, log } = world.parts;
    const batches: string[][] = [];
    const statuses = [503];
    const sink = createHttpSink(
      { url: "https://sink.example/events", headers: {} },
      {
        clock,
        post: async (_, { body }) => {
          const lines = String(body).trimEnd().split("\n");
          batches.push(lines.map((line) => (JSON.parse(line) as { id: string }).id));
          return new Response("", { status: statuses.shift() ?? 200 });
        },
      },
    );
    const eventSender = new EventSender({ store, sink, clock, log, random: () => 0.5 });
    const trigger = (doorbell: Doorbell = SILENT) =>
      runSchedule("* * * * *", { ...world.parts, eventSender, doorbell });
    const from = Date.now();
    await inStore({ now: () => from, outbox: { types: new Set(USUAL_EVENT_TYPES), maxRows: 100 } });
    world.provider.always = () => pictures();
    const { id } = await world.create();
    await trigger();
    expect(batches).toEqual([[`${id}/1`]]);
    await trigger(world.parts.doorbell);
    expect(batches).toHaveLength(1);
    await world.ended(id);
    await inStore({ now: () => from + 60_000 });
    await trigger();
    await inStore({ outbox: null, now: Date.now });
    expect(batches.slice(1).flat()).toEqual([`${id}/1`, `${id}/2`, `${id}/3`, `task/${id}`]);
    expect((await store.outboxStats()).waiting).toBe(0);
  });
});

/** Changes what the deployment's store goes by. */
function inStore(changes: object): Promise<unknown> {
  return runInDurableObject(env.STORE.getByName(STORE_NAME), (object) => {
    Object.assign(object, changes);
  });
}
