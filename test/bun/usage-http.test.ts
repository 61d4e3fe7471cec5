/** Usage over HTTP: what a key used and what it cost, for its owner and for administrators. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { WireError } from "../../src/protocol/error.ts";
import type { WireAccepted } from "../../src/protocol/task.ts";
import type { WireMovementPage, WireUsagePage } from "../../src/protocol/usage.ts";
import { upstreamJobOf } from "../../src/tasks/due-work.ts";
import type { StepOutcome } from "../../src/tasks/ports/media-provider.ts";
import { ADMIN_KEY, type GatewayWorld, gatewayWorld } from "../fixture/gateway-world.ts";
import { settled } from "../fixture/manual-clock.ts";
import { PNG } from "../fixture/media-samples.ts";

const FOX = { prompt: "a red fox", model: "local/canvas" };
const PRICES = { "local/canvas": { unit: "image", usd: 0.04 } };
const DAY_MS = 86_400_000;

let world: GatewayWorld;
beforeEach(async () => {
  world = await gatewayWorld({ env: { CONDUITLLM__PRICES: JSON.stringify(PRICES) } });
});
afterEach(() => world.close());

/** A finished picture of a key. */
async function paint(key?: string, more: object = {}, outcome: Partial<StepOutcome> = {}): Promise<string> {
  const response = await world.send("POST", "/v1/images/generations/async", {
    body: { ...FOX, ...more },
    ...(key !== undefined && { key }),
  });
  expect(response.status).toBe(200);
  const call = await world.provider.next();
  const items = [{ index: 0, media: await call.io.putMedia(PNG, "image/png") }];
  call.answer({ kind: "done", items, ...outcome } as StepOutcome);
  await settled();
  return ((await response.json()) as WireAccepted).taskId;
}

async function read<T = WireUsagePage>(path: string, key?: string): Promise<T> {
  const response = await world.send("GET", path, key === undefined ? {} : { key });
  expect([path, response.status]).toEqual([path, 200]);
  return (await response.json()) as T;
}
const today = () => new Date(world.clock.now()).toISOString().slice(0, 10);
const ONE = { requests: 1, completed: 1, failed: 0, cancelled: 0, items: 1, charged: 0.04 };
const TWO = { ...ONE, requests: 2, completed: 2, items: 2, charged: 0.08 };
const NOTHING = { requests: 0, completed: 0, failed: 0, cancelled: 0, items: 0, charged: 0 };

