/** A thousand requests of every kind at once through the whole application, on a key with room for some of them. */

import { expect, test } from "vitest";
import { gatewayWorld } from "../fixture/gateway-world.ts";
import { pictures } from "../fixture/scripted-provider.ts";
import { createSeededRandom } from "../fixture/seeded-random.ts";

const REQUESTS = 1_000;
const ROOM = 41;
const PRICE_MICROS = 40_000;
const PRICES = { "local/canvas": { unit: "image", usd: PRICE_MICROS / 1e6 } };
const FOX = { prompt: "a red fox", model: "local/canvas" };
const LONG_TEST_MS = 120_000;

/** How each kind is asked for, and how many items one request has. */
const KINDS = [
  { path: "/v1/images/generations", items: 1 },
  { path: "/v1/images/generations/async", items: 1 },
  { path: "/v1/images/generations/async", items: 1 },
  { path: "/v1/batches", items: 3 },
] as const;

test.each([1, 2, 3])(
  "synchronous calls, tasks and batches together get exactly what the budget has room for, seed %i",
  async (seed) => {
    const world = await gatewayWorld({ env: { CONDUITLLM__PRICES: JSON.stringify(PRICES) } });
    world.provider.always = () => pictures(1, PRICE_MICROS);
    const budgets = [{ limit: (ROOM * PRICE_MICROS) / 1e6, period: "daily" }];
    const { id, key } = await world.makeKey({ name: "app", budgets });
    const random = createSeededRandom(seed);
    const admitted = await Promise.all(
      Array.from({ length: REQUESTS }, async (_, index) => {
        const { path, items } = random.pick(KINDS);
        // Equal requests without a key of their own would be repeats.
        const headers = { "idempotency-key": `request ${index}` };
        const requests = Array.from({ length: items }, () => ({ ...FOX, type: "image" }));
        const body = items === 1 ? FOX : { requests };
        const { status } = await world.send("POST", path, { key, body, headers });
        expect([200, 402]).toContain(status);
        return status === 402 ? 0 : items;
      }),
    );
    const total = admitted.reduce<number>((sum, items) => sum + items, 0);
    expect(total).toBe(ROOM);
    await world.clock.advance(60_000);
    expect(await world.store.balance(id, null, "total")).toEqual({
      reservedMicros: 0,
      chargedMicros: ROOM * PRICE_MICROS,
    });
    const { differences } = await world.store.checkBalances(id);
    expect(differences).toEqual([]);
    await world.close();
  },
  LONG_TEST_MS,
);
