import { describe, expect, test } from "vitest";
import { GatewayHealth, type GatewayHealthSources } from "../../../src/compose/gateway-health.ts";

function health(changes: Partial<GatewayHealthSources> = {}): GatewayHealth {
  return new GatewayHealth({
    store: { ping: async () => {}, stats: async () => [] },
    storeDoubt: async () => null,
    engine: { heldSteps: 2 },
    rooms: { stats: () => ({ rooms: 1, subscribers: 3, alone: 0 }) },
    bus: null,
    providers: new Map([["local", {}]]),
    ...changes,
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
  });
});
