/** Streams of keys that go bad without anybody telling this process: they end within the minute that is promised. */

import { afterEach, beforeEach, expect, test } from "vitest";
import { ADMIN_KEY, type GatewayWorld, gatewayWorld } from "../fixture/gateway-world.ts";
import { settled } from "../fixture/manual-clock.ts";

const PROMISED_MS = 60_000;

let world: GatewayWorld;
beforeEach(async () => {
  world = await gatewayWorld();
});
afterEach(() => world.close());

/** Opens a key's stream; `ended` turns true, and `end` resolves, when the server ends it. */
async function follow(key: string): Promise<{ ended: boolean; end: Promise<void> }> {
  const response = await world.send("GET", "/v1/events", { key });
  expect(response.status).toBe(200);
  const stream = {
    ended: false,
    end: response.text().then(() => {
      stream.ended = true;
    }),
  };
  return stream;
}

test("a key that expires loses its streams, and other keys keep theirs", async () => {
  const expiresAt = new Date(world.clock.now() + 90_000).toISOString();
  const brief = await follow((await world.makeKey({ name: "brief", expiresAt })).key);
  const lasting = await follow((await world.makeKey({ name: "lasting" })).key);
  await world.clock.advance(89_000);
  expect([brief.ended, lasting.ended]).toEqual([false, false]);
  await world.clock.advance(1_000 + PROMISED_MS);
  await brief.end;
  expect(lasting.ended).toBe(false);
});

test.each(["disabled", "deleted"])(
  "a key that another process has %s loses its streams and is refused",
  async (how) => {
    const { id, key } = await world.makeKey({ name: "elsewhere" });
    const stream = await follow(key);
    if (how === "disabled") await world.store.updateKey(id, { enabled: false }, world.clock.now());
    else await world.store.deleteKey(id);
    await world.clock.advance(PROMISED_MS);
    await stream.end;
    expect((await world.send("GET", "/v1/key", { key })).status).toBe(how === "disabled" ? 403 : 401);
  },
);

test("a store that cannot be read for a while ends nobody's stream", async () => {
  const stream = await follow((await world.makeKey({ name: "steady" })).key);
  const { getKey } = world.store;
  world.store.getKey = () => Promise.reject(new Error("the database is locked"));
  await world.clock.advance(PROMISED_MS);
  await settled();
  expect(stream.ended).toBe(false);
  expect(world.log.some(({ message }) => message === "connected keys could not be checked")).toBe(true);
  world.store.getKey = getKey;
});

test("at the end of a rotation's overlap the key's streams end, and the new plain key may open them again", async () => {
  const { id, key } = await world.makeKey({ name: "rotated" });
  const old = await follow(key);
  const other = await follow((await world.makeKey({ name: "other" })).key);
  const path = `/admin/v1/keys/${id}/rotate`;
  const rotated = await world.send("POST", path, { key: ADMIN_KEY, body: { overlapSeconds: 100 } });
  const { key: plain } = (await rotated.json()) as { key: string };
  const both = [old, await follow(key), await follow(plain)];
  await world.clock.advance(99_000);
  expect(both.map(({ ended }) => ended)).toEqual([false, false, false]);
  await world.clock.advance(2_000);
  await Promise.all(both.map(({ end }) => end));
  expect((await world.send("GET", "/v1/events", { key })).status).toBe(401);
  const again = await follow(plain);
  await world.clock.advance(PROMISED_MS);
  expect([again.ended, other.ended]).toEqual([false, false]);
});
