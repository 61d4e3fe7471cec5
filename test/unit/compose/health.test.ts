import { describe, expect, test } from "vitest";
import { HostHealth, roomsPart } from "../../../src/compose/health.ts";

type Sources = {
  store: { ping(): Promise<void>; stats(): Promise<never[]> };
  storeDoubt(): Promise<string | null>;
  bus: { connected: boolean } | null;
};

/** As the gateway of one process asks. */
function health(changes: Partial<Sources> = {}): HostHealth {
  const { store, storeDoubt, bus }: Sources = {
    store: { ping: async () => {}, stats: async () => [] },
    storeDoubt: async () => null,
    bus: null,
    ...changes,
  };
  return new HostHealth({
    store: { ping: store.ping, doubt: storeDoubt },
    queue: { stats: store.stats, figures: () => ({ providerCalls: 2 }) },
    rooms: () => roomsPart({ stats: () => ({ rooms: 1, subscribers: 3, alone: 0 }) }, bus),
    providers: new Map([["local", {}]]),
  });
}

describe("the health of a gateway", () => {
  test("is well while every part is", async () => {
    expect(await health({ bus: { connected: true } }).parts()).toEqual({
      store: { status: "ok" },
      queue: { status: "ok", providerCalls: 2 },
      rooms: { status: "ok", rooms: 1, subscribers: 3, alone: 0 },
      providers: { status: "ok", offered: "local" },
    });
  });

  test("is degraded, with the reason, while the store may forget", async () => {
    const parts = await health({ storeDoubt: async () => "appendonly is off" }).parts();
    expect(parts.store).toEqual({ status: "degraded", detail: "appendonly is off" });
  });

  test("is degraded while other instances are not heard", async () => {
    const parts = await health({ bus: { connected: false } }).parts();
    expect(parts.rooms).toMatchObject({ status: "degraded", subscribers: 3 });
  });

  test("is down without a store, and then nothing should be sent here", async () => {
    const gone = () => Promise.reject(new Error("gone"));
    const without = health({ store: { ping: gone, stats: gone }, storeDoubt: gone });
    const { store, queue } = await without.parts();
    expect([store?.status, queue?.status]).toEqual(["down", "down"]);
    expect(await without.ready()).toBe(false);
    // Nothing of an unreadable queue is guessed.
    expect(queue).toEqual({ status: "down", detail: "the queue cannot be read" });
  });

  test("is not ready once it stops, whatever its parts are", async () => {
    const stopping = health();
    expect(await stopping.ready()).toBe(true);
    stopping.stopping();
    expect(await stopping.ready()).toBe(false);
    expect((await stopping.parts()).store).toEqual({ status: "ok" });
  });
});
