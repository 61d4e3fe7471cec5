import { describe, expect, test } from "vitest";
import { HostHealth, roomsPart } from "../../../src/compose/operations/health.ts";
import { StoreUnavailableError } from "../../../src/tasks/ports/store-error.ts";
import { ManualClock } from "../../fixture/manual-clock.ts";

type Sources = {
  store: { ping(): Promise<void>; stats(): Promise<never[]> };
  storeDoubt(): Promise<string | null>;
  bus: { connected: boolean } | null;
};

const clock = new ManualClock();
let unreadable = 0;
let keys = true;
let deliveries: { pending: number; dead: number } | null = { pending: 3, dead: 1 };
let hung = new Map<string, number>();

/** As the gateway of one process asks. */
function health(changes: Partial<Sources> = {}): HostHealth {
  const { store, storeDoubt, bus }: Sources = {
    store: { ping: async () => {}, stats: async () => [] },
    storeDoubt: async () => null,
    bus: null,
    ...changes,
  };
  return new HostHealth({
    store: {
      ping: store.ping,
      countUnreadable: async () => unreadable,
      hasKeys: async () => keys,
      doubt: storeDoubt,
    },
    queue: { stats: store.stats, figures: () => ({ providerCalls: 2 }) },
    rooms: () => roomsPart({ stats: () => ({ rooms: 1, subscribers: 3, alone: 0 }) }, bus),
    providers: new Map([["local", {}]]),
    hungCalls: () => hung,
    webhooks: async () => {
      if (deliveries === null) throw new Error("the store is away");
      return deliveries;
    },
    clock,
  });
}

describe("the health of a gateway", () => {
  test("is well while every part is", async () => {
    expect(await health({ bus: { connected: true } }).parts()).toEqual({
      store: { status: "ok" },
      queue: { status: "ok", providerCalls: 2 },
      rooms: { status: "ok", rooms: 1, subscribers: 3, alone: 0 },
      providers: { status: "ok", offered: "local" },
      webhooks: { status: "ok", pending: 3, dead: 1 },
    });
  });

  test("says when the deliveries of webhooks cannot be read", async () => {
    deliveries = null;
    const { webhooks } = await health().parts();
    deliveries = { pending: 3, dead: 1 };
    expect(webhooks).toMatchObject({ status: "down" });
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

  test("says of a store that cannot be written to why, and what to do", async () => {
    const full = () => Promise.reject(new StoreUnavailableError("full", "SQLITE_FULL at /srv/secret"));
    const { store } = await health({ store: { ping: full, stats: async () => [] } }).parts();
    expect(store).toEqual({
      status: "down",
      detail: "the store cannot be written to (full): free space where it writes, or raise its limit",
    });
  });

  test("is degraded without a single key, which every request would need", async () => {
    keys = false;
    expect((await health().parts()).store).toMatchObject({
      status: "degraded",
      detail: expect.stringContaining("POST /admin/v1/keys"),
    });
    keys = true;
  });

  test("is degraded while something stored cannot be read", async () => {
    unreadable = 3;
    expect((await health().parts()).store).toMatchObject({ status: "degraded", unreadable: 3 });
    unreadable = 0;
  });

  test("is degraded while calls of a provider do not end, and names it", async () => {
    hung = new Map([
      ["slow", 2],
      ["dead", 1],
    ]);
    expect((await health().parts()).providers).toMatchObject({
      status: "degraded",
      offered: "local",
      hungCalls: 3,
      detail: expect.stringContaining("slow (2), dead (1)"),
    });
    hung = new Map();
  });

  test("tries the store once a second at most, however often it is asked", async () => {
    let tries = 0;
    const ping = async () => void tries++;
    const asked = health({ store: { ping, stats: async () => [] } });
    for (let times = 0; times < 5; times++) await asked.ready();
    await asked.parts();
    expect(tries).toBe(1);
    await clock.advance(1_000);
    await asked.ready();
    expect(tries).toBe(2);
  });

  test("is not ready once it stops, whatever its parts are", async () => {
    const stopping = health();
    expect(await stopping.ready()).toBe(true);
    stopping.stopping();
    expect(await stopping.ready()).toBe(false);
    expect((await stopping.parts()).store).toEqual({ status: "ok" });
  });
});