describe("a key's own usage", () => {
  test("is the last thirty days by day, without what the providers billed", async () => {
    await paint();
    await paint();
    expect(await read("/v1/usage")).toEqual({
      from: new Date(world.clock.now() - 29 * DAY_MS).toISOString().slice(0, 10),
      to: today(),
      groupBy: "day",
      currency: "USD",
      totals: TWO,
      data: [{ day: today(), ...TWO }],
      hasMore: false,
      after: null,
    });
    const before = new Date(world.clock.now() - DAY_MS).toISOString();
    expect((await read(`/v1/usage?to=${before}`)).totals).toEqual(NOTHING);
    expect((await read(`/v1/usage?from=${before}`)).totals).toEqual(TWO);
  });

  test("is told by model, by type and by customer, in pages", async () => {
    await paint(undefined, { user: "=zoe" });
    await paint(undefined, { user: "ann" });
    await paint(undefined);
    expect((await read("/v1/usage?groupBy=model")).data).toEqual([
      { model: "local/canvas", ...ONE, requests: 3, completed: 3, items: 3, charged: 0.12 },
    ]);
    expect((await read("/v1/usage?groupBy=type")).data).toMatchObject([{ type: "image", requests: 3 }]);
    const first = await read("/v1/usage?groupBy=customer&limit=2");
    expect(first).toMatchObject({
      totals: { requests: 3 },
      data: [
        { customer: null, requests: 1 },
        { customer: "=zoe", requests: 1 },
      ],
      hasMore: true,
    });
    const second = await read(`/v1/usage?groupBy=customer&limit=2&after=${first.after}`);
    expect(second).toMatchObject({ data: [{ customer: "ann", requests: 1 }], hasMore: false, after: null });
    expect(await read("/v1/usage?customer=ann&groupBy=customer")).toMatchObject({
      totals: ONE,
      data: [{ customer: "ann", ...ONE }],
    });
    expect((await read("/v1/usage?customer=nobody")).totals).toEqual(NOTHING);
  });

  test("is a file that a spreadsheet opens without running it", async () => {
    await paint(undefined, { user: "=HYPERLINK(1),x" });
    const response = await world.send("GET", "/v1/usage?groupBy=customer&format=csv");
    expect(response.headers.get("content-type")).toContain("text/csv");
    expect(response.headers.get("content-disposition")).toMatch(
      /^attachment; filename="usage-[\d-]+-customer\.csv"$/,
    );
    expect(await response.text()).toBe(
      "customer,requests,completed,failed,cancelled,items,charged\r\n" +
        `"'=HYPERLINK(1),x",1,1,0,0,1,0.04\r\n`,
    );
    const more = await world.send("GET", "/v1/usage?groupBy=day&format=csv");
    expect(await more.text()).toContain(`\r\n${today()},1,1,0,0,1,0.04\r\n`);
  });

  test("is that of no other key, whatever the cursor says", async () => {
    const other = await world.makeKey({ name: "other" });
    await paint(other.key, { user: "secret" });
    expect((await read("/v1/usage")).totals).toEqual(NOTHING);
    for (const keyId of ["", "0", other.id]) {
      const after = btoa(JSON.stringify({ keyId, customer: null })).replaceAll("=", "");
      expect((await read(`/v1/usage?groupBy=customer&after=${after}`)).data).toEqual([]);
    }
  });

  test("is still told to a key that has spent its budget", async () => {
    const { key } = await world.makeKey({ name: "poor", budgets: [{ limit: 0.04, period: "total" }] });
    await paint(key);
    const refused = await world.send("POST", "/v1/images/generations/async", { key, body: FOX });
    expect(refused.status).toBe(402);
    expect((await read("/v1/usage", key)).totals).toEqual(ONE);
  });

  test("of an ephemeral key is that of its own subject", async () => {
    const made = await world.send("POST", "/v1/auth/ephemeral-keys", { body: { subject: "ann" } });
    expect(made.status).toBe(200);
    const { key } = (await made.json()) as { key: string };
    await paint(key);
    await paint(undefined, { user: "bob" });
    expect(await read("/v1/usage?groupBy=customer", key)).toMatchObject({
      totals: ONE,
      data: [{ customer: "ann", ...ONE }],
    });
    expect((await read("/v1/usage", key)).totals).toEqual(ONE);
    const other = await world.send("GET", "/v1/usage?customer=bob", { key });
    expect(other.status).toBe(403);
  });

  test("is refused without a key, and for days that are none", async () => {
    expect((await world.send("GET", "/v1/usage", { key: null })).status).toBe(401);
    const response = await world.send("GET", "/v1/usage?from=2026-13-01");
    expect(response.status).toBe(400);
    expect(((await response.json()) as WireError).error).toMatchObject({
      code: "invalid_parameter",
      param: "from",
    });
  });
});

