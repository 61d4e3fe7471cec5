/** Rooms of two processes over one store, connected by a bus that the test can cut. */

import { describe, expect, test } from "vitest";
import { RoomBridge } from "../../../src/rooms/room-bridge.ts";
import type { RoomStore } from "../../../src/rooms/room-log.ts";
import type { TaskUpdate } from "../../../src/tasks/task.ts";
import { MemoryBusHub } from "../../fixture/memory-bus.ts";

const SCOPE = { keyId: "key-1", subject: null };
const UPDATE = {
  task: { id: "task-1", tenant: { keyId: "key-1", subject: "" } },
  events: [],
} as unknown as TaskUpdate;

/** A store whose calls are counted, and answered as the test says. */
function countedStore(changes: Partial<RoomStore> = {}) {
  const calls: string[] = [];
  const answer =
    <T>(name: string, value: T) =>
    async () => {
      calls.push(name);
      return value;
    };
  const position = { epoch: "e", seq: 1 };
  const store = {
    follow: answer("follow", { task: {}, queuePosition: null, position }),
    followTenant: answer("followTenant", position),
    unfollow: answer("unfollow", undefined),
    unfollowTenant: answer("unfollowTenant", undefined),
    readLog: answer("readLog", { outcome: "not_found" }),
    readTenantLog: answer("readTenantLog", { outcome: "reset", position }),
    positions: answer("positions", new Map()),
    tenantPosition: answer("tenantPosition", position),
    ...changes,
  } as unknown as RoomStore;
  return { calls, store };
}

function instance(hub: MemoryBusHub, store = countedStore().store) {
  const bus = hub.instance();
  const warnings: string[] = [];
  const bridge = new RoomBridge({ bus, store, log: { warn: (message) => warnings.push(message) } });
  const heard: TaskUpdate[] = [];
  let checks = 0;
  bridge.attach({
    publish: (update) => heard.push(update),
    check: async () => {
      checks += 1;
    },
  });
  return { bus, bridge, heard, warnings, checks: () => checks };
}

describe("the bridge between rooms", () => {
  test("hands an update to the rooms here and to those that follow the key elsewhere", async () => {
    const hub = new MemoryBusHub();
    const [one, other, stranger] = [instance(hub), instance(hub), instance(hub)];
    await other.bridge.store.followTenant(SCOPE);
    await stranger.bridge.store.followTenant({ keyId: "key-2", subject: null });
    one.bridge.publish(UPDATE);
    expect(one.heard).toEqual([UPDATE]);
    expect(other.heard).toEqual([UPDATE]);
    expect(stranger.heard).toEqual([]);
  });

  test("subscribes before the store sets a follow flag", async () => {
    const hub = new MemoryBusHub();
    let subscribed: boolean | null = null;
    const { bus, bridge } = instance(
      hub,
      countedStore({
        followTenant: async () => {
          subscribed = bus.topics.has("room/key-1");
          return { epoch: "e", seq: 1 };
        },
      }).store,
    );
    await bridge.store.followTenant(SCOPE);
    expect(subscribed).toBe(true);
  });

  test("leaves the key's topic when its last room closes, and not before", async () => {
    const { bus, bridge } = instance(new MemoryBusHub());
    await bridge.store.follow(SCOPE, "task-1");
    await bridge.store.follow(SCOPE, "task-1");
    await bridge.store.followTenant(SCOPE);
    await bridge.store.unfollow(SCOPE, "task-1");
    expect([...bus.topics.keys()]).toEqual(["room/key-1"]);
    await bridge.store.unfollowTenant(SCOPE);
    expect([...bus.topics.keys()]).toEqual([]);
  });

  test("keeps no topic for a task that does not exist, unless another room of the key is open", async () => {
    const { bus, bridge } = instance(new MemoryBusHub(), countedStore({ follow: async () => null }).store);
    expect(await bridge.store.follow(SCOPE, "unknown")).toBeNull();
    expect(bus.topics.size).toBe(0);
    await bridge.store.followTenant(SCOPE);
    await bridge.store.follow(SCOPE, "unknown");
    expect(bus.topics.size).toBe(1);
  });

  test("keeps the topic of a room that one may not see and another follows at the same moment", async () => {
    const answers = [Promise.withResolvers<unknown>(), Promise.withResolvers<unknown>()];
    let asked = 0;
    const follow = (() => answers[asked++]?.promise) as unknown as RoomStore["follow"];
    const { bus, bridge } = instance(new MemoryBusHub(), countedStore({ follow }).store);
    const refused = bridge.store.follow({ keyId: "key-1", subject: "a" }, "task-1");
    const following = bridge.store.follow(SCOPE, "task-1");
    answers[0]?.resolve(null);
    expect(await refused).toBeNull();
    answers[1]?.resolve({ position: { epoch: "e", seq: 1 } });
    await following;
    expect(bus.topics.size).toBe(1);
  });

  test("keeps the topic when following failed, since the flag may have been set, until the room clears it", async () => {
    const follow = () => Promise.reject(new Error("no answer"));
    const { bus, bridge } = instance(new MemoryBusHub(), countedStore({ follow }).store);
    await expect(bridge.store.follow(SCOPE, "task-1")).rejects.toThrow("no answer");
    expect(bus.topics.size).toBe(1);
    await bridge.store.unfollow(SCOPE, "task-1");
    expect(bus.topics.size).toBe(0);
  });

  test("has the rooms compared with the store after messages may have been lost", () => {
    const { bus, checks } = instance(new MemoryBusHub());
    bus.tellGap();
    expect(checks()).toBe(1);
  });

  test("survives a message that cannot be read", async () => {
    const { bus, bridge, heard, warnings } = instance(new MemoryBusHub());
    await bridge.store.followTenant(SCOPE);
    bus.deliver("room/key-1", "{ half a mess");
    expect(heard).toEqual([]);
    expect(warnings).toHaveLength(1);
  });
});
