/** Limits of keys and their customers over HTTP: periods, grants, customers, requests, and what a key is told of them. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { WireError } from "../../src/protocol/error.ts";
import type { WireCustomer, WireKey, WireOwnKey } from "../../src/protocol/key.ts";
import type { WireAccepted } from "../../src/protocol/task.ts";
import { ADMIN_KEY, type GatewayWorld, gatewayWorld } from "../fixture/gateway-world.ts";

const ASYNC = "/v1/images/generations/async";
const FOX = { prompt: "a red fox", model: "local/canvas" };
const PRICES = { "local/canvas": { unit: "image", usd: 0.04 } };

let world: GatewayWorld;
beforeEach(async () => {
  world = await gatewayWorld({ env: { CONDUITLLM__PRICES: JSON.stringify(PRICES) } });
});
afterEach(() => world.close());

const json = async <T>(response: Response) => (await response.json()) as T;
const create = (key: string, body: object = FOX, headers: Record<string, string> = {}) =>
  world.send("POST", ASYNC, { body, key, headers });
const admin = (method: string, path: string, body?: object) =>
  world.send(method, path, { key: ADMIN_KEY, ...(body && { body }) });
const ownKey = async (key: string) => json<WireOwnKey>(await world.send("GET", "/v1/key", { key }));
const customerOf = async (response: Response) => {
  const { taskId } = await json<WireAccepted>(response);
  const keys = (await world.store.listKeys(9, null)).keys.map(({ id }) => id);
  for (const keyId of keys) {
    const view = await world.store.get({ keyId, subject: null }, taskId);
    if (view !== null) return view.task.customer;
  }
  throw new Error("The task is gone");
};
const today = () => new Date(world.clock.now()).toISOString().slice(0, 10);

describe("budgets of several periods", () => {
  test("are refused by name, with what is used, what is left and when the period begins anew", async () => {
    const { key } = await world.makeKey({
      name: "app",
      budgets: [
        { limit: 1, period: "monthly" },
        { limit: 0.05, period: "daily" },
      ],
    });
    expect((await create(key)).status).toBe(200);
    const refused = await create(key);
    expect(refused.status).toBe(402);
    const { error } = await json<WireError>(refused);
    const tomorrow = new Date(Date.parse(today()) + 86_400_000).toISOString();
    for (const part of [
      "may cost $0.04",
      "$0.01 is left of the key's daily budget of $0.05",
      "$0.04 is reserved",
      tomorrow,
    ])
      expect(error.message).toContain(part);
    expect((await ownKey(key)).budgets).toMatchObject([
      { period: "monthly", limit: 1, reserved: 0.04, left: 0.96 },
      { period: "daily", limit: 0.05, reserved: 0.04, left: 0.01, resetsAt: tomorrow, reached: null },
    ]);
  });

  test("are raised by grants, which a key is shown until they expire", async () => {
    const expiresAt = new Date(world.clock.now() + 60_000).toISOString();
    const { id, key } = await world.makeKey({ name: "app", budgets: [{ limit: 0 }] });
    expect((await create(key)).status).toBe(402);
    const patched = await json<WireKey>(
      await admin("PATCH", `/admin/v1/keys/${id}`, { grants: [{ amount: 0.05, expiresAt }] }),
    );
    expect(patched.grants).toEqual([{ amount: 0.05, expiresAt }]);
    expect((await create(key)).status).toBe(200);
    expect(await ownKey(key)).toMatchObject({
      grants: [{ amount: 0.05, expiresAt }],
      budgets: [{ limit: 0, granted: 0.05, reserved: 0.04, left: 0.01 }],
    });
    await world.clock.advance(60_000);
    expect((await create(key)).status).toBe(402);
    expect(await ownKey(key)).toMatchObject({ grants: [], budgets: [{ granted: 0, left: 0 }] });
    const lifted = await json<WireKey>(await admin("PATCH", `/admin/v1/keys/${id}`, { grants: null }));
    expect(lifted.grants).toEqual([]);
  });
});

describe("limits that make no sense", () => {
  test.each<[object, string]>([
    [
      {
        budgets: [
          { limit: 1, period: "daily" },
          { limit: 2, period: "daily" },
        ],
      },
      "budgets",
    ],
    [{ budgets: [{ limit: 1.000_000_1, period: "weekly" }] }, "budgets.0.limit"],
    [{ budgets: [{ limit: 1e300 }] }, "budgets.0.limit"],
    [{ customerBudget: { limit: -1 } }, "customerBudget.limit"],
    [{ customerBudget: { limit: 1, period: "yearly" } }, "customerBudget.period"],
    [{ grants: [{ amount: -1, expiresAt: "2030-01-01T00:00:00Z" }] }, "grants.0.amount"],
    [{ grants: [{ amount: 1, expiresAt: "tomorrow" }] }, "grants.0.expiresAt"],
    [{ grants: [{ amount: 1 }] }, "grants.0.expiresAt"],
    [
      { grants: Array.from({ length: 21 }, () => ({ amount: 1, expiresAt: "2030-01-01T00:00:00Z" })) },
      "grants",
    ],
    [{ requestsPerMinute: 0 }, "requestsPerMinute"],
    [{ requestsPerMinute: 1.5 }, "requestsPerMinute"],
    [{ requestsPerDay: 1_000_001 }, "requestsPerDay"],
    [{ requestsPerDay: "5" }, "requestsPerDay"],
  ])("are refused by name: %j", async (draft, param) => {
    const response = await admin("POST", "/admin/v1/keys", { name: "x", ...draft });
    expect(response.status).toBe(400);
    expect((await json<WireError>(response)).error.param).toBe(param);
  });
});

test("of two budgets of a period the refusal names the period", async () => {
  const budgets = [{ limit: 1, period: "daily" }, { limit: 2 }, { limit: 3, period: "daily" }];
  const { error } = await json<WireError>(await admin("POST", "/admin/v1/keys", { name: "x", budgets }));
  expect(error.message).toMatch(
    /at most one of each period .*, and "daily" is named twice; a list of 3 came\.$/,
  );
});

describe("the customer of a request", () => {
  test("is the body's user, else its safety_identifier, else the header, on every creating route", async () => {
    const { key } = await world.makeKey({ name: "app" });
    const header = { "x-conduit-customer": "carol" };
    expect(await customerOf(await create(key, { ...FOX, user: "ann" }, header))).toBe("ann");
    expect(await customerOf(await create(key, { ...FOX, safety_identifier: "bob" }, header))).toBe("bob");
    expect(await customerOf(await create(key, FOX, header))).toBe("carol");
    expect(await customerOf(await create(key))).toBeNull();
    expect(await customerOf(await create(key, FOX, { "x-conduit-customer": "y".repeat(129) }))).toMatch(
      /^[0-9a-f]{64}$/,
    );
  });

  test("has a budget of its own or the key's default, and a refusal says that it is the customer's", async () => {
    const { id, key } = await world.makeKey({
      name: "app",
      customerBudget: { limit: 0.05, period: "weekly" },
    });
    const path = `/admin/v1/keys/${id}/customers/${encodeURIComponent("ann/é")}`;
    const ask = (customer: string) => create(key, { ...FOX, user: customer });
    expect((await ask("ann/é")).status).toBe(200);
    const refused = await ask("ann/é");
    expect(refused.status).toBe(402);
    expect((await json<WireError>(refused)).error.message).toContain(
      "this customer's weekly budget of $0.05",
    );
    expect((await ask("bob")).status).toBe(200);
    expect((await create(key)).status).toBe(200);

    const set = await admin("PUT", path, { budget: { limit: 0.08 } });
    expect(await json<WireCustomer>(set)).toMatchObject({
      customer: "ann/é",
      budget: { limit: 0.08, period: "total" },
      state: { limit: 0.08, reserved: 0.04, charged: 0, left: 0.04 },
    });
    expect((await ask("ann/é")).status).toBe(200);
    expect((await ask("ann/é")).status).toBe(402);
    const back = await admin("DELETE", path);
    expect(await json<WireCustomer>(back)).toMatchObject({
      budget: null,
      state: { period: "weekly", limit: 0.05, left: 0 },
    });
    expect(await json<WireCustomer>(await admin("GET", path))).toMatchObject({ budget: null });
    const audit = await world.store.listAudit({
      limit: 9,
      after: null,
      target: id,
      action: "customer.changed",
    });
    expect(audit.entries).toMatchObject([
      { part: "ann/é", before: { budget: { limit: 0.08, period: "total" } }, after: { budget: null } },
      { part: "ann/é", before: { budget: null }, after: { budget: { limit: 0.08, period: "total" } } },
    ]);
  });

  test("is told in the audit log with what it had in the step that changed it, and not when nothing changed", async () => {
    const { id } = await world.makeKey({ name: "app" });
    const path = `/admin/v1/keys/${id}/customers/ann`;
    const limits = [1, 2, 3, 4, 5];
    await Promise.all(limits.map((limit) => admin("PUT", path, { budget: { limit } })));
    for (const _ of limits) expect((await admin("DELETE", path)).status).toBe(200);
    const { entries } = await world.store.listAudit({
      limit: 99,
      after: null,
      target: id,
      action: "customer.changed",
    });
    expect(entries).toHaveLength(limits.length + 1);
    let had: unknown = { budget: null };
    for (const { before, after } of entries.reverse()) {
      expect(before).toEqual(had);
      had = after;
    }
    expect(had).toEqual({ budget: null });
  });

  test.each<[string, string, object | undefined, number, string | null]>([
    ["GET", "/admin/v1/keys/key_nobody/customers/ann", undefined, 404, "id"],
    ["PUT", "/admin/v1/keys/key_nobody/customers/ann", { budget: null }, 404, "id"],
    ["PUT", "/admin/v1/keys/key_bootstrap/customers/ann", {}, 400, "budget"],
    ["PUT", "/admin/v1/keys/key_bootstrap/customers/ann", { budget: { limit: -1 } }, 400, "budget.limit"],
  ])("%s %s with %j is refused", async (method, path, body, status, param) => {
    const response = await admin(method, path, body);
    expect(response.status).toBe(status);
    expect((await json<WireError>(response)).error.param).toBe(param);
  });
});

describe("a limit of requests", () => {
  const RATE = ["limit", "remaining", "reset"].map((name) => `x-ratelimit-${name}-requests`);
  const rateOf = (response: Response) => RATE.map((name) => response.headers.get(name));

  test("is told with every create, in OpenAI's headers, and refuses with when to try again", async () => {
    const { key } = await world.makeKey({ name: "app", requestsPerMinute: 2 });
    expect(rateOf(await create(key))).toEqual(["2", "1", "30s"]);
    expect(rateOf(await create(key))).toEqual(["2", "0", "1m0s"]);
    const refused = await create(key);
    expect(refused.status).toBe(429);
    expect(rateOf(refused)).toEqual(["2", "0", "1m0s"]);
    expect(refused.headers.get("retry-after")).toBe("30");
    expect(refused.headers.get("x-should-retry")).toBeNull();
    expect((await json<WireError>(refused)).error).toMatchObject({
      code: "rate_limit_exceeded",
      type: "rate_limit_error",
    });
    await world.clock.advance(30_000);
    expect((await create(key)).status).toBe(200);
  });

  const batch = (key: string, size: number) =>
    world.send("POST", "/v1/batches", {
      key,
      body: { requests: Array.from({ length: size }, () => ({ ...FOX, type: "image" })) },
    });

  test("is told with what a budget refuses, which counts nothing", async () => {
    const budgets = [{ limit: 0.04, period: "total" }];
    const { key } = await world.makeKey({ name: "app", budgets, requestsPerMinute: 60 });
    expect(rateOf(await create(key))).toEqual(["60", "59", "1s"]);
    const sync = world.send("POST", "/v1/images/generations", { key, body: FOX });
    for (const refused of [await create(key), await sync, await batch(key, 50)]) {
      expect(refused.status).toBe(402);
      expect(rateOf(refused)).toEqual(["60", "59", "1s"]);
    }
    const asked = await world.send("POST", "/v1/auth/ephemeral-keys", { key, body: { subject: "ann" } });
    const ephemeral = await create((await json<{ key: string }>(asked)).key);
    expect([ephemeral.status, ...rateOf(ephemeral)]).toEqual([402, "60", "59", "1s"]);
  });

  test("is told with a batch that is more than is left, as it was before the batch", async () => {
    const { key } = await world.makeKey({ name: "app", requestsPerMinute: 40 });
    expect(rateOf(await batch(key, 20))).toEqual(["40", "20", "30s"]);
    const refused = await batch(key, 21);
    expect((await json<WireError>(refused)).error.code).toBe("rate_limit_exceeded");
    expect([refused.headers.get("retry-after"), ...rateOf(refused)]).toEqual(["2", "40", "20", "30s"]);
  });

  test("is told with a full queue, of which a batch that does not fit is no part", async () => {
    await world.close();
    world = await gatewayWorld({ env: { CONDUITLLM__QUEUE__MAXQUEUEDPERKEY: "30" } });
    const { key } = await world.makeKey({ name: "app", requestsPerMinute: 60 });
    const refused = await batch(key, 31);
    expect((await json<WireError>(refused)).error.code).toBe("queue_full");
    expect([refused.status, ...rateOf(refused)]).toEqual([429, "60", "60", "0s"]);
  });

  test("holds for synchronous pictures and for films too, and not for reads and estimates", async () => {
    const { key } = await world.makeKey({ name: "app", requestsPerDay: 1 });
    for (let read = 0; read < 3; read++) {
      expect((await world.send("GET", "/v1/tasks", { key })).status).toBe(200);
      const estimate = await world.send("POST", "/v1/estimate", { key, body: { type: "image", ...FOX } });
      expect(estimate.status).toBe(200);
    }
    expect((await create(key)).status).toBe(200);
    const sync = await world.send("POST", "/v1/images/generations", { key, body: FOX });
    expect(sync.status).toBe(429);
    expect(Number(sync.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await ownKey(key)).toMatchObject({
      requestsPerMinute: null,
      requestsPerDay: 1,
      requestRates: [{ per: "day", limit: 1, remaining: 0 }],
    });
  });

  test("of a key without one is not told", async () => {
    const { key } = await world.makeKey({ name: "app" });
    expect(rateOf(await create(key))).toEqual([null, null, null]);
    expect((await ownKey(key)).requestRates).toEqual([]);
  });

  test("counts no replay", async () => {
    const { key } = await world.makeKey({ name: "app", requestsPerMinute: 1 });
    const once = { "idempotency-key": "once" };
    expect((await create(key, FOX, once)).status).toBe(200);
    const replayed = await create(key, FOX, once);
    expect(replayed.status).toBe(200);
    expect(replayed.headers.get("idempotent-replayed")).toBe("true");
  });
});