describe("for administrators", () => {
  test("usage of all keys, with what the providers billed", async () => {
    const other = await world.makeKey({ name: "other" });
    await paint(undefined, {}, { costMicros: 90_000 });
    await paint(other.key, { user: "ann" });
    const admin = { ...TWO, charged: 0.08, upstreamCost: 0.13, overrun: 0.05 };
    expect((await read("/admin/v1/usage", ADMIN_KEY)).totals).toEqual(admin);
    const keys = await read("/admin/v1/usage?groupBy=key", ADMIN_KEY);
    expect(keys.data.map(({ key, requests }) => [key, requests]).sort()).toEqual(
      [
        ["key_bootstrap", 1],
        [other.id, 1],
      ].sort(),
    );
    const customers = await read("/admin/v1/usage?groupBy=customer", ADMIN_KEY);
    expect(customers.data).toContainEqual({
      key: other.id,
      customer: "ann",
      ...ONE,
      upstreamCost: 0.04,
      overrun: 0,
    });
    expect((await read(`/admin/v1/keys/${other.id}/usage?groupBy=model`, ADMIN_KEY)).data).toMatchObject([
      { model: "local/canvas", requests: 1, upstreamCost: 0.04 },
    ]);
    const file = await world.send("GET", "/admin/v1/usage?groupBy=customer&format=csv", { key: ADMIN_KEY });
    expect((await file.text()).split("\r\n")[0]).toBe(
      "key,customer,requests,completed,failed,cancelled,items,charged,upstreamCost,overrun",
    );
    const short = await world.send("GET", "/admin/v1/usage?groupBy=key&format=csv&limit=1", {
      key: ADMIN_KEY,
    });
    expect(short.headers.get("x-conduit-after")).toMatch(/^[\w-]+$/);
  });

  test("the ledger of a key, page by page", async () => {
    const ids = [await paint(), await paint(undefined, { user: "ann" })];
    const response = await world.send("GET", "/admin/v1/keys/key_bootstrap/ledger?limit=1", {
      key: ADMIN_KEY,
    });
    const first = (await response.json()) as WireMovementPage;
    expect(first).toMatchObject({
      data: [{ source: "task", id: ids[1], customer: "ann", model: "local/canvas", charged: 0.04 }],
      hasMore: true,
    });
    const path = `/admin/v1/keys/key_bootstrap/ledger?after=${encodeURIComponent(first.after ?? "")}`;
    const second = (await (await world.send("GET", path, { key: ADMIN_KEY })).json()) as WireMovementPage;
    expect(second).toMatchObject({ data: [{ id: ids[0], customer: null }], hasMore: false });
    // A bill that came later has an entry of its own, after which a page may end too.
    const { upstreamMicros: before } = (
      await world.store.listMovements("key_bootstrap", { limit: 1, before: null })
    ).movements[0]!;
    const work = { kind: "cleanup", leaseMs: 1_000, max: 1, maxPerDestination: 1 } as const;
    const { task } = (await world.store.get({ keyId: "key_bootstrap", subject: null }, ids[1]!))!;
    const job = { ...upstreamJobOf(task), fence: 0 };
    await world.store.reportLate({ taskId: task.id, fence: 0, job, state: "stray", costMicros: 5_000 });
    const [stray] = await world.store.claimWork(work);
    const bill = { billedMicros: 5_000, cancellation: "requested" } as const;
    expect(await world.store.finishWork(stray!.item, { kind: "done", bill })).toBe(true);
    const late = await read<WireMovementPage>("/admin/v1/keys/key_bootstrap/ledger?limit=1", ADMIN_KEY);
    expect(late).toMatchObject({
      data: [{ id: ids[1], charged: 0, upstreamCost: 0.005 }],
      after: expect.stringMatching(`-task/${ids[1]}/${before}$`),
    });
    const rest = `/admin/v1/keys/key_bootstrap/ledger?after=${encodeURIComponent(late.after ?? "")}`;
    expect((await read<WireMovementPage>(rest, ADMIN_KEY)).data.map(({ id }) => id)).toEqual([
      ids[1],
      ids[0],
    ]);
    const wrong = await world.send("GET", "/admin/v1/keys/key_bootstrap/ledger?after=1", { key: ADMIN_KEY });
    expect(wrong.status).toBe(400);
  });

  test("only", async () => {
    for (const path of [
      "/admin/v1/usage",
      "/admin/v1/keys/key_bootstrap/usage",
      "/admin/v1/keys/key_bootstrap/ledger",
    ])
      expect((await world.send("GET", path)).status).toBe(403);
  });
});
